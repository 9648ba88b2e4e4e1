"""One installation on which all three workflows run, between the same two systems."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.consent_chaos import CARRIED
from tests.end_to_end.consent_histories import Rules
from tests.end_to_end.consent_stage import ConsentStage
from tests.end_to_end.consent_truth import wire
from tests.end_to_end.documents import Plain
from tests.end_to_end.event_stage import EventStage
from tests.end_to_end.installation import Installation
from tests.end_to_end.planted import PAYLOAD_KEY
from tests.end_to_end.stage import Stage
from tests.sandboxes import Sandbox

#: Rows of each table in the beginning, as options of the sandbox.
ROWS = {"--contacts": 90, "--accounts": 10, "--memberships": 40, "--invoices": 40, "--invoice-lines": 50}

#: Of the new contacts of a storm with imports, so many that wait travel in a file.
IMPORTS: Plain = {"workflow": "WKF201", "threshold": 12, "at_most": 60, "settled_seconds": 0.5, "cool_down_seconds": 0}

#: Seconds. Whatever is slow in a storm has its effect before a request that may begin within a lease must end.
LEASE = 5.0

SETTINGS: Plain = {
    "tick_seconds": 0.7,
    "slice_seconds": 2,
    "batch_size": 15,
    "read_page_size": 40,
    "schema_check_seconds": 2,
    "concurrency": 2,
    "consent_concurrency": 2,
    "payload_keys": PAYLOAD_KEY,
}

#: What decides about consent in a storm.
PAIRS: tuple[Plain, ...] = (
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "followemail", "campaign": "denyListMobile", "opted_out": False, "policy": "newest"},
    {"dynamics": "donotphone", "campaign": "blackListPhone", "policy": "most_restrictive"},
    {"dynamics": "donotpostalmail", "campaign": "blackListPostalMail", "policy": "campaign"},
    {"dynamics": "donotbulkemail", "campaign": "blackList", "policy": "dynamics"},
)

#: By pair the policy of the beginning and the end, and what operators make of it for a while.
POLICIES = tuple(pair.get("policy", "documented") for pair in PAIRS)
OTHER_POLICIES = (*POLICIES[2:4], *POLICIES[:2], "most_restrictive")

#: Every mapping carries the row's version, so that the sandbox's journal shows it.
_CONTACTS = (
    ("versionnumber", "cusVersion"),
    ("emailaddress1", "email"),
    ("firstname", "firstName"),
    ("lastname", "lastName"),
    ("jobtitle", "cusJobTitle"),
    ("address1_city", "location.city"),
    ("numberofchildren", "cusLoyaltyPoints"),
    (CARRIED["dynamics"], CARRIED["campaign"]),
)
#: A column that nobody fills, and a field that shows instead which configuration has written a profile.
_MARK = ("governmentid", "cusCrmId")

#: What a failed start says in a weather in which every token may be refused.
REFUSED_TOKEN = "a fresh token was refused"


class _Tables(Stage):
    systems = {**Stage.systems, "sftp": "private_key"}  # noqa: RUF012  # never changed


class Town:
    """`part_of` what happens to whom: people of consent change their minds and nothing else of them is touched, the
    live ones are changed and deleted, refused ones have an address that Campaign does not take, the rest only gets
    email."""

    def __init__(self, sandbox: Sandbox, home: Path, app: str, lease: float = LEASE, imports: bool = False) -> None:
        self.sandbox, self.admin, self.lease, self.imports = sandbox, sandbox.admin, lease, imports
        self.tables = _Tables(sandbox, home, app=app, lease_seconds=lease, **SETTINGS)
        self.events = EventStage(sandbox, home, beside=self.tables)
        self.consent = ConsentStage(sandbox, home, beside=self.tables)
        self.stages: tuple[Installation, ...] = (self.tables, self.events, self.consent)
        ids = sorted(self.admin.contacts())
        self.people, self.refused = ids[:30], ids[30:32]
        self.live, self.quiet = ids[32:72], ids[72:]
        self.mark = 0
        #: Of each configuration of ingress that was seen running: how long the journal was then, and its mark.
        self.seen_running: list[tuple[int, int]] = []
        self._starting: dict[str, tuple[int, int]] = {}  # workflow -> generation and mark of its last start
        self._policies = self._policies_starting = POLICIES  # of the newest configuration of consent, and of its start
        #: Which policies may count from when on: several while nobody knows whether a start has come to its end.
        self.demanded = [Rules(-1, _rules([POLICIES]))]
        self._may_count = {POLICIES}
        self.failed_starts = 0  #: for a reason that operators answer by starting once more
        self.failures: dict[str, str] = {}  #: and any other failure
        sandbox.admin.put("/switches", {"journal_mark": _MARK[1], "signal_cool_down_seconds": 0})

    def furnish(self) -> None:
        """Saves what the three workflows run with in the beginning; nothing runs yet."""
        for contact in self.refused:
            self.admin.patch(f"/dynamics/contacts/{contact}", {"emailaddress1": "nobody at example"})
        self.free_of_children()
        self.consent.save(consent_part())
        self.consent.profiles(*self.people[:15])
        self.save_tables()
        self.save_events()

    def free_of_children(self) -> None:
        """Nothing links to those who are refused: it would wait for them."""
        home = {"new_ContactId@odata.bind": f"/contacts({self.quiet[0]})", "new_SponsorId@odata.bind": None}
        for id_, row in self.admin.rows("new_membership").items():
            if {row.get("_new_contactid_value"), row.get("_new_sponsorid_value")} & {*self.refused}:
                self.admin.patch(f"/dynamics/tables/new_membership/{id_}", home)

    def save_tables(self, left_out: str = "") -> int:
        """Another configuration of ingress, with the next mark, and perhaps without one of the columns."""
        self.mark += 1
        pairs = [pair for pair in _CONTACTS if pair[0] != left_out]
        mark: Plain = {"from": _MARK[0], "to": _MARK[1], "replace": {"": f"mark {self.mark}"}}
        contacts = documents.contacts(pairs=pairs)
        contacts["fields"].append(mark)
        if self.imports:
            contacts["file_import"] = IMPORTS
        tables = (contacts, *map(_with_version, (documents.memberships(), documents.invoices(), documents.lines())))
        travels = {"contact": lambda row: row["contactid"] not in self.refused}
        return self.tables.save(documents.ingress(*tables, park_limit_seconds=600), travels)

    def save_events(self, batch_size: int = 30) -> int:
        return self.events.save(documents.egress(contact_limit_seconds=3, batch_size=batch_size))

    def save_consent(self, overlap_seconds: float, policies: tuple[str, ...] = POLICIES) -> int:
        self._policies = policies
        return self.consent.save(consent_part(overlap_seconds, policies))

    def _demand(self, may_count: set[tuple[str, ...]]) -> None:
        if may_count != self._may_count:
            self._may_count = may_count
            self.demanded.append(Rules(self.consent.seq(), _rules(may_count)))

    def start(self, stage: Installation) -> None:
        """Under the newest configuration; whether it runs is looked at later."""
        stage.start()
        self._starting[stage.name] = stage.life.generation, self.mark
        if stage is self.consent:
            self._demand(self._may_count | {self._policies})
            self._policies_starting = self._policies

    def is_starting(self, stage: Installation) -> bool:
        """Whether its last start was not seen to have come to its end."""
        return stage.name in self._starting

    def look(self) -> None:
        """Notes which starts have come to their end, and does what operators do about one that has failed."""
        try:
            for stage in self.stages:
                self._look_at(stage)
        except RedisError:
            return  # it is the storm that keeps it away

    def _look_at(self, stage: Installation) -> None:
        life, (generation, mark) = stage.life, self._starting.get(stage.name, (0, 0))
        if life.state is State.FAILED and generation == life.generation and REFUSED_TOKEN in life.why:
            # A start takes a fresh token that is refused for wrong credentials.
            self.failed_starts += 1
            self.start(stage)
        elif life.state is State.FAILED:
            self.failures[stage.name] = life.why
        elif generation == life.generation and life.state is State.RUNNING:
            del self._starting[stage.name]
            if stage is self.tables:
                self.seen_running.append((len(self.journal()), mark))
            elif stage is self.consent:
                self._demand({self._policies_starting})

    def is_loading(self, in_place: bool = False) -> bool:
        """Whether contacts are in a file for Campaign's import (that may be imported by now), as far as one can see."""
        try:
            load = self.tables.workflow.loads("contact").read()
        except RedisError:
            return False
        return load is not None and (load.placed_ms > 0 or not in_place)

    def loads_are_off(self) -> bool:
        """Whether an import went so badly that none is begun before the next start."""
        loads, generation = self.tables.workflow.loads("contact"), self.tables.life.generation
        return loads.off(generation) is not None

    def imported(self) -> int:
        """Rows that were written by imports."""
        return sum(entry["file"] is not None for entry in self.journal())

    def journal(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.admin.get("/journal")
        return found

    def close(self) -> None:
        self.tables.close()


def _with_version(mapping: Plain) -> Plain:
    """The version stands in the field that the sandbox's journal shows as such."""
    field = {"cusMembership": "number", "cusInvoice": "number", "cusInvoiceLine": "label"}[mapping["resource"]]
    kept = [entry for entry in mapping["fields"] if entry["to"] != field]
    return mapping | {"fields": [{"from": "versionnumber", "to": field}, *kept]}


def _rules(may_count: Iterable[tuple[str, ...]]) -> dict[str, frozenset[str]]:
    flags = [wire(pair["campaign"]) for pair in PAIRS]
    return {flag: frozenset(policies) for flag, policies in zip(flags, zip(*may_count, strict=True), strict=True)}


def consent_part(overlap_seconds: float = 2, policies: tuple[str, ...] = POLICIES) -> Plain:
    poll = {"overlap_seconds": overlap_seconds, "every_seconds": 0.5}
    flags = [pair | {"policy": policy} for pair, policy in zip(PAIRS, policies, strict=True)]
    return documents.optinout(flags=flags, poll=poll, files={"settled_seconds": 0})
