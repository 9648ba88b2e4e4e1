"""What is particular to opt-in/out: its record of decisions, how far both clocks are apart, and what moves nothing."""

from dataclasses import dataclass

from config.document import WorkflowDocument
from control.consent.words import answered_sentence
from control.together import newest_ingress, nothing_moves
from store.consent import ConsentStats
from store.store import Store, WorkflowStore

#: How far two clocks may be apart before people are told. Milliseconds.
SKEW_MS = 5_000
#: How long a measurement of the clocks is told. Milliseconds.
SKEW_TOLD_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class ConsentStatus:
    stats: ConsentStats
    still: str | None  #: why nothing moves, and where consent is configured then; None: it moves
    #: How far Campaign's clock was ahead of Dynamics' clock when that was measured last today; None: not known.
    skew_ms: int | None

    answered: str | None = None  #: that somebody keeps setting back what is written, and the way out

    @property
    def clocks(self) -> str | None:
        """What an operator should know of the clocks; None while they are close."""
        if self.skew_ms is None or abs(self.skew_ms) <= SKEW_MS:
            return None
        return skew_sentence(self.skew_ms)


def skew_sentence(skew_ms: int) -> str:
    way = "ahead of" if skew_ms > 0 else "behind"
    return (
        f"Campaign's clock is {abs(skew_ms) / 1000:.0f} s {way} that of Dynamics, and conflicts are decided by the "
        "times that both systems tell: have it set right, or take policy: most_restrictive, which needs no clock."
    )


def consent_status(store: Store, workflow: WorkflowStore, document: WorkflowDocument, now_ms: int) -> ConsentStatus:
    """`document`: with opt-in/out in it."""
    assert document.optinout is not None
    still = nothing_moves(document.optinout, newest_ingress(store))
    answered = workflow.consent.answered(now_ms)
    sentence = answered_sentence(answered, now_ms) if answered else None
    return ConsentStatus(workflow.consent.stats(), still, _skew_ms(workflow, now_ms), sentence)


def _skew_ms(workflow: WorkflowStore, now_ms: int) -> int | None:
    found = workflow.consent.skew()
    return found[0] if found and now_ms - found[1] < SKEW_TOLD_MS else None
