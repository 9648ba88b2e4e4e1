"""What each side says of a flag, in the light of what is remembered: which value counts, and since when.

What a system tells is a `Seen`: a value, and a time or the span in which it was changed. Which change it goes back to
is known by the memory: what we wrote ourselves comes back with a later time (`sync.consent.memory`, where to begin). A
side that is *certain* says so itself, at a time of its own; one that *asks* says something else with an older time, so
that it is looked up. A plan that rests on either is *hasty* (`sync.consent.reconciling`).

Campaign is always read before Dynamics. So what Dynamics shows was in force after everything that Campaign had told by
then, and a change that Dynamics shows later came later, whatever the clocks say.
"""

from enum import Enum
from typing import NamedTuple

from config.consent_flags import FlagPair
from config.optinout import OptinoutConfig
from connectors.clocks import Skew
from sync.consent.memory import NO_TIME, UNKNOWN_CLOCK_MS, FlagMemory, Memory, Sent, Span, System, mark_of, span
from sync.consent.rule import Seen, earliest_ms, latest_ms
from sync.consent.states import ContactState, ProfileState

#: Before any change: the time of one of which it is only known that it was not after some moment.
LONG_AGO_MS = -1


class Taken(NamedTuple):
    """One side of a flag."""

    seen: Seen
    told_ms: int | None = None  #: Campaign only: see FlagMemory
    ours: Span | None = None  #: Campaign only: see FlagMemory
    found: bool = False  #: what an open decision was to write stands there
    certain: bool = True  #: Campaign only: whether the profile itself says so, and since when
    asks: bool = False  #: Campaign only: it says something else than is remembered, with an older time


def record_time(config: OptinoutConfig, contact: ContactState, memory: Memory | None, skew: Skew | None) -> Seen:
    """When the record changed last, our own writing apart, as a Seen without a value.

    `skew`: how far Dynamics' clock is ahead of ours.
    """
    now = Seen(None, contact.modified_ms)
    if memory is None or not memory.etag:
        return now
    if contact.etag == memory.etag:
        return memory.record
    before = earliest_ms(memory.record)
    if contact.modified_ms is None or before is None or before > contact.modified_ms:
        return now
    # The answer to what we sent was lost: this version may be ours, somebody's, or ours and then somebody's.
    return Seen(None, contact.modified_ms, before - 1) if _may_be_ours(config, contact, memory, skew) else now


def _may_be_ours(config: OptinoutConfig, contact: ContactState, memory: Memory, skew: Skew | None) -> bool:
    """Whether the row's last change may be what we sent without having an answer: all of it is there."""
    flags = [(pair, old) for pair in config.flags if (old := remembered(pair, memory)) is not None]
    sent = [(pair, old.sent) for pair, old in flags if old.sent and old.sent.to is System.DYNAMICS]
    late = [(pair, old.late) for pair, old in flags if old.late and old.late.to is System.DYNAMICS]
    if not (sent or late) or contact.modified_ms is None:
        return False
    first = min(span(one.decided_ms, one.decided_ms, skew).first_ms for _, one in (*sent, *late))
    # What may come late was sent in requests of its own.
    there = bool(sent) and all(opted_out(pair, contact) is one.opted_out for pair, one in sent)
    there = there or any(opted_out(pair, contact) is one.opted_out for pair, one in late)
    return there and contact.modified_ms + 999 >= first


def remembered(pair: FlagPair, memory: Memory | None) -> FlagMemory | None:
    """What is known of a flag; None: nothing."""
    old = memory.flags.get(pair.campaign) if memory else None
    return old.of_pair(pair) if old is not None else None


def opted_out(pair: FlagPair, contact: ContactState) -> bool | None:
    """What the row says; None: nothing."""
    value = contact.flags.get(pair.dynamics)
    return None if value is None else value is pair.opted_out


def dynamics_side(pair: FlagPair, contact: ContactState, memory: Memory | None) -> Taken:
    """The value of the row, with the time of the flag's own change as far as the last values seen tell it."""
    value = opted_out(pair, contact)
    old = remembered(pair, memory)
    if memory is None or old is None or old.pair != mark_of(pair):
        return Taken(_not_after(value, contact.modified_ms, LONG_AGO_MS))
    if sent := old.unanswered_of(System.DYNAMICS, value):
        return Taken(_passed_on(sent, contact.modified_ms), found=True)
    if value is old.dynamics.opted_out:
        if old.unanswered(System.DYNAMICS) and contact.etag != memory.etag:
            return Taken(_perhaps_again(old.dynamics, contact.modified_ms))
        return Taken(old.dynamics)
    # After the version of the row that had the other value, and after what Campaign had told before that was read.
    after = LONG_AGO_MS if memory.modified_ms is None else memory.modified_ms - 1
    told = latest_ms(old.campaign)
    return Taken(_not_after(value, contact.modified_ms, after if told is None else max(after, told)))


