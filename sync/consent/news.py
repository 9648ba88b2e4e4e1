"""Whether what a reader has read of a contact is anything new: what is not is dropped, and costs nothing more.

So reading twice, both sources at once, our own writing and changes of anything else are free.
"""

from config.optinout import OptinoutConfig
from sync.consent.memory import Memory
from sync.consent.sides import campaign_side, opted_out
from sync.consent.states import NO_SKEWS, ContactState, ProfileState, Skews


def is_news_of_profile(
    config: OptinoutConfig, memory: Memory | None, profile: ProfileState, skews: Skews = NO_SKEWS
) -> bool:
    """Whether a profile says more than is remembered: another value, or a later time that is not that of our writing.

    Ask only where no earlier reading of the contact still waits: what waits may be older than what is remembered then.
    """
    if memory is None or memory.is_open:
        return True
    for pair in config.flags:
        if pair.campaign in profile.flags:
            old = memory.flags.get(pair.campaign)
            side = campaign_side(config, pair, profile, memory, skews.campaign)
            if old is None or side is None or side.seen != old.campaign:
                return True
    return False


def is_news_of_contact(config: OptinoutConfig, memory: Memory | None, contact: ContactState) -> bool:
    """Whether a row says more than is remembered: another value of a paired column. Its time alone is no news: it is
    read again when it counts."""
    if memory is None or memory.is_open:
        return True
    if contact.etag == memory.etag:
        return False
    for pair in config.flags:
        old = memory.flags.get(pair.campaign)
        if old is None or old.dynamics.opted_out is not opted_out(pair, contact):
            return True
    return False
