"""What was told, as the queue takes it: what is remembered already is dropped, many contacts at once.

*Told* is what a source has said of a contact: a polled profile, a row of a file, a row of Dynamics. Of each contact one
state waits on the queue; what is told next is merged with it (`sync.consent.merging`). A state that *asks* leaves open
which of several counts, so that the writer looks the profile up by its key.

First the queue is asked, then the memory: what a writer settles in between is remembered by then. What still waits, or
was set aside, may say something older than what comes, so that this is kept even if it is what is remembered.
"""

import time
from collections.abc import Sequence

from config.optinout import OptinoutConfig
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from store.consent import ConsentStore
from store.record_queue import RecordQueue
from sync.consent.memory import Memory
from sync.consent.memory_bytes import unpack
from sync.consent.merging import are_two, merged
from sync.consent.news import is_news_of_contact, is_news_of_profile
from sync.consent.page import FOR_EVER_MS, Told, Unusable
from sync.consent.payload import OF_BOTH, OF_DYNAMICS, of_campaign, of_unusable, profile_of
from sync.consent.states import ContactState, ProfileState, Skews


class Sieve:
    def __init__(
        self, config: OptinoutConfig, dynamics: Dynamics, campaign: Campaign, store: ConsentStore, queue: RecordQueue
    ) -> None:
        self._config = config
        self._clocks = dynamics.clock, campaign.clock
        self._store = store
        self._queue = queue

    def payloads(self, told: Sequence[Told], *, is_file: bool, whole: bool, anew_ms: int) -> dict[str, bytes]:
        """What is to be queued, by id.

        `is_file`: something newer may be known; `whole`: it is part of a reading of everybody, not of changes;
        `anew_ms`: nothing is dropped of whom nobody has looked at since then.
        """
        ids = [one.id for one in told]
        if not ids:
            return {}
        waiting, refused = self._queue.payloads_and_refused(ids)
        kept = set(ids) if anew_ms == FOR_EVER_MS else waiting.keys() | refused
        asked = [one.id for one in told if one.id not in kept]
        memories = dict(zip(asked, self._store.memories(asked), strict=True)) if asked else {}
        now = time.time()
        dynamics, campaign = (clock.skew(now) for clock in self._clocks)
        skews = Skews(dynamics, campaign)
        found: dict[str, bytes] = {}
        for id_, state in told:
            packed = memories.get(id_)
            memory = unpack(packed) if packed is not None else None
            is_kept = id_ in kept or (memory is not None and memory.profile_read_ms < anew_ms)
            if isinstance(state, Unusable):
                found[id_] = of_unusable(state.where, state.flaw, state.excerpt)
            elif isinstance(state, ContactState):
                if is_kept or self._is_news(state, memory, whole):
                    found[id_] = _behind(waiting.get(id_), id_ in refused)
            elif is_kept or state.doubles or is_news_of_profile(self._config, memory, state, skews):
                # What was set aside may have been another profile of this contact.
                beside = state._replace(doubles=state.doubles or id_ in refused)
                found[id_] = self._beside(waiting.get(id_), beside, is_file)
        return found

    def _is_news(self, contact: ContactState, memory: Memory | None, whole: bool) -> bool:
        if memory is not None or self._config.poll is None:
            return is_news_of_contact(self._config, memory, contact)
        # Nothing was ever decided about it. Its profile, if there is one, is still to come: polling reads all of them.
        opted_out = (contact.flags.get(pair.dynamics) is pair.opted_out for pair in self._config.flags)
        return not whole and any(opted_out)

    def _beside(self, payload: bytes | None, state: ProfileState, is_file: bool) -> bytes:
        """What a source told, beside what waits: that may be the later reading, since a page can be long on its way, or
        tell of a later change than a file."""
        if payload is None:
            return of_campaign(state)
        waits = profile_of(payload)
        if waits is None:
            return of_campaign(state._replace(asks=True))
        is_older = waits.read_ms > state.read_ms
        # Of two that were under way at once the one that was asked first may tell what came later.
        crossed = is_older or (waits.modified_ms or 0) > (state.modified_ms or 0)
        asks = crossed and waits.present and state.present and waits.flags != state.flags
        asks = asks or waits.asks or state.asks
        if is_file or waits.doubles or is_older or are_two(waits, state):
            state = merged(self._config, waits, state)
        return of_campaign(state._replace(asks=asks or state.asks))


def _behind(payload: bytes | None, was_refused: bool) -> bytes:
    """What Dynamics told, behind what waits. What Campaign told is kept: it says who has opted out, and how the profile
    is found. It is looked up, so that both sides are read later than anything that was told by now."""
    waits = profile_of(payload) if payload is not None else None
    if waits is not None:
        return of_campaign(waits._replace(asks=True))
    return OF_BOTH if was_refused or payload == OF_BOTH else OF_DYNAMICS
