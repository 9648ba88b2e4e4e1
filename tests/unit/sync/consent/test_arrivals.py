"""Since when consent was known that has arrived: opt-outs each by itself, and of all changes the oldest."""

from store.decisions import Decision, Side
from store.freshness import OPTOUT
from store.record_queue import Lane, Leased
from sync.consent.arrivals import note_arrivals
from sync.consent.case import Reconcile
from sync.consent.memory import Memory
from sync.consent.reconciling import Plan

OUT_AT_5, IN_AT_3, OUT_AT_9, UNTOLD, NEVER = (True, 5000), (False, 3000), (True, 9000), (True, None), (True, 0)


def decision(written_to: str, dynamics: Side, campaign: Side) -> Decision:
    return Decision("ann", "blackListEmail", dynamics, campaign, None, "newest", "one-way", "campaign", written_to, 1)


def noted(*decisions: Decision) -> tuple[int | None, list[tuple[str, int]]]:
    send = Reconcile(Leased("ann", 1, 1, Lane.LIVE, b"", 0, 0), None, {}, None, known=False)
    note_arrivals(send, Plan({}, {}, decisions, Memory()))
    return send.changed_ms, list(send.opt_outs)


def test_an_opt_out_counts_from_the_time_that_its_own_system_tells() -> None:
    # Given one that comes from Campaign, and one that comes from Dynamics
    assert noted(decision("dynamics", IN_AT_3, OUT_AT_5)) == (5000, [(OPTOUT["dynamics"], 5000)])
    assert noted(decision("campaign", OUT_AT_9, IN_AT_3)) == (9000, [(OPTOUT["campaign"], 9000)])


def test_an_opt_in_is_a_change_but_no_opt_out() -> None:
    assert noted(decision("dynamics", OUT_AT_9, IN_AT_3)) == (3000, [])


def test_of_several_flags_the_oldest_change_counts_and_every_opt_out() -> None:
    found = noted(decision("dynamics", IN_AT_3, OUT_AT_9), decision("campaign", OUT_AT_5, IN_AT_3))
    assert found == (5000, [(OPTOUT["dynamics"], 9000), (OPTOUT["campaign"], 5000)])


def test_what_is_not_written_or_has_no_time_tells_nothing() -> None:
    assert noted(decision("", IN_AT_3, OUT_AT_5)) == (None, [])
    assert noted(decision("dynamics", IN_AT_3, UNTOLD), decision("dynamics", IN_AT_3, NEVER)) == (None, [])
