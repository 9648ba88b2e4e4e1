"""Campaign's profiles that have changed, by a custom filter on `lastModified` that is asked again and again.

A round is one question with all its pages. Each begins some time before what the last one saw, since a change may show
later than its own time says. Campaign promises no order and no snapshot. What changed while a round's pages were read
is found by the next one, which begins before this one did. If the pages come in the order of the changes, a profile
that changes moves to their end, and another one may slip past a page's end: such a round is read twice.

Moments are those of Campaign's clock; ours only tells how long a round took.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from zlib import crc32

import orjson
import structlog

from config.optinout import ConsentPoll, OptinoutConfig
from connectors.campaign import Campaign
from connectors.campaign_profiles import ProfilePage
from connectors.errors import CursorExpired
from connectors.moments import campaign_ms
from sync.consent.fitting import LAST_MODIFIED, ConsentShapes
from sync.consent.page import ConsentPage, Told
from sync.consent.payload import profile_state

log = structlog.get_logger()

#: The most profiles that are remembered as seen. It only saves work: what is forgotten is looked up in Redis.
MOST_SEEN = 500

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class PollPosition:
    since_ms: int = 0  #: the question of this round
    walking: bool = True  #: whether this is the first round, which reads everybody
    next: str = ""  #: the link to its next page; empty: it is to begin
    began_ms: int = 0  #: when it began, by our clock
    known_ms: int = 0  #: the newest change that was seen before it began
    newest_ms: int = 0  #: the newest change that was seen at all
    last_ms: int | None = 0  #: of the profile that came last in this round; None: they do not come in order
    second: bool = False  #: whether the round is read the second time
    #: Profiles that were seen a short time before the newest change: by id, when they changed and what they said.
    seen: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def dump(self) -> str:
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: str) -> "PollPosition":
        fields = orjson.loads(text)
        fields["seen"] = {id_: (at_ms, said) for id_, (at_ms, said) in fields["seen"].items()}
        return cls(**fields)


class PolledProfiles:
    """A `ConsentPart`."""

    is_file = False

    def __init__(
        self, campaign: Campaign, config: OptinoutConfig, shapes: ConsentShapes, place: str, now_ms: Callable[[], int]
    ) -> None:
        """`now_ms`: our clock, the one that every process shares."""
        assert config.poll is not None
        self.place = place
        self._campaign = campaign
        self._config = config
        self._poll: ConsentPoll = config.poll
        self._key = config.profile_key.field
        self._fields = shapes.fields(self._key)
        self._overlap_ms = int(config.poll.overlap_seconds * 1000)
        self._now_ms = now_ms

    def beginning(self, since_ms: int | None) -> str:
        """Everybody, or with a time, whoever has changed since then."""
        return PollPosition(since_ms or 0).dump()

    def fetch(self, position: str, timeout: float) -> ConsentPage:
        at = PollPosition.load(position)
        page, at, read_ms = self._page(at, timeout)
        told: dict[str, Told] = {}
        seen: dict[str, tuple[int, int]] = dict(at.seen)
        left_out, last_ms, newest_ms = 0, at.last_ms, at.newest_ms
        for profile in page.profiles:
            # The connector has looked at it: there is no profile without.
            changed_ms = campaign_ms(profile[LAST_MODIFIED]) or 0
            last_ms = None if last_ms is None or changed_ms < last_ms else changed_ms
            newest_ms = max(newest_ms, changed_ms)
            id_ = str(profile.get(self._key, "")).strip().lower()
            if not _GUID.fullmatch(id_):
                left_out += 1  # a profile that Campaign has for itself
                continue
            said = changed_ms, crc32(orjson.dumps(profile))
            if seen.get(id_) != said:
                seen[id_] = said
                told[id_] = Told(id_, profile_state(self._config, profile, read_ms))
        at = replace(at, last_ms=last_ms, newest_ms=newest_ms)
        behind = replace(at, next=page.next) if page.next else self._round_over(at)
        behind = replace(behind, seen=self._still_of_use(seen, newest_ms))
        more = bool(behind.next) or behind.second
        idle = not told and behind == PollPosition.load(position)
        wait = 0.0 if more else self._poll.every_seconds
        return ConsentPage(
            list(told.values()), behind.dump(), more, wait, left_out, whole=at.walking, idle=idle and not more
        )

    def _page(self, at: PollPosition, timeout: float) -> tuple[ProfilePage, PollPosition, int]:
        """The page, the position that it belongs to, and when it was asked for."""
        poll, asked_ms, began = self._poll, self._now_ms(), time.monotonic()
        if at.next:
            try:
                return self._campaign.follow_profiles(at.next, at.since_ms, self._fields, timeout), at, asked_ms
            except CursorExpired as error:
                log.warning("A round of polling begins again.", action="round_again", why=error.sentence)
        left = timeout - (time.monotonic() - began)
        page = self._campaign.changed_profiles(
            poll.filter, poll.parameter, at.since_ms, self._fields, poll.page_size, left
        )
        return page, replace(at, next="", began_ms=asked_ms, known_ms=at.newest_ms, last_ms=0), asked_ms

    def _round_over(self, at: PollPosition) -> PollPosition:
        if at.next and at.last_ms is not None and not at.second:
            return replace(at, next="", second=True)
        # When the round began, Campaign's clock showed at least what had been seen by then, and what has been seen by
        # now less the time that this took.
        took_ms = max(0, self._now_ms() - at.began_ms)
        since_ms = max(at.known_ms, at.newest_ms - took_ms) - self._overlap_ms
        skew = self._campaign.clock.skew(time.time())
        if skew is not None:
            # A clock that was ahead and is set right makes changes that are older than what was seen.
            now_ms = int(time.time() * 1000) + skew.ms - skew.within_ms
            since_ms = min(max(since_ms, at.since_ms), now_ms - self._overlap_ms)
        # What one round needs alone is not kept, so that a position which has not moved is the same.
        return PollPosition(max(0, since_ms), walking=False, newest_ms=at.newest_ms)

    def _still_of_use(self, seen: Mapping[str, tuple[int, int]], newest_ms: int) -> dict[str, tuple[int, int]]:
        kept = [(id_, said) for id_, said in seen.items() if said[0] >= newest_ms - self._overlap_ms - 1000]
        if len(kept) > MOST_SEEN:
            kept = sorted(kept, key=lambda pair: pair[1][0])[-MOST_SEEN:]
        return dict(kept)
