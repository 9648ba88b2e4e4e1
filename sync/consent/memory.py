"""What is remembered of a contact's consent between two looks at it: what each side said last, and what we wrote.

A value that we wrote bears the other system's time of our writing. Taken for a change of its own, it could beat a
genuine change that came before it. So each value is remembered with the time of the change that it goes back to.
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


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one contact. The record's time is that of its last change which was not ours."""

    etag: str = ""  #: the row's version when it was read last, or as our writing left it
    modified_ms: int | None = None  #: the row's own time in that version
    record: Seen = NO_TIME  #: the record's time, in the words of a flag
    profile_modified_ms: int | None = None  #: the profile's own time when it was read last
    profile_read_ms: int = 0  #: when that was, by our clock
    flags: Mapping[WireFlag, FlagMemory] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether a decision to write was never confirmed: both sides must be read before anything is concluded."""
        return any(flag.sent for flag in self.flags.values())

    def open_flags(self, to: System) -> list[WireFlag]:
        return [name for name, flag in self.flags.items() if flag.sent and flag.sent.to is to]

    def dynamics_answered(self, etag: str, modified_ms: int | None) -> "Memory":
        """Dynamics has confirmed what was sent to it: the row has this version and time now."""
        flags = {
            name: flag._replace(dynamics=_copied(flag.sent), sent=None)
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
            name: flag._replace(campaign=_copied(flag.sent), ours=ours, sent=None)
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
        return replace(left, profile_modified_ms=None, flags=flags)


def span(sent_ms: int, answered_ms: int, skew: Skew | None) -> Span:
    """Between which times of a system something happened that we asked for then and then."""
    if skew is None:
        return Span(sent_ms - UNKNOWN_CLOCK_MS, answered_ms + UNKNOWN_CLOCK_MS)
    within = skew.within_ms + MARGIN_MS
    return Span(sent_ms + skew.ms - within, answered_ms + skew.ms + within)


def _copied(sent: Sent) -> Seen:
    return sent.origin._replace(opted_out=sent.opted_out)
