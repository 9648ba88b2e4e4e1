"""One contact while a writer of consent has it in hand."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from store.consent import Known
from store.decisions import Confirmed, Decision, Unreadable
from store.sealing import Altered, UnknownKey
from sync.consent.memory import Memory
from sync.consent.memory_bytes import UnknownMemory, unpack
from sync.consent.reconciling import Closed, Plan
from sync.consent.states import ContactState, ProfileState
from sync.mapping.mapper import Unmappable
from sync.streams import Answer, Send


class Illegible(Unmappable):
    """What is remembered of a contact, or was decided about it, is damaged or of a later version. Nobody is written to
    without it: it says who has opted out when."""

    def __init__(self, why: str) -> None:
        super().__init__("", f"What is remembered of this contact cannot be read: {why}")


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


def opened(send: Reconcile, found: Known | UnknownKey | Unreadable) -> Case:
    """A contact with what is remembered of it. Where that cannot be read, the case has its answer: UnknownKey stops the
    workflow, all else is this contact's trouble alone."""
    if type(found) is UnknownKey:
        return Case(send, None, None, [], answer=found)
    try:
        if isinstance(found, Exception):
            raise found
        return Case(send, found.memory, unpack(found.memory) if found.memory is not None else None, found.open)
    except (UnknownMemory, Unreadable, Altered) as error:
        return Case(send, None, None, [], answer=Illegible(str(error)))
    except Exception as error:
        return Case(send, None, None, [], answer=error)


def alive(cases: Iterable[Case]) -> list[Case]:
    """Those whose end is not known yet."""
    return [case for case in cases if case.answer is None]


def ends_of(still_open: Iterable[Decision], plan: Plan) -> dict[int, Confirmed | None]:
    """How decisions of before have ended, by number; None: what one of them is to write may still be carried out."""
    ends: dict[tuple[str, str, int], Confirmed | None] = {
        (one.flag, one.to, one.decided_ms): _end_of(one) for one in plan.closed
    }
    for name, flag in plan.memory.flags.items():
        if flag.late:
            ends[name, flag.late.to, flag.late.decided_ms] = None
    named = {one.number: (one.flag, one.written_to, one.decided_ms) for one in still_open}
    return {number: ends.get(name, Confirmed.UNKNOWN) for number, name in named.items()}


def _end_of(closed: Closed) -> Confirmed:
    if closed.found:
        return Confirmed.READING
    return Confirmed.REFUSED if closed.came_to_nothing else Confirmed.UNKNOWN