def campaign_side(
    config: OptinoutConfig,
    pair: FlagPair,
    profile: ProfileState,
    memory: Memory | None,
    skew: Skew | None,
) -> Taken | None:
    """The value of the profile, with the time of the change that it goes back to; None if it is not known.

    `skew`: how far Campaign's clock is ahead of ours.
    """
    old = remembered(pair, memory)
    seen = profile.flags.get(pair.campaign)
    known = Taken(old.campaign, old.told_ms, old.ours, certain=False) if old else None
    if seen is None:
        return known
    timed = bool(config.times.fields_of(pair.campaign))
    alone = not config.both_ways or pair.policy == "campaign"
    if known is not None and alone and not timed and _was_never_seen_to_change(known.seen):
        # That it was seen while Dynamics had its say, too, does not mean that anybody ever touched it.
        known = known._replace(seen=Seen(known.seen.opted_out, None))
    # The documented rule compares what the clocks say and nothing else.
    causal = pair.policy == "newest" and config.both_ways
    told = seen.at_ms if timed else None
    first_time = memory is None or old is None or (old.campaign == NO_TIME and not (old.sent or old.late))
    if memory is not None and old is not None and not timed and is_another(memory, profile):
        # It says nothing about whether somebody changed the flag of the one before; what we sent may stand there.
        first_time = not old.unanswered_of(System.CAMPAIGN, seen.opted_out)
    if memory is None or old is None or known is None or first_time:
        # To be seen for the first time is no change.
        first = _first_without_time(config, seen, profile, alone) if not timed else seen
        return Taken(first, told, certain=told is not None)
    if not timed and seen.opted_out is not old.campaign.opted_out:
        seen = _change_without_time(config, seen.opted_out, profile, memory, old, skew)
    outdated = None if profile.live else _age(profile, told, memory, old)
    if outdated is _Age.OLDER or (outdated and seen.opted_out is old.campaign.opted_out):
        return known
    is_other = seen.opted_out is not None and seen.opted_out is not old.campaign.opted_out
    if outdated or (is_other and _may_be_stale(config, profile, told, skew)):
        return Taken(seen, told, certain=False, asks=True)
    if sent := old.unanswered_of(System.CAMPAIGN, seen.opted_out):
        return _found(seen, told, old, sent, skew)
    if seen.opted_out is not old.campaign.opted_out:
        told_ms = told if told is not None else old.told_ms
        return Taken(_next_change(seen, old) if causal else seen, told_ms, certain=told is not None)
    if told is None or told == old.told_ms:
        if told is None and old.unanswered(System.CAMPAIGN) and _has_changed(profile, memory):
            known = known._replace(seen=_perhaps_again(old.campaign, profile.modified_ms))
        return known._replace(certain=told is not None)
    if old.ours and told in old.ours:
        return Taken(old.campaign, told)  # from now on its time is known exactly
    return Taken(_next_change(seen, old) if causal else seen, told)


def is_another(memory: Memory, profile: ProfileState) -> bool:
    """Whether it is another profile under the same key than the one that is remembered."""
    return bool(profile.who and memory.who) and profile.who != memory.who


def _may_be_stale(config: OptinoutConfig, profile: ProfileState, told: int | None, skew: Skew | None) -> bool:
    """Whether a row of a file may tell what is so no more, although its time is the later one: Campaign's clock may
    have been ahead when it was written, and be right now. Polling tells whatever is so by itself; without, a time that
    has not come yet shows it."""
    if profile.live or profile.present:
        return False
    return config.poll is not None or (told is not None and told > span(profile.read_ms, profile.read_ms, skew).last_ms)


class _Age(Enum):
    """Of a profile that was not asked for just now."""

    OLDER = "older than what is known"
    ODD = "with an older time than what is known, and yet it may be what is there now"


def _age(profile: ProfileState, told: int | None, memory: Memory, old: FlagMemory) -> _Age | None:
    """Whether a profile that waited, or stood in a file, is older than what is known of the flag; None: it is not.

    What was read of Campaign is not silenced by an older time: the profile may be another one under the same key, an
    old copy may have been put back, or a clock was set right. Neither is a file by a time that has not come yet.
    """
    if told is None:
        if profile.read_ms < memory.profile_read_ms:
            return _Age.ODD if profile.present else _Age.OLDER
        newest = [memory.profile_modified_ms, old.ours.first_ms if old.ours else None]
        moment = max((one for one in newest if one is not None), default=None)
        if moment is None or profile.modified_ms is None or profile.modified_ms >= moment:
            return None
        return _Age.ODD if profile.present else _Age.OLDER
    # What still has the time of before our writing has the value of before.
    floor = old.told_ms if old.told_ms is None or old.ours is None else old.told_ms + 1
    if old.ours is not None:
        floor = old.ours.first_ms if floor is None else max(floor, old.ours.first_ms)
    if floor is None or told >= floor:
        return None
    is_to_come = floor > memory.profile_read_ms + UNKNOWN_CLOCK_MS
    return _Age.ODD if profile.present or is_to_come else _Age.OLDER


