"""Campaign's profiles that have changed, by a custom filter on `lastModified` that is asked again and again.

This is the reading that loses nothing; `sync.consent.latest` is the one that is fast, and promises nothing.

A round is one question with all its pages. A change may show later than its own time says, by `overlap_seconds`. A
round comes that long after the last one, and looks back twice as long before it: so at least two of them find each
change, and after that nothing is read again. They do not come more often, as long as the other reading does the rest:
where many profiles change all the time, looking back is most of the work.

Campaign promises no order and no snapshot. What changed while a round's pages were read is found by the next one, which
begins before this one did. If the pages come in the order of the changes, a profile that changes moves to their end,
and another one may slip past a page's end: such a round is read again until none has moved meanwhile, at most
`MOST_PASSES` times, unless the next ones read the same once more.

What was seen a short time ago stands in the position, so that it is not told again, whoever reads: of each contact
which profile it was, and when that changed. Two profiles of one contact are told as doubles.

Moments are those of Campaign's clock; ours only tells how long a round took, and how much has passed since. So it shows
when Campaign's clock was set back, also while nobody read: then a round begins by so much earlier.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import orjson
import structlog

from config.optinout import ConsentPoll, OptinoutConfig
from connectors.campaign import Campaign
from connectors.campaign_profiles import ROUNDING_MS, ProfilePage
from connectors.errors import CursorExpired
from connectors.moments import campaign_ms
from sync.consent.fitting import LAST_MODIFIED, ConsentShapes
from sync.consent.memory import Span
from sync.consent.page import FOR_EVER_MS, ConsentPage, Told
from sync.consent.payload import profile_state, who_of
from sync.consent.spelling import short
from sync.consent.states import ProfileState
from sync.consent.unusable import unusable
from sync.files.rows import EXCERPT
from sync.guid import guid_of

log = structlog.get_logger()

#: The most profiles that are remembered as seen. It only saves work: what is forgotten is looked up in Redis.
MOST_SEEN = 500

#: The layout of a position. One of another layout is not understood, and everybody is read.
POSITION = 2

#: The most profiles of one contact that are told apart.
MOST_DOUBLES = 10

#: How often a round is read at most until none of its profiles has moved meanwhile.
MOST_PASSES = 5

#: Campaign's clock was set back, if it shows so much less than it should. Less is within what a filter rounds, and what
#: the clock of its answers and that of its changes may be apart; and every round looks back. Milliseconds.
SET_BACK_MS = 3_000

#: A round begins so long after the one before, at most, even if changes may show later than that. Seconds.
LONGEST_WAIT = 60.0

#: What tells one profile from another that has the same key.
PKEY = "PKey"


#: What operators are told of a round that never saw Campaign at rest.
_RESTLESS = (
    f"Profiles went on changing while they were read {MOST_PASSES} times over, so that one may have been missed; when "
    "it is quieter, have everybody read once more: d365acs replay create optinout."
)


class Sight(NamedTuple):
    """A profile as it was seen. Only digests: a position is not sealed."""

    changed_ms: int
    who: int  #: which profile it was
    said: int  #: all that was read of it


@dataclass(frozen=True, slots=True)
class PollPosition:
    since_ms: int = 0  #: the question of this round
    walking: bool = True  #: whether this is the first round, which reads everybody
    next: str = ""  #: the link to its next page; empty: it is to begin
    began_ms: int = 0  #: when it began, by our clock
    known_ms: int = 0  #: what Campaign's clock showed then, at least
    newest_ms: int = 0  #: the newest change that was seen at all
    told_ms: int = 0  #: when that was seen, by our clock
    last_ms: int | None = 0  #: of the profile that came last in this round; None: they do not come in order
    passes: int = 0  #: how often the round was read to its end
    floor_ms: int = 0  #: the newest change that was seen before this pass began
    walk_ms: int = 0  #: when the first round began, by our clock
    #: Profiles that were seen a short time before the newest change, by the id of their contact.
    seen: Mapping[str, tuple[Sight, ...]] = field(default_factory=dict)

    def dump(self) -> str:
        return orjson.dumps(self, default=tuple).decode()

    @classmethod
    def load(cls, text: str) -> "PollPosition":
        fields = orjson.loads(text)
        fields["seen"] = {id_: tuple(Sight(*one) for one in sights) for id_, sights in fields["seen"].items()}
        return cls(**fields)


class PolledProfiles:
    """A `ConsentPart`."""

    is_file = False

    def __init__(
        self,
        campaign: Campaign,
        config: OptinoutConfig,
        shapes: ConsentShapes,
        place: str,
        now_ms: Callable[[], int],
        digest: Callable[[bytes], int],
    ) -> None:
        """`now_ms`: our clock, the one that every process shares; `digest`: see `WorkflowStore.digest`."""
        assert config.poll is not None
        self.place = place
        self._campaign = campaign
        self._config = config
        self._poll: ConsentPoll = config.poll
        self._key = config.profile_key.field
        self._fields = (*shapes.fields(self._key), PKEY)
        self._overlap_ms = int(config.poll.overlap_seconds * 1000)
        self._now_ms = now_ms
        self._digest = digest

    @property
    def _back_ms(self) -> int:
        """How far a question looks back behind what the last one saw."""
        return 2 * self._overlap_ms

    def beginning(self, since_ms: int | None) -> str:
        """Everybody, or with a time, whoever has changed since then."""
        return PollPosition(since_ms or 0).dump()

    def fetch(self, position: str, timeout: float, most: int | None = None) -> ConsentPage:
        at = PollPosition.load(position)
        # The links of a round's other pages have the size of its first one.
        size = self._poll.page_size if most is None else min(self._poll.page_size, most)
        page, at, read_ms = self._page(at, size, timeout)
        told: dict[str, Told] = {}
        seen: dict[str, tuple[Sight, ...]] = dict(at.seen)
        keyless: list[int] = []
        left_out, last_ms, newest_ms = 0, at.last_ms, at.newest_ms
        for profile in page.profiles:
            # The connector has looked at it: there is no profile without.
            changed_ms = campaign_ms(profile[LAST_MODIFIED]) or 0
            last_ms = None if last_ms is None or changed_ms < last_ms else changed_ms
            newest_ms = max(newest_ms, changed_ms)
            one = self._told(profile, read_ms)
            if one is None:
                left_out += 1
                if self._has_opted_out(profile):
                    keyless.append(self._digest(str(profile.get(PKEY, "")).encode()))
                continue
            sight = self._sight(profile, changed_ms)
            known = seen.get(one.id, ())
            if sight in known:
                continue
            others = tuple(other for other in known if other.who != sight.who)
            seen[one.id] = (*others, sight)[-MOST_DOUBLES:]
            told[one.id] = _as_double(one) if others else one
        told_ms = self._now_ms() if newest_ms > at.newest_ms else at.told_ms
        at = replace(at, last_ms=last_ms, newest_ms=newest_ms, told_ms=told_ms)
        behind = replace(at, next=page.next) if page.next else self._round_over(at)
        still_ms = max(newest_ms - self._back_ms, 0 if page.next else behind.since_ms) - ROUNDING_MS
        behind = replace(behind, seen=_recent(seen, still_ms))
        more = bool(behind.next) or behind.passes > 0
        idle = not told and behind == PollPosition.load(position)
        restless = not page.next and behind.passes == 0 and at.passes == MOST_PASSES - 1 and at.newest_ms > at.floor_ms
        return ConsentPage(
            list(told.values()),
            behind.dump(),
            more,
            0.0 if more else self._wait(),
            left_out,
            notice=_RESTLESS if restless else "",
            whole=at.walking,
            anew_ms=(at.walk_ms if at.passes else FOR_EVER_MS) if at.walking else 0,
            idle=idle and not more,
            keyless=tuple(keyless),
        )

    def _wait(self) -> float:
        """Seconds until the next round. Who has changed just now is told by the other reading, if it can: it needs to
        know Campaign's clock."""
        if self._campaigns_now_ms() is None:
            return self._poll.every_seconds
        return max(self._poll.every_seconds, min(self._overlap_ms / 1000, LONGEST_WAIT))

    def _told(self, profile: Mapping[str, Any], read_ms: int) -> Told | None:
        """What a profile says; None for one that Campaign has for itself."""
        key = str(profile.get(self._key, "")).strip()
        id_ = guid_of(key)
        if id_:
            return Told(id_, profile_state(self._config, profile, read_ms)._replace(spelt=short(id_, key)))
        if key and self._has_opted_out(profile):
            # Somebody has opted out, and nobody can say who.
            flaw = f"{self._key} of this profile is not the id of a contact; correct it in Campaign."
            return unusable(f"profile {profile.get(PKEY, '')}".strip(), flaw, orjson.dumps(profile).decode()[:EXCERPT])
        return None

    def _has_opted_out(self, profile: Mapping[str, Any]) -> bool:
        return any(profile.get(pair.campaign) is True for pair in self._config.flags)

    def _sight(self, profile: Mapping[str, Any], changed_ms: int) -> Sight:
        return Sight(changed_ms, who_of(profile), self._digest(orjson.dumps(profile)))

    def _page(self, at: PollPosition, size: int, timeout: float) -> tuple[ProfilePage, PollPosition, int]:
        """The page, the position that it belongs to, and when it was asked for."""
        poll, asked_ms, began = self._poll, self._now_ms(), time.monotonic()
        if at.next:
            try:
                return self._campaign.follow_profiles(at.next, at.since_ms, self._fields, timeout), at, asked_ms
            except CursorExpired as error:
                log.warning("A round of polling begins again.", action="round_again", why=error.sentence)
        left = timeout - (time.monotonic() - began)
        page = self._campaign.changed_profiles(poll.filter, poll.parameter, at.since_ms, self._fields, size, left)
        passed_ms = max(0, asked_ms - at.told_ms) if at.newest_ms else 0
        # In a round that is read again the newest change may bear a time of before the clock was set back.
        known_ms = at.known_ms + asked_ms - at.began_ms if at.passes else at.newest_ms + passed_ms
        walk_ms = (at.walk_ms or asked_ms) if at.walking else 0
        at = replace(at, next="", began_ms=asked_ms, known_ms=known_ms, last_ms=0)
        return page, replace(at, floor_ms=at.newest_ms, walk_ms=walk_ms), asked_ms

    def _round_over(self, at: PollPosition) -> PollPosition:
        has_moved = at.next and at.last_ms is not None and at.newest_ms > at.floor_ms
        if has_moved and at.passes < MOST_PASSES - 1 and not self._is_read_again(at):
            return replace(at, next="", passes=at.passes + 1)
        # When the round began, Campaign's clock showed at least what had been seen by then and the time since, and what
        # has been seen by now less the time that this took.
        now_ms = self._now_ms()
        took_ms = max(0, now_ms - at.began_ms)
        since_ms = max(at.known_ms, at.newest_ms - took_ms) - self._back_ms
        newest_ms, told_ms = at.newest_ms, at.told_ms
        if since_ms > newest_ms:
            # Many may have changed in the same moment, the last one for now. A filter may round to whole seconds.
            since_ms = newest_ms + int(since_ms > newest_ms + 2 * ROUNDING_MS)
        clock = self._campaigns_clock()
        if clock is not None:
            since_ms = min(max(since_ms, at.since_ms), clock.first_ms - self._back_ms)
            if not at.walking and at.known_ms + took_ms > clock.last_ms + SET_BACK_MS:
                # It was set back, perhaps long ago, and this round was asked by what it would show otherwise.
                since_ms = min(since_ms, at.since_ms - (at.known_ms + took_ms - clock.first_ms))
                newest_ms, told_ms = min(newest_ms, clock.last_ms), now_ms
            # What bears a time of before it was set back says nothing about what it shows.
            newest_ms = min(newest_ms, clock.last_ms + ROUNDING_MS)
        # What one round needs alone is not kept, so that a position which has not moved is the same.
        return PollPosition(max(0, since_ms), walking=False, newest_ms=newest_ms, told_ms=told_ms)

    def _is_read_again(self, at: PollPosition) -> bool:
        """Whether rounds follow each other so soon that each change lies within at least two of them."""
        return not at.walking and at.known_ms - at.since_ms <= 2 * self._back_ms

    def _campaigns_now_ms(self) -> int | None:
        """What Campaign's clock shows, at least; None as long as it has answered nothing."""
        clock = self._campaigns_clock()
        return None if clock is None else clock.first_ms

    def _campaigns_clock(self) -> Span | None:
        """Between which moments Campaign's clock stands; None as long as it has answered nothing."""
        now = time.time()
        skew = self._campaign.clock.skew(now)
        if skew is None:
            return None
        now_ms = int(now * 1000) + skew.ms
        return Span(now_ms - skew.within_ms, now_ms + skew.within_ms)


def _recent(seen: Mapping[str, tuple[Sight, ...]], since_ms: int) -> dict[str, tuple[Sight, ...]]:
    """What may come once more."""
    kept = {
        id_: recent
        for id_, sights in seen.items()
        if (recent := tuple(one for one in sights if one.changed_ms >= since_ms))
    }
    if len(kept) > MOST_SEEN:
        kept = dict(sorted(kept.items(), key=lambda pair: pair[1][-1].changed_ms)[-MOST_SEEN:])
    return kept


def _as_double(one: Told) -> Told:
    return Told(one.id, one.state._replace(doubles=True)) if isinstance(one.state, ProfileState) else one
