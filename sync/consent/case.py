"""One contact while a writer of consent has it in hand."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from store.decisions import Decision
from sync.consent.memory import Memory
from sync.consent.reconciling import Plan
from sync.consent.states import ContactState, ProfileState
from sync.streams import Answer, Send


@dataclass(slots=True)
class Reconcile(Send):
    """A contact whose two sides are to be brought together."""

    profile: ProfileState | None = None  #: as it waits; None: the change was made in Dynamics
    was_told: bool = False  #: whether Campaign told something of it before, which was set aside


@dataclass
class Case:
    send: Reconcile
    kept: bytes | None  #: its memory as it is stored
    memory: Memory | None
    open: list[Decision]
    profile: ProfileState | None = None
    reference: str = ""  #: how the profile is addressed; not to be kept
    is_read: bool = False  #: whether Campaign's side is known
    is_searched: bool = False  #: whether its profile was looked for under every usual spelling of its key
    contact: ContactState | None = None
    plan: Plan | None = None
    #: Of the decisions of the plan, by flag and system that is written to.
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    answer: Answer | None = None

    @property
    def id(self) -> str:
        return self.send.record.id


def alive(cases: Iterable[Case]) -> list[Case]:
    """Those whose end is not known yet."""
    return [case for case in cases if case.answer is None]
