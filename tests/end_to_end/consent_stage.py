"""An installation on which opt-in/out runs: people change consent on either side, and both sides become equal."""

import json
from pathlib import Path
from typing import Any

from config.document import dump
from config.load import load
from store.lifecycle import State
from sync.optinout import STREAM
from tests.end_to_end import consent_truth, documents
from tests.end_to_end.consent_truth import Row, wire
from tests.end_to_end.documents import Plain
from tests.end_to_end.installation import Installation
from tests.sandboxes import Sandbox

#: Where Campaign's export leaves its files.
EXPORTS = "d365_loads/exports"

#: The systems that have data, each asked again and again while the workflow runs both ways.
BOTH = ("dynamics", "campaign")


class ConsentStage(Installation):
    name = "optinout"
    stream = STREAM
    systems = {**dict.fromkeys(BOTH, "client_secret"), "sftp": "private_key"}  # noqa: RUF012  # never changed

    def __init__(self, sandbox: Sandbox, home: Path, **settings: Any) -> None:
        super().__init__(sandbox, home, **settings)
        self.part = documents.optinout()
        self.ids: list[str] = sorted(self.admin.contacts())
        self._next = 0
        #: Contacts of which nobody says that their sides become equal.
        self.apart: set[str] = set()

    @property
    def streams(self) -> list[str]:
        return [STREAM]

    # what an operator does

    def configure(self) -> int:
        return self.save(documents.optinout())

    def save(self, part: Plain) -> int:
        """Saves an opt-in/out part, by which the two sides are judged from now on; its revision."""
        return self._save(part)

    def save_ingress(self, part: Plain) -> int:
        """Saves an ingress part beside it; its revision."""
        secrets = {system: f"${{file:{self.home}/{system}.secret}}" for system in BOTH}
        document = load(documents.configuration(self.sandbox.info, secrets, ingress=part), "test.yaml")
        revisions = self.store.workflow("ingress").revisions
        return revisions.save(revisions.newest(), dump(document.workflows()["ingress"]), "tester", "test")

    def run_until_read(self, *roles: str) -> None:
        """Starts processes and the workflow, and waits until everybody was looked at once."""
        self.run(*(roles or ("worker", "beat")))
        self.start()
        self.wait_for_state(State.RUNNING)
        self.wait_until_read()

    # what people do

    def profiles(self, *ids: str) -> None:
        """Profiles for these contacts, with the flags that the contacts have."""
        self.admin.post("/consent/profiles", {"ids": list(ids), "pairs": self.pairs})

    def people(self, count: int) -> list[str]:
        """So many contacts with profiles, who have opted out of nothing."""
        chosen, self._next = self.ids[self._next :][:count], self._next + count
        assert len(chosen) == count
        for id_ in chosen:
            told = {pair["dynamics"]: not pair.get("opted_out", True) for pair in self.pairs}
            self.admin.patch(f"/dynamics/contacts/{id_}", told)
        self.profiles(*chosen)
        return chosen

    def opt(self, side: str, flag: str, out: bool, *ids: str) -> None:
        """People set a flag, by its name in Campaign, of these contacts on one side."""
        [pair] = [pair for pair in self.pairs if pair["campaign"] == flag]
        for id_ in ids:
            plan = {"side": side, "ids": [id_], "pairs": [pair], "opted_out": out, "changes": 1}
            self.admin.post("/consent/changes", plan)

    def look_at_everything(self, flag: str, first: str, last: str) -> None:
        """Somebody changes something in each system: once both know it, whatever came before was looked at. The two
        contacts are nobody else's."""
        for side, id_ in (("dynamics", last), ("campaign", first)):
            if self.stands(flag, id_) == (True, True):
                for one in BOTH:
                    self.opt(one, flag, False, id_)
            else:
                self.opt(side, flag, True, id_)

    def edit(self, *ids: str) -> None:
        """Somebody changes something else of these contacts in Dynamics."""
        self.admin.post("/dynamics/change", {"ids": list(ids)})

    @property
    def pairs(self) -> list[Plain]:
        """Those of the configuration, as the sandbox takes them."""
        return [
            {**pair, "campaign": wire(pair["campaign"])} for pair in map(consent_truth.bare, self.part["flags"])
        ]  # fmt: skip

    def later(self, seconds: float = 2) -> None:
        """Both systems' clocks go on."""
        self.admin.post("/clock", {"advance": seconds})

    def begin_a_second(self) -> None:
        """What is done next is done within one second of both clocks."""
        now: float = self.admin.get("/clock")["now"]
        self.later(1 - now % 1 + 0.05)

    def switch(self, **switches: object) -> None:
        self.admin.put("/switches", switches)

    def faults(self, seed: int = 1, **systems: Plain) -> None:
        """The sandbox's faults, by system; none ends them all."""
        self.admin.put("/faults", {"seed": seed, **systems} if systems else {})

    # what a tester looks at

    def rows(self) -> dict[str, Row]:
        """Both sides of each contact, by its id."""
        columns = ",".join(pair["dynamics"] for pair in self.part["flags"])
        rows: list[Row] = self.admin.get(f"/consent/flags?columns={columns}")["value"]
        return {row["id"]: row for row in rows}

    def stands(self, flag: str, id_: str) -> tuple[bool, bool | None]:
        """Whether the contact has opted out, in Dynamics and in Campaign."""
        return self.sides(flag, self.rows()[id_])

    def sides(self, flag: str, row: Row) -> tuple[bool, bool | None]:
        [pair] = [pair for pair in self.part["flags"] if wire(pair["campaign"]) == flag]
        return consent_truth.sides_of(pair, row)

    def made(self) -> list[Row]:
        """What came through the two APIs, in order."""
        found: list[Row] = self.admin.get("/consent/writes")["value"]
        return found

    def written(self) -> list[tuple[str, str, str]]:
        """Each paired flag that was written: whose, where, by its name in Campaign; in order."""
        return consent_truth.written(self.part, self.made())

    def changes(self) -> list[Row]:
        """What people changed, in order."""
        found: list[Row] = self.admin.get("/consent/changes")["value"]
        return found

    def made_profiles(self) -> list[Row]:
        """Which profiles people made, and deleted, in order."""
        found: list[Row] = self.admin.get("/consent/profiles")["value"]
        return found

    def seq(self) -> int:
        """The number of the last thing that happened to consent."""
        return int(self.admin.get("/consent/profiles")["seq"])

    def left(self) -> int:
        """How many changes are still to come."""
        return int(self.admin.get("/consent/changes")["left"])

    def decisions(self) -> list[Row]:
        """The record, as it is handed out."""
        return [json.loads(line) for line in self.d365acs("consent", "export", "-o", "jsonl").splitlines()]

    def files_in(self, folder: str) -> list[str]:
        """The files of a folder on SFTP, by name."""
        paths = [file["path"].rpartition("/") for file in self.admin.get("/sftp/files")["value"]]
        return [name for place, _, name in paths if place == folder]

    def files_read(self) -> list[str]:
        """Which files workers say they have read to their ends, in order, each once."""
        lines = [line for process in self.processes for line in process.log.read_text().splitlines()]
        told = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [*dict.fromkeys(line["file"] for line in told if line.get("action") == "file_read")]

    def writes(self) -> int:
        return len(self.made())

    def calls(self, system: str) -> int:
        """How many requests a system of the sandbox has taken."""
        return sum(self.admin.get("/calls")[system].values())

    def dealt(self, system: str) -> dict[str, int]:
        """How often each fault was dealt out."""
        found: dict[str, int] = self.admin.get("/faults")[system]["dealt"]
        return found

    def differences(self) -> list[str]:
        rows = {id_: row for id_, row in self.rows().items() if id_ not in self.apart}
        return consent_truth.differences(self.part, rows)

    def is_settled(self, but_for_parked: bool = False) -> bool:
        """No decision is open either."""
        return super().is_settled(but_for_parked) and not self.workflow.consent.stats().open

    def wait_until_read(self) -> None:
        """Until each source was read to its end, and what it told is done."""

        def is_read() -> bool:
            parts = self._position().get("parts", {})
            return bool(parts) and all(part["read_ms"] or name == "export" for name, part in parts.items())

        self.wait_until(lambda: is_read() and self.is_idle(but_for_parked=True), "every source was read")

    def wait_until_replayed(self) -> None:
        """Until a replay has begun, and everything was read once more."""

        def is_replayed() -> bool:
            position = self._position()
            return bool(position["replayed_ms"]) and "again" not in position["parts"]

        self.wait_until(lambda: is_replayed() and self.is_idle(), "everything was read once more")

    def _position(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.workflow.cursor(STREAM).value or "{}")
        return found

    def wait_for_looks(self, *systems: str) -> None:
        """Until these systems were asked again, and once more: time in which anything could have come of it."""
        before = {system: self.calls(system) for system in systems or BOTH}
        self.wait_until(
            lambda: all(self.calls(system) >= count + 2 for system, count in before.items()), "both are asked again"
        )
        self.wait_until(self.is_idle, "nothing waits")
