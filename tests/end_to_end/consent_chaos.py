"""What happens in a run of chaos: people on both sides, operators, clocks, faults and kills, as a seed says."""

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from store.lifecycle import State
from sync.optinout import STREAM
from tests.end_to_end import consent_truth, documents
from tests.end_to_end.consent_histories import ONE_WAY, Rest, Rules
from tests.end_to_end.consent_stage import BOTH, ConsentStage
from tests.end_to_end.consent_truth import wire
from tests.end_to_end.killer import Killer

PAIRS: tuple[documents.Plain, ...] = (
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "followemail", "campaign": "denyListMobile", "opted_out": False, "policy": "newest"},
    {"dynamics": "donotphone", "campaign": "blackListPhone", "policy": "most_restrictive"},
    {"dynamics": "donotpostalmail", "campaign": "blackListPostalMail", "policy": "campaign"},
    {"dynamics": "donotbulkpostalmail", "campaign": "ccpaOptOut", "policy": "newest"},
    {"dynamics": "donotbulkemail", "campaign": "blackList", "policy": "dynamics"},
    {"dynamics": "donotsendmm", "campaign": "blackListPushnotification", "policy": "most_restrictive"},
)
#: What ingress carries: a change of it is a change of the record, too.
CARRIED: documents.Plain = {"dynamics": "donotfax", "campaign": "blackListFax"}

#: How many changes people make in a second.
RATE = 60
FAULTS = {
    **dict.fromkeys(("rate_429", "rate_500", "rate_reset", "rate_timeout_before"), 0.02),
    **dict.fromkeys(("rate_reset_after", "rate_timeout_after", "rate_truncated", "rate_malformed"), 0.03),
    "hold_seconds": 0.3,
    "retry_after": 0,
    "latency_ms": 5,
    "latency_jitter_ms": 40,
    "latency_after_ms": 10,
}
#: By how many seconds a clock may be ahead in the beginning, and by how many one is set on or back.
BEGINNINGS = (0, 0, 2, -2)
SET = (20, 3, -3, -20)
#: After how many seconds changes may show. Polling looks back twice as far, which is less than clocks are set back.
OVERLAP = 2
#: What stands in profiles that were edited by hand.
EDITED = "By-Hand"
#: How long everything may take in the end, in seconds, on a machine that does much else.
LONG = 90.0

#: What happens meanwhile: what a line names happens in its order, and the lines at any moments.
Lines = tuple[tuple[str, ...], ...]


class Shape(NamedTuple):
    """How much happens in a run."""

    parts: tuple[Lines, ...]  #: each of them ends with a rest
    changes: int  #: that people make in each part

    @property
    def all_changes(self) -> int:
        return self.changes * len(self.parts)


FIRST: Lines = (("unmake", "remake"), ("kill",), ("clock",), ("export",), ("edit",))
SECOND: Lines = (
    *(("turn", "turn back"), ("unmake", "replay")),
    *(("redis",), ("kill",), ("clock",), ("export",), ("delete",)),
)
BIG = Shape((FIRST, SECOND), changes=120)
#: For a run among many other tests.
SMALL = Shape(((*FIRST, ("delete",)),), changes=80)


