"""The part of the demonstration with consent: people opt in and out on both sides, until both say the same."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from config.consent_flags import FlagPair
from config.optinout import OptinoutConfig
from control import operate
from control.consent.explaining import Explanation, explain
from control.demo.consents import Consents, compare_consents
from control.demo.stage import Demo, Watch

WORKFLOW = "optinout"

#: One pair by the documented rule, and one by which the later change wins.
PAIRS = (
    FlagPair(dynamics="donotemail", campaign="blackListEmail"),
    FlagPair(dynamics="donotpostalmail", campaign="blackListPostalMail", policy="newest"),
)
EMAIL = PAIRS[0]
CONFIG = OptinoutConfig(direction="bidirectional", flags=PAIRS)

#: How many times people change their minds while it runs, and which share of that befalls both sides at once.
CHANGES, CONFLICTS = 12, 0.25
#: Dynamics keeps whole seconds: what comes so much later is later.
LATER_SECONDS = 1.1


@dataclass(frozen=True, slots=True)
class Conflict:
    """What somebody said of emails on both sides before anybody looked: the one, and a little later the other."""

    contact: str
    told: str  #: what happened, in words


@dataclass(frozen=True, slots=True)
class Settled:
    """What it took until both sides said the same."""

    written: Mapping[str, int]  #: flags written, by the system that they were written to
    seconds: float
    consents: Consents


def disagree(demo: Demo) -> tuple[Conflict, Conflict]:
    """Two people who have opted out of emails everywhere change their minds: one in Campaign, one in Dynamics.

    Nobody has looked yet, so that each is a conflict. Raises DemoFailed.
    """
    found = demo.sandbox.ask("GET", f"/consent/flags?columns={EMAIL.dynamics}")["value"]
    ann, bob = [row["id"] for row in found if row["dynamics"] and len(row["profiles"]) == 1][:2]
    for side in ("dynamics", "campaign"):
        _opt(demo, side, True, ann, bob)
    time.sleep(LATER_SECONDS)
    _opt(demo, "campaign", False, ann)
    _opt(demo, "dynamics", False, bob)
    return (
        Conflict(ann, "opted out in both systems, and later in again in Campaign"),
        Conflict(bob, "opted out in both systems, and later in again in Dynamics"),
    )


def first_look(demo: Demo, watch: Watch, timeout: float) -> Settled:
    """Starts opt-in/out and waits until both sides of every contact say the same. Raises DemoFailed."""
    began = time.monotonic()
    demo.sandbox.ask("DELETE", "/consent/writes")
    operate.start(demo.store, WORKFLOW, demo.settings.actor, "demonstration", accept_privacy=True)
    return _await(demo, watch, began, timeout, 0)


def changes(demo: Demo, watch: Watch, timeout: float) -> Settled:
    """People change their minds on either side, some on both, until both sides say the same. Raises DemoFailed."""
    demo.sandbox.ask("DELETE", "/consent/writes")
    settled, began = demo.settled(WORKFLOW), time.monotonic()
    plan = {"pairs": _pairs(), "changes": CHANGES, "conflicts": CONFLICTS, "seed": 4}
    demo.sandbox.ask("POST", "/consent/changes", plan)
    return _await(demo, watch, began, timeout, settled)


def explained(demo: Demo, conflict: Conflict) -> Explanation:
    """Why it came out as it did, as `d365acs consent explain` knows it."""
    return explain(demo.store, conflict.contact, 1)


def _opt(demo: Demo, side: str, out: bool, *contacts: str) -> None:
    plan = {"side": side, "pairs": _pairs()[:1], "opted_out": out}
    for contact in contacts:
        demo.sandbox.ask("POST", "/consent/changes", {**plan, "ids": [contact]})


def _pairs() -> list[dict[str, str]]:
    return [{"dynamics": pair.dynamics, "campaign": pair.campaign} for pair in PAIRS]


def _await(demo: Demo, watch: Watch, began: float, timeout: float, settled: int) -> Settled:
    columns = ",".join(pair.dynamics for pair in PAIRS)

    def compare() -> Consents:
        return compare_consents(PAIRS, demo.sandbox.ask("GET", f"/consent/flags?columns={columns}")["value"])

    _, consents = demo.await_agreement(WORKFLOW, compare, watch, began + timeout, settled)
    seconds = time.monotonic() - began
    written = [one["side"] for one in demo.sandbox.ask("GET", "/consent/writes")["value"] if one["changed"]]
    return Settled({side: written.count(side) for side in ("dynamics", "campaign")}, seconds, consents)