def _has_changed(profile: ProfileState, memory: Memory) -> bool:
    """Whether anything of the profile may have changed since it was read last."""
    return profile.modified_ms is None or profile.modified_ms != memory.profile_modified_ms


def _first_without_time(config: OptinoutConfig, seen: Seen, profile: ProfileState, alone: bool) -> Seen:
    """A flag that has no time, seen for the first time. If somebody has changed it ever, that was not after the last
    change of the profile; where Campaign decides alone, it counts as touched only once it was seen to change."""
    if alone or (config.times.push == "seen" and profile.modified_ms is None):
        return seen._replace(at_ms=None)
    return Seen(seen.opted_out, profile.modified_ms, LONG_AGO_MS) if config.times.push == "seen" else seen


def _was_never_seen_to_change(seen: Seen) -> bool:
    """Whether it is as `_first_without_time` has it."""
    return seen.after_ms == LONG_AGO_MS and seen.at_ms is not None


def _change_without_time(
    config: OptinoutConfig,
    opted_out: bool | None,
    profile: ProfileState,
    memory: Memory,
    old: FlagMemory,
    skew: Skew | None,
) -> Seen:
    """Another value than before, of a flag that has no time: since when, by Campaign's own clock."""
    if config.times.push == "modified":
        return Seen(opted_out, profile.modified_ms)
    if config.times.push == "none":
        # That it was changed is known, and nothing else is to count.
        return Seen(opted_out, None, LONG_AGO_MS)
    at_ms = profile.modified_ms
    if at_ms is None and skew is not None:
        at_ms = profile.read_ms + skew.ms + skew.within_ms
    known = [memory.profile_modified_ms, old.ours.first_ms if old.ours else None]
    after_ms = max((one - 1 for one in known if one is not None), default=LONG_AGO_MS)
    # A time that is not later than the one before would be wrong: then it is not told.
    return Seen(opted_out, at_ms if at_ms is not None and at_ms > after_ms else None, after_ms)


def _found(seen: Seen, told: int | None, old: FlagMemory, sent: Sent, skew: Skew | None) -> Taken:
    """What we sent without having an answer stands there: it is ours, or somebody said the same."""
    if told is not None and told < span(sent.decided_ms, sent.decided_ms, skew).first_ms:
        return Taken(seen, told, found=True)
    return Taken(_passed_on(sent, told), told if told is not None else old.told_ms, found=True)


def _passed_on(sent: Sent, at_ms: int | None) -> Seen:
    """The change that we passed on, or somebody's own of the same value, `at_ms` at the latest."""
    first = earliest_ms(sent.origin)
    if at_ms is None:
        return sent.origin._replace(opted_out=sent.opted_out)
    return _not_after(sent.opted_out, at_ms, LONG_AGO_MS if first is None else first - 1)


def _perhaps_again(before: Seen, at_ms: int | None) -> Seen:
    """The value of before, where another one that we sent without having an answer may have stood meanwhile: then
    somebody has said this once more, `at_ms` at the latest."""
    first = earliest_ms(before)
    if at_ms is None or before.at_ms is None:
        return before._replace(at_ms=None)
    return _not_after(before.opted_out, at_ms, LONG_AGO_MS if first is None else first - 1)


def _next_change(seen: Seen, old: FlagMemory) -> Seen:
    """A change of Campaign's flag. If both sides had the same one before, it came after that."""
    last = latest_ms(old.dynamics)
    if seen.at_ms is None or last is None or old.dynamics != old.campaign:
        return seen
    if old.told_ms is not None and seen.at_ms <= old.told_ms:
        return seen  # no change: what we wrote is not there any more
    if seen.after_ms is None and seen.at_ms // 1000 * 1000 > last:
        return seen
    after_ms = last if seen.after_ms is None else max(last, seen.after_ms)
    return Seen(seen.opted_out, max(seen.at_ms, after_ms + 1), after_ms)


def _not_after(opted_out: bool | None, at_ms: int | None, after_ms: int) -> Seen:
    """A change between two moments."""
    if at_ms is None:
        return Seen(opted_out, None)
    return Seen(opted_out, max(at_ms, after_ms + 1), after_ms)