class Chaos:
    def __init__(self, consent: ConsentStage, seed: int, shape: Shape) -> None:
        self.consent = consent
        self.shape = shape
        self.seed = seed
        self.chance = Random(f"chaos:{seed}")
        self.done: Counter[str] = Counter()  #: what has happened, by its name
        self.gone: set[str] = set()  #: contacts that were deleted
        self.rests: list[Rest] = []
        self._unmade: list[str] = []
        self._dealt: Counter[str] = Counter()  #: faults, but for those that are dealt out now
        self._ahead = {system: self.chance.choice(BEGINNINGS) for system in BOTH}
        self._set_clocks()
        consent.save(self._part())
        self.told_back = consent.ids[26:28]  #: two of whom nothing is said but by `_say_after_us`
        for id_ in self.told_back:
            consent.admin.patch(f"/dynamics/contacts/{id_}", {"donotemail": False})
        consent.profiles(*consent.ids[:50])
        self.begun = consent.rows()
        self.demanded = [Rules(-1, _policies(PAIRS))]
        carried = [("lastname", "lastName"), (CARRIED["dynamics"], CARRIED["campaign"])]
        self._ingress = consent.save_ingress(documents.ingress(documents.contacts(pairs=carried)))
        self.killer = Killer(consent, seed)

    def begin(self) -> None:
        """Both workflows run, each system has its faults."""
        self._run()
        self._run_ingress()
        self._say_after_us()
        self._faults()

    def live(self, lines: Lines) -> None:
        """People change their minds for some seconds, while all this happens, each at its moment; they go on until it
        has happened."""
        order = [line for line in lines for _ in line]
        self.chance.shuffle(order)
        lefts = {line: list(line) for line in lines}
        moments = sorted(self.chance.sample(range(self.shape.changes), len(order)))
        before = len(self.consent.changes())
        self._people()
        for line, moment in zip(order, moments, strict=True):
            self._wait_for_changes(before + moment)
            what = lefts[line].pop(0)
            getattr(self, f"_{what.replace(' ', '_')}")()
            self.done[what] += 1
        self.killer.wait_until(lambda: not self.consent.left(), "people are done")

    def rest(self) -> None:
        """Until everything was looked at, and nothing waits but for the deleted."""
        consent, wait_until = self.consent, self.killer.wait_until
        wait_until(self._is_peopled, "everybody has a profile, and a replay wrote all of them", LONG)
        self._quiet()
        wait_until(lambda: bool(consent.files_read()) or not self.done["export"], "a file was read", LONG)
        wait_until(lambda: consent.is_settled(but_for_parked=True), "both sides are equal, and nothing waits", LONG)
        consent.look_at_everything("blackListPhone", consent.ids[28], consent.ids[29])
        wait_until(lambda: consent.is_settled(but_for_parked=True), "both sides are equal, and nothing waits", LONG)
        seq, rows = -1, {}
        while seq != consent.seq():
            seq, rows = consent.seq(), consent.rows()
        self.rests.append(Rest(seq, rows))
        self._faults()

    def dealt(self) -> Counter[str]:
        """How often each fault was dealt out, all in all."""
        return self._dealt + self._dealt_now()

    # people

    def _people(self) -> None:
        some, others = self.consent.ids[:16], [id_ for id_ in self.consent.ids[30:] if id_ not in self.gone]
        pairs = [*map(consent_truth.bare, PAIRS), CARRIED]
        pairs = [{**pair, "campaign": wire(pair["campaign"])} for pair in pairs]
        few = self.shape.changes // 4
        both = {"side": "both", "conflicts": 0.3, "ids": some, "changes": 3 * few, "rate": RATE * 3 // 4}
        here = {"side": "dynamics", "ids": others, "changes": few, "rate": RATE // 4}
        for plan in (both, here):
            seed = f"{self.seed}:{len(self.rests)}"
            self.consent.admin.post("/consent/changes", {**plan, "pairs": pairs, "seed": seed})

    def _say_after_us(self) -> None:
        """What we wrote bears the time of our writing, by a clock that is ahead then: somebody who says something in
        the other system right after us has an older time, and is later all the same. Nothing fails meanwhile."""
        consent, wait_until = self.consent, self.killer.wait_until
        [pair] = [pair for pair in consent.pairs if pair["campaign"] == "blackListEmail"]
        in_campaign, in_dynamics = self.told_back

        def is_equal(id_: str) -> bool:
            there, here = consent.stands("blackListEmail", id_)
            return there is here

        consent.switch(dynamics_clock_offset=20, campaign_clock_offset=0)
        self._set("campaign", pair, in_campaign, True)
        wait_until(lambda: is_equal(in_campaign), "we have written Dynamics")
        self._set("campaign", pair, in_campaign, False)
        consent.switch(dynamics_clock_offset=0, campaign_clock_offset=20)
        self._set("dynamics", pair, in_dynamics, True)
        wait_until(lambda: is_equal(in_dynamics) and is_equal(in_campaign), "we have written both")
        self._set("dynamics", pair, in_dynamics, False)
        wait_until(lambda: is_equal(in_dynamics) and consent.is_settled(), "nothing waits")
        self._set_clocks()

    def _unmake(self) -> None:
        """Profiles are deleted in Campaign."""
        self._unmade = self.chance.sample(self.consent.ids[:26], 6)
        self.consent.admin.post("/consent/profiles/delete", {"ids": self._unmade})

    def _remake(self) -> None:
        """People make them again, with one of the flags as the contact has it."""
        pairs = [self.chance.choice(self.consent.pairs)]
        self.consent.admin.post("/consent/profiles", {"ids": self._unmade, "pairs": pairs})

    def _edit(self) -> None:
        """Profiles are changed in Campaign in what is no flag."""
        for profile in self.chance.sample(self.consent.admin.profiles(), 5):
            self.consent.admin.patch(f"/campaign/profiles/{profile['PKey']}", {"lastName": EDITED})

    def _delete(self) -> None:
        """Contacts are deleted in Dynamics."""
        ids = self.chance.sample(self.consent.ids[30:], 2)
        self.consent.admin.post("/dynamics/delete", {"ids": ids})
        self.gone |= {*ids}

    def _is_peopled(self) -> bool:
        rows = self.consent.rows().values()
        edited = (
            [one for one in self.consent.admin.profiles() if one["lastName"] == EDITED] if self.done["replay"] else []
        )
        return not edited and all(row["profiles"] for row in rows if row["dynamics"] is not None)

    def _set(self, side: str, pair: documents.Plain, id_: str, out: bool) -> None:
        plan = {"side": side, "ids": [id_], "pairs": [pair], "opted_out": out, "changes": 1}
        self.consent.admin.post("/consent/changes", plan)

    # systems

    def _clock(self) -> None:
        """A clock goes wrong, or is set right."""
        system = self.chance.choice(BOTH)
        self._ahead[system] += self.chance.choice(SET)
        self._set_clocks()

    def _set_clocks(self) -> None:
        self.consent.switch(**{f"{system}_clock_offset": seconds for system, seconds in self._ahead.items()})

    def _export(self) -> None:
        self.consent.admin.post("/consent/export")

    def _kill(self) -> None:
        self.killer.kill(self.chance.choice(("worker", "children", "a child")))

    def _redis(self) -> None:
        self.killer.kill("redis")

    def _faults(self) -> None:
        self._quiet()
        systems: documents.Plain = {**dict.fromkeys(BOTH, FAULTS), "sftp": {"rate_reset": 0.05}}
        self.consent.faults(seed=self.chance.randrange(10**6), **systems)

    def _quiet(self) -> None:
        self._dealt = self.dealt()
        self.consent.faults()

    def _dealt_now(self) -> Counter[str]:
        return sum((Counter(self.consent.dealt(system)) for system in BOTH), Counter())

    # operators

    def _part(self, direction: str = "bidirectional", flags: tuple[documents.Plain, ...] = PAIRS) -> documents.Plain:
        poll = {"overlap_seconds": OVERLAP}
        return documents.optinout(direction, flags=flags, poll=poll, files={"settled_seconds": 0})

    def _turn(self) -> None:
        """Another direction, other pairs, or other policies."""
        match self.chance.choice(("direction", "pairs", "policies")):
            case "direction":
                flags = tuple(map(consent_truth.bare, PAIRS))
                one_way = {wire(pair["campaign"]): frozenset([ONE_WAY]) for pair in PAIRS}
                self._demand(self._part("campaign_to_dynamics", flags), one_way)
            case "pairs":
                flags = tuple(self.chance.sample(PAIRS, 4))
                self._demand(self._part(flags=flags), _policies(flags))
            case "policies":
                policies = [pair.get("policy", "documented") for pair in PAIRS[:-1]]
                policies = [*policies[2:], *policies[:2], "most_restrictive"]
                flags = tuple({**pair, "policy": policy} for pair, policy in zip(PAIRS, policies, strict=True))
                self._demand(self._part(flags=flags), _policies(flags))

    def _turn_back(self) -> None:
        """What was left as it is one way, or by another policy, is looked at once more: with the direction by itself,
        with a policy by a replay."""
        if not any(ONE_WAY in policies for policies in self.demanded[-1].policies.values()):
            self.consent.workflow.replays.ask(STREAM, "tester", "test")
        self._demand(self._part(), _policies(PAIRS))

    def _demand(self, part: documents.Plain, policies: Mapping[str, frozenset[str]]) -> None:
        """Stops, saves, and starts; at times with a replay of everything."""
        consent, before = self.consent, self.demanded[-1].policies
        consent.stop()
        flags = {*before, *policies}
        either = {flag: before.get(flag, frozenset()) | policies.get(flag, frozenset()) for flag in flags}
        self.demanded.append(Rules(consent.seq(), either))
        consent.save(part)
        if self.chance.random() < 0.3:
            consent.workflow.replays.ask(STREAM, "tester", "test")
        self._quiet()  # the checks at the start would be tried again for long
        self._run()
        self.demanded.append(Rules(consent.seq(), policies))
        self._faults()

    def _run(self) -> None:
        self.consent.start(self.consent.workflow.revisions.newest())
        self.killer.wait_until(lambda: self.consent.life.state is not State.STARTING, "the checks have an outcome")
        assert self.consent.life.state is State.RUNNING, self.consent.report()

    def _run_ingress(self) -> None:
        ingress = self.consent.store.workflow("ingress")
        assert ingress.lifecycle.start("tester", "test", self._ingress)
        self.killer.wait_until(lambda: ingress.lifecycle.read().state is State.RUNNING, "ingress runs")

    def _replay(self) -> None:
        """Ingress writes every contact once more."""
        self._edit()
        ingress = self.consent.store.workflow("ingress")
        ingress.replays.ask("contact", "tester", "test")
        assert ingress.lifecycle.stop("tester", "test")
        self._quiet()
        self._run_ingress()
        self._faults()

    def _wait_for_changes(self, many: int) -> None:
        consent = self.consent
        self.killer.wait_until(lambda: len(consent.changes()) >= many or not consent.left(), "people go on")


def _policies(flags: tuple[documents.Plain, ...]) -> dict[str, frozenset[str]]:
    return {wire(pair["campaign"]): frozenset([pair.get("policy", "documented")]) for pair in flags}
