"""What is remembered of a contact's consent between two looks at it: what each side said last, and what we wrote.

A value that we wrote bears the other system's time of our writing. Taken for a change of its own, it could beat a
genuine change that came before it. So each value is remembered with the time of the change that it goes back to.

Begin reading here, and with `config/optinout.py`, which says what can be chosen; then `rule`, `reconciling`, `target`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple
from zlib import crc32

from config.consent_flags import FlagPair, WireFlag
from connectors.clocks import Skew
from sync.consent.rule import Seen

#: How far a system's own times may stray from the clock that its answers show, which may be its gateway's.
MARGIN_MS = 1000
#: The same for a system whose clock is not known.
UNKNOWN_CLOCK_MS = 60_000


#: So often the same value is written for one and the same change before an opt-in is held back. People who correct each
#: other come to less; a program that answers ours comes to this within seconds, or within days if it runs at night.
MOST_WRITES = 5
#: How long an opt-in is held back then, from its last writing on: whoever keeps setting it back gets one answer an
#: hour, and where that has been mended nobody waits for longer. Milliseconds.
HELD_MS = 3_600_000
#: Writings further apart have nothing to do with each other; a program that runs once a day is one. Milliseconds.
APART_MS = 2 * 86_400_000

#: How long a request may still be carried out whose answer nobody waits for any more, from its decision on. Dataverse
#: ends an operation, its plug-ins included, after two minutes ("Analyze plug-in performance"), Campaign's gateway a
#: request after one; and it is sent some seconds after it was decided. Milliseconds.
CARRIED_OUT_WITHIN_MS = 150_000

#: What nothing is known of.
NO_TIME = Seen(None, None)


class System(StrEnum):
    DYNAMICS = "dynamics"
    CAMPAIGN = "campaign"


class Span(NamedTuple):
    """From one moment to another, both included; ms since 1970."""

    first_ms: int
    last_ms: int

    def __contains__(self, moment: object) -> bool:
        return isinstance(moment, int) and self.first_ms <= moment <= self.last_ms


class Sent(NamedTuple):
    """A decision to write a flag that has not been answered yet, or never will be."""

    to: System
    opted_out: bool
    decided_ms: int  #: by our clock; the request came after it
    origin: Seen  #: the change that is passed on

    @property
    def late_until_ms(self) -> int:
        """Until when it may still be carried out."""
        return self.decided_ms + CARRIED_OUT_WITHIN_MS

    def may_come_late(self, now_ms: int) -> bool:
        return abs(now_ms - self.decided_ms) < CARRIED_OUT_WITHIN_MS


class Written(NamedTuple):
    """The same value, written once or again and again while its other side has not changed: somebody sets it back."""

    to: System
    opted_out: bool
    last_ms: int  #: when it was decided last; ms since 1970, by our clock
    many: int = 1

    @property
    def is_answered(self) -> bool:
        """Whether somebody answers each writing of ours with one of theirs."""
        return self.many >= MOST_WRITES

    def is_answered_at(self, now_ms: int) -> bool:
        """Whether this still is so, as far as is known."""
        return self.is_answered and abs(now_ms - self.last_ms) < APART_MS

    def held_until_ms(self, now_ms: int) -> int | None:
        """Until when it is not to be written; None: it may be. An opt-out is never held back."""
        is_recent = abs(now_ms - self.last_ms) < HELD_MS
        return self.last_ms + HELD_MS if self.is_answered and is_recent and not self.opted_out else None


class FlagMemory(NamedTuple):
    """One flag on both sides. Values and times are those of the changes that they go back to.

    Whoever sets Campaign's flag to the value that we write, just when we write it, cannot be told from us.
    """

    dynamics: Seen  #: as the row had it last, or as we wrote it
    campaign: Seen  #: as Campaign told it last, or as we wrote it
    told_ms: int | None = None  #: the newest time that Campaign itself has told for the flag
    ours: Span | None = None  #: by Campaign's clock: between these moments we wrote what it has now
    sent: Sent | None = None
    shown: bool = False  #: that these two values stand beside each other is on record
    written: Written | None = None  #: what was written last, as long as the other side has not changed
    late: Sent | None = None  #: what is not to be written any more, and may be: its request was given up
    pair: int = 0  #: the column that this was made from, and its polarity (`mark_of`)

    def unanswered(self, to: System) -> list[Sent]:
        """What was sent there, or was to be, without an answer."""
        return [one for one in (self.sent, self.late) if one is not None and one.to is to]

    def unanswered_of(self, to: System, opted_out: bool | None) -> Sent | None:
        """What was to write this value there."""
        return next((one for one in self.unanswered(to) if one.opted_out is opted_out), None)

    def of_pair(self, pair: FlagPair) -> "FlagMemory":
        """What of this holds for that pair. What another column said, or the same one the other way round, is no word
        of Dynamics about this flag."""
        if self.pair == mark_of(pair):
            return self
        in_campaign = [one if one and one.to is System.CAMPAIGN else None for one in (self.sent, self.late)]
        return self._replace(dynamics=NO_TIME, sent=in_campaign[0], late=in_campaign[1], shown=False, written=None)

    def after_writing(self) -> Written | None:
        """What was written, once what is open has been, or may have been."""
        if self.sent is None:
            return self.written
        one, before = Written(self.sent.to, self.sent.opted_out, self.sent.decided_ms), self.written
        if before is None or before[:2] != one[:2] or abs(one.last_ms - before.last_ms) >= APART_MS:
            return one
        return one._replace(many=before.many + 1)


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one contact. The record's time is that of its last change which was not ours."""

    etag: str = ""  #: the row's version when it was read last, or as our writing left it
    modified_ms: int | None = None  #: the row's own time in that version
    record: Seen = NO_TIME  #: the record's time, in the words of a flag
    profile_modified_ms: int | None = None  #: the profile's own time when it was read last
    profile_read_ms: int = 0  #: when that was, by our clock
    flags: Mapping[WireFlag, FlagMemory] = field(default_factory=dict)
    who: int = 0  #: which profile, or profiles, said so (`ProfileState.who`); 0: not known
    spelt: str = ""  #: how a profile spelt its key (`sync.consent.spelling`), if any of them did not as Dynamics has it

    @property
    def is_open(self) -> bool:
        """Whether a decision to write was never confirmed: both sides must be read before anything is concluded."""
        return any(flag.sent or flag.late for flag in self.flags.values())

    @property
    def late_until_ms(self) -> int | None:
        """When to look again, since something that is not to be written any more may be carried out until then."""
        return min((flag.late.late_until_ms for flag in self.flags.values() if flag.late), default=None)

    def open_flags(self, to: System) -> list[WireFlag]:
        return [name for name, flag in self.flags.items() if flag.sent and flag.sent.to is to]

    def dynamics_answered(self, etag: str, modified_ms: int | None) -> "Memory":
        """Dynamics has confirmed what was sent to it: the row has this version and time now. What was sent for the
        version of before comes too late."""
        flags = {
            name: flag._replace(dynamics=_copied(flag.sent), sent=None, written=flag.after_writing())
            if flag.sent and flag.sent.to is System.DYNAMICS
            else flag
            for name, flag in self.flags.items()
        }
        flags = {
            name: flag._replace(late=None) if flag.late and flag.late.to is System.DYNAMICS else flag
            for name, flag in flags.items()
        }
        return replace(self, etag=etag, modified_ms=self.modified_ms if modified_ms is None else modified_ms,
                       flags=flags)  # fmt: skip

    def campaign_answered(self, sent_ms: int, answered_ms: int, skew: Skew | None) -> "Memory":
        """Campaign has confirmed what was sent to it between these moments of our clock.

        `skew`: how far Campaign's clock is ahead of ours.
        """
        ours = span(sent_ms, answered_ms, skew)
        flags = {
            name: flag._replace(campaign=_copied(flag.sent), ours=ours, sent=None, written=flag.after_writing())
            if flag.sent and flag.sent.to is System.CAMPAIGN
            else flag
            for name, flag in self.flags.items()
        }
        # What was read before has the value of before.
        return replace(self, flags=flags, profile_read_ms=max(answered_ms, self.profile_read_ms))

    def given_up(self, to: System) -> "Memory":
        """What was to be sent there was not sent, or refused; or it is closed."""
        flags = {
            name: flag._replace(sent=None) if flag.sent and flag.sent.to is to else flag
            for name, flag in self.flags.items()
        }
        return replace(self, flags=flags)

    def closed(self) -> "Memory":
        """Nothing is open any more."""
        return replace(self, flags={name: flag._replace(sent=None, late=None) for name, flag in self.flags.items()})

    def without_profile(self) -> "Memory":
        """No profile is there. One that comes later is another one: nothing is known of what it says."""
        flags = {name: FlagMemory(flag.dynamics, NO_TIME, pair=flag.pair) for name, flag in self.flags.items()}
        return replace(self, profile_modified_ms=None, flags=flags, who=0, spelt="")


def mark_of(pair: FlagPair) -> int:
    """A column and its polarity, short, below 2**23; another column has another one, but for one in four million."""
    return crc32(pair.dynamics.encode()) & 0x3F_FFFF | pair.opted_out << 22


def span(sent_ms: int, answered_ms: int, skew: Skew | None) -> Span:
    """Between which times of a system something happened that we asked for then and then."""
    if skew is None:
        return Span(sent_ms - UNKNOWN_CLOCK_MS, answered_ms + UNKNOWN_CLOCK_MS)
    within = skew.within_ms + MARGIN_MS
    return Span(sent_ms + skew.ms - within, answered_ms + skew.ms + within)


def _copied(sent: Sent) -> Seen:
    return sent.origin._replace(opted_out=sent.opted_out)
