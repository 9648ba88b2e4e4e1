"""How far a stream has been read, whatever it reads: tables (tables.py) or events (events.py) say it of their own."""

from dataclasses import dataclass

from control.status.progress import Progress
from control.status.tokens import Token, Unread
from sync.events.position import Backfill, Missed


@dataclass(frozen=True, slots=True)
class Waits:
    """What else the progress of a reading depends on."""

    backlog: int  #: all records that wait
    replaying: int  #: those of them that were read again and that no writer has yet taken
    per_second: float  #: records that writers finish


@dataclass(frozen=True, slots=True)
class Comparing:
    """A comparison of keys with Dynamics; before it everything is read."""

    begun: bool  #: False: everything is still being read
    fraction: float  #: 0 to 1
    found: int  #: deletions recovered so far


@dataclass(frozen=True, slots=True)
class Source:
    """One of several sources that a stream reads side by side."""

    name: str  #: as the configuration has it
    stands: str  #: how far it has come, in words
    read_ms: int | None  #: when it was last read to its end and anything was new; None: never
    full: bool = False  #: whether everything is read, before what changes
    notice: Missed | None = None  #: what operators must know, the last of it


@dataclass(frozen=True, slots=True)
class Reading:
    """What the cursor of a stream tells."""

    phase: str | None = None  #: full, changes, replay (beside the changes); None before anything was read
    again: bool = False  #: whether a full read or a replay is under way
    replayed_ms: int = 0  #: the beginning of the last replay that was taken up
    progress: Progress | None = None  #: while a full read or a replay is under way
    comparing: Comparing | None = None  #: while deletions are recovered that no change token tells any more
    token: Token | None = None  #: the change token, once there is one
    read_ms: int | None = None  #: when the source was last read
    unread: Unread | None = None  #: how long a source has not been read that forgets
    backfill: Backfill | None = None  #: of events: the replay that is being read
    missed: Missed | None = None  #: events that were lost to the reader, the last ones
    sources: tuple[Source, ...] = ()  #: where it reads, if in more than one place
