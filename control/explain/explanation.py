"""What an explanation consists of."""

from dataclasses import dataclass
from typing import Literal

from store.ledger import Entry
from store.ledger import Standing as Stands
from store.outcome_log import Ending
from store.records import SetAside
from store.whereabouts import Whereabouts

Action = Literal["create", "update", "delete", "nothing", "wait", "refuse", "unknown"]
How = Literal["present", "waiting", "parked", "set aside", "filtered", "absent", "unread", "unmapped", "unknown"]


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of a record once, or what people did with its dead letter."""

    at_ms: int
    ending: Ending
    cause: str = ""  #: of an attempt that failed: a class of errors
    attempts: int = 0  #: how many were made by then that counted; 0: none
    status: int = 0  #: of the HTTP answer to one that failed; 0: not known
    by: str = ""  #: who retried or dropped it; empty: nobody did, or the history is not kept any more
    why: str = ""  #: what else they did so with, and the reason they gave


@dataclass(frozen=True, slots=True)
class Awaited:
    """The record that this one is parked for, and how that stands itself."""

    stream: str
    id: str
    how: How
    sentence: str  #: with the command that leads on


_HELD = (Ending.CREATED, Ending.UPDATED, Ending.UNCHANGED)
_GONE = (Ending.DELETED, Ending.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is kept of a record."""

    waits: Whereabouts | None  #: on the queue
    set_aside: SetAside | None
    entry: Entry | None  #: of the ledger; None: nothing was ever confirmed or sent, or nothing is remembered
    past: tuple[Happened, ...] = ()  #: what became of it lately, the newest first
    repeats: bool = False  #: it is replayed: its next write happens even if nothing differs

    @property
    def confirmed_ms(self) -> int | None:
        """When the target was last known to hold what the ledger says, or not to hold it; None: that is not kept."""
        if self.entry is None or not self.entry.was_confirmed:
            return None
        ends = _GONE if self.entry.standing is Stands.DELETED else _HELD
        # Of an entry before this one, if it is older than the time since which what was confirmed had waited.
        since_ms = self.entry.read_at * 1000
        return next((one.at_ms for one in self.past if one.ending in ends and one.at_ms >= since_ms), None)

    @property
    def retried(self) -> Happened | None:
        """By which it waits again, if people retried its dead letter and it has not come to an end since."""
        ended = (one for one in self.past if one.ending not in (Ending.AGAIN, Ending.PARKED))
        last = next(ended, None)
        return last if last is not None and last.ending is Ending.RETRIED else None

    @property
    def is_known(self) -> bool:
        return self.waits is not None or self.set_aside is not None or self.entry is not None


@dataclass(frozen=True, slots=True)
class Found:
    """A record of Dynamics as it is now."""

    there: bool
    modified: str | None = None  #: when it was last changed, as Dynamics writes it; None: the table does not tell


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of the filter."""

    condition: str  #: statecode equals 0
    value: object  #: what the column holds, masked or not
    holds: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the mapping, applied."""

    source: str
    source_type: str
    value: object  #: what the column holds
    notes: tuple[str, ...]  #: what happens on the way: its label travels, it is replaced, ...
    target: str
    target_type: str
    result: object  #: what is written
    misfit: str = ""  #: why it does not fit: a sentence


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """A link of the record, and how its parent stands."""

    source: str
    target: str
    table: str
    required: bool
    parent: str | None  #: the parent's id; None: it leads nowhere
    stands: str  #: in words


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that Campaign holds otherwise."""

    field: str
    campaign: object  #: masked or not
    mapped: object
    updates: bool  #: False: changes of it are not written


@dataclass(frozen=True, slots=True)
class Held:
    """What Campaign holds of the record now."""

    resource: str
    count: int  #: records with its key: 0, 1, or more, which should not be
    modified: str | None = None
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """An event of Campaign, as far as it is kept."""

    kind: str  #: send, open, click, bounce; empty: not told
    values: dict[str, object]  #: its parts, masked or not
    activity: bool | None  #: whether Dynamics has its activity; None: nobody could be asked


@dataclass(frozen=True, slots=True)
class Part:
    """What one stream makes of the record."""

    workflow: str
    stream: str
    id: str
    state: str  #: of the workflow
    revision: int  #: under which it is explained
    verdict: str  #: a sentence or two
    action: Action  #: what would be done if its turn came now
    standing: Standing
    source: Found | None = None  #: None: Dynamics could not be asked, or was not
    every: bool = True  #: whether all conditions of the filter must hold, or any
    clauses: tuple[Clause, ...] = ()
    lines: tuple[Line, ...] = ()
    links: tuple[LinkSeen, ...] = ()
    held: Held | None = None  #: None: Campaign could not be asked, or was not
    event: Event | None = None
    awaited: Awaited | None = None  #: of a parked record
    troubles: tuple[str, ...] = ()  #: what could not be found out, and why: sentences
    next: tuple[str, ...] = ()  #: commands that lead on


@dataclass(frozen=True, slots=True)
class Explanation:
    given: str
    id: str  #: by which the record is known here
    named: tuple[str, ...]  #: how the id was understood: sentences
    parts: tuple[Part, ...]
    notes: tuple[str, ...]  #: what else knows it, and where to look: sentences
    revealed: bool
    now_ms: int  #: the store's clock
