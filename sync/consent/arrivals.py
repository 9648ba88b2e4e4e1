"""Since when the consent was known that is written now: for freshness, and for the way of opt-outs above all."""

from store.freshness import OPTOUT
from sync.consent.case import Reconcile
from sync.consent.memory import System
from sync.consent.reconciling import Plan


def note_arrivals(send: Reconcile, plan: Plan) -> None:
    """A plan was carried out: notes with the contact when what it brought had changed, as far as the system tells that
    it came from. Of several flags the oldest change counts; each opt-out counts by itself."""
    times = []
    opt_outs = []
    for decision in plan.decisions:
        if not decision.written_to:
            continue
        came_from = decision.campaign if decision.written_to == System.DYNAMICS.value else decision.dynamics
        opted_out, at_ms = came_from
        if at_ms is None or at_ms <= 0:
            continue
        times.append(at_ms)
        if opted_out:
            opt_outs.append((OPTOUT[decision.written_to], at_ms))
    if times:
        send.changed_ms = min(times)
    send.opt_outs = tuple(opt_outs)
