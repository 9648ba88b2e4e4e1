"""Whether what a reader was told of a contact is anything new: what is not is dropped, and costs nothing more.

*Told* is what a system or a file has said, *remembered* what stands in `sync.consent.memory`, where to begin reading.
So reading twice, both sources at once, our own writing and changes of anything else are free.
"""

from config.optinout import OptinoutConfig
from sync.consent.memory import Memory, mark_of
from sync.consent.sides import campaign_side, is_another, opted_out
from sync.consent.states import NO_SKEWS, ContactState, ProfileState, Skews


def is_news_of_profile(
    config: OptinoutConfig, memory: Memory | None, profile: ProfileState, skews: Skews = NO_SKEWS
) -> bool:
    """Whether a profile says more than is remembered: another value, or a later time that is not that of our writing;
    or something else than Dynamics, unless that is on record. Of a pair that was not looked at yet everything is news.

    Ask only where no earlier reading of the contact still waits: what waits may be older than what is remembered then.
    """
    if memory is None or memory.is_open or may_be_another(memory, profile):
        return True
    for pair in config.flags:
        if pair.campaign in profile.flags:
            old = memory.flags.get(pair.campaign)
            side = campaign_side(config, pair, profile, memory, skews.campaign)
            if old is None or old.pair != mark_of(pair) or side is None or side.seen != old.campaign:
                return True
            if side.seen.opted_out is not old.dynamics.opted_out and not old.shown:
                return True
    return False


def may_be_another(memory: Memory, profile: ProfileState) -> bool:
    """Whether it is another profile than before, or its key is spelt otherwise: then there may be two. Files do not
    tell."""
    is_spelt_otherwise = profile.present and bool(memory.profile_read_ms) and profile.spelt != memory.spelt
    return is_spelt_otherwise or is_another(memory, profile)


def is_news_of_contact(config: OptinoutConfig, memory: Memory | None, contact: ContactState) -> bool:
    """Whether a row says more than is remembered: another value of a paired column. Its time alone is no news: it is
    read again when it counts.

    Without polling nobody tells of a profile that is made, or made again: so whoever has opted out is looked at
    whenever the row has changed.
    """
    if memory is None or memory.is_open:
        return True
    untold = config.poll is None and contact.etag != memory.etag
    for pair in config.flags:
        old, value = memory.flags.get(pair.campaign), opted_out(pair, contact)
        if old is None or old.pair != mark_of(pair) or old.dynamics.opted_out is not value or (untold and value):
            return True
    return False
