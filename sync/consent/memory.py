"""What is remembered of a contact's consent between two looks at it: what each side said last, and what we wrote.

A value that we wrote bears the other system's time of our writing. Taken for a change of its own, it could beat a
genuine change that came before it. So each value is remembered with the time of the change that it goes back to.

Begin reading here, and with `config/optinout.py`, which says what can be chosen; then `rule`, `reconciling`, `target`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from config.consent_flags import WireFlag
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
        return any(flag.sent for flag in self.flags.values())

    def open_flags(self, to: System) -> list[WireFlag]:
        return [name for name, flag in self.flags.items() if flag.sent and flag.sent.to is to]

    def dynamics_answered(self, etag: str, modified_ms: int | None) -> "Memory":
        """Dynamics has confirmed what was sent to it: the row has this version and time now."""
        flags = {
            name: flag._replace(dynamics=_copied(flag.sent), sent=None, written=flag.after_writing())
            if flag.sent and flag.sent.to is System.DYNAMICS
            else flag
            for name, flag in self.flags.items()
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
        """What was to be sent there was not sent, or refused."""
        flags = {
            name: flag._replace(sent=None) if flag.sent and flag.sent.to is to else flag
            for name, flag in self.flags.items()
        }
        return replace(self, flags=flags)

    def without_profile(self) -> "Memory":
        """No profile is there. One that comes later is another one: nothing is known of what it says."""
        left = self.given_up(System.DYNAMICS).given_up(System.CAMPAIGN)
        flags = {name: FlagMemory(flag.dynamics, NO_TIME) for name, flag in left.flags.items()}
        return replace(left, profile_modified_ms=None, flags=flags, who=0, spelt="")


def span(sent_ms: int, answered_ms: int, skew: Skew | None) -> Span:
    """Between which times of a system something happened that we asked for then and then."""
    if skew is None:
        return Span(sent_ms - UNKNOWN_CLOCK_MS, answered_ms + UNKNOWN_CLOCK_MS)
    within = skew.within_ms + MARGIN_MS
    return Span(sent_ms + skew.ms - within, answered_ms + skew.ms + within)


def _copied(sent: Sent) -> Seen:
    return sent.origin._replace(opted_out=sent.opted_out)
