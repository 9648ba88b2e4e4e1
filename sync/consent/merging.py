"""Two readings of one profile, of which the one that came last need not be the later one: made one, flag by flag.

A *reading* is a `ProfileState`, and what it tells of a flag is a `Seen`: a value, and since when. One that is *present*
is what Campaign had when it was read; a row of a file is what it had when the file was written, a day ago perhaps. One
that *asks* leaves it to Campaign which of two counts.
"""

from config.consent_flags import WireFlag
from config.optinout import OptinoutConfig
from sync.consent.rule import Seen
from sync.consent.states import ProfileState


def merged(config: OptinoutConfig, one: ProfileState, other: ProfileState) -> ProfileState:
    """Of each flag what changed last by its own time. Where times do not tell them apart, opted out stands, and what
    is told stands before what is not. Of two that tell what Campaign had when they were read, the later one; and what
    one of them tells, a row of a file does not take away: where it says something later, Campaign is asked."""
    if one.present and other.present:
        later, earlier = (one, other) if one.read_ms >= other.read_ms else (other, one)
        doubles = one.doubles or other.doubles or are_two(one, other)
        return later._replace(doubles=doubles, spelt=later.spelt or earlier.spelt)
    flags: dict[WireFlag, Seen] = {}
    for pair in config.flags:
        name = pair.campaign
        found = [(state, state.flags[name]) for state in (one, other) if name in state.flags]
        if len(found) == 2:
            timed = bool(config.times.fields_of(name))
            first, second = ((seen.at_ms if timed else state.modified_ms, seen) for state, seen in found)
            flags[name] = _later(*first, *second)
        elif found:
            flags[name] = found[0][1]
    doubles = one.doubles or other.doubles
    for state in (one, other):
        if state.present:
            return state._replace(doubles=doubles, asks=state.asks or state.flags != flags)
    times = [state.modified_ms for state in (one, other) if state.modified_ms is not None]
    return ProfileState(flags, max(times, default=None), max(one.read_ms, other.read_ms), doubles=doubles)


def are_two(one: ProfileState, other: ProfileState) -> bool:
    """Whether these tell of two profiles, as far as they say which; or of one that was deleted and made again."""
    return one.spelt != other.spelt or one.who != other.who


def _later(first_ms: int | None, first: Seen, second_ms: int | None, second: Seen) -> Seen:
    if first_ms is not None and second_ms is not None and first_ms != second_ms:
        return first if first_ms > second_ms else second
    # True before False before what is not told.
    return max(first, second, key=lambda seen: (seen.opted_out is not None, bool(seen.opted_out), seen.at_ms or 0))
