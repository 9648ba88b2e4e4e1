"""What was told, as the queue takes it: what is remembered already is dropped, many contacts at once.

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
from sync.consent.merging import merged
from sync.consent.news import is_news_of_contact, is_news_of_profile
from sync.consent.page import Told, Unusable
from sync.consent.payload import OF_DYNAMICS, of_campaign, of_unusable, profile_of
from sync.consent.states import ContactState, ProfileState, Skews


class Sieve:
    def __init__(
        self, config: OptinoutConfig, dynamics: Dynamics, campaign: Campaign, store: ConsentStore, queue: RecordQueue
    ) -> None:
        self._config = config
        self._clocks = dynamics.clock, campaign.clock
        self._store = store
        self._queue = queue

    def payloads(self, told: Sequence[Told], *, is_file: bool, whole: bool, everybody: bool) -> dict[str, bytes]:
        """What is to be queued, by id.

        `is_file`: something newer may be known; `whole`: it is part of a reading of everybody, not of changes;
        `everybody`: nothing is dropped.
        """
        ids = [one.id for one in told]
        if not ids:
            return {}
        waiting = self._queue.waiting(ids)
        kept = set(ids) if everybody else waiting | self._queue.refused(ids)
        asked = [one.id for one in told if one.id not in kept]
        memories = dict(zip(asked, self._store.memories(asked), strict=True)) if asked else {}
        now = time.time()
        dynamics, campaign = (clock.skew(now) for clock in self._clocks)
        skews = Skews(dynamics, campaign)
        found: dict[str, bytes] = {}
        for id_, state in told:
            packed = memories.get(id_)
            memory = unpack(packed) if packed is not None else None
            if isinstance(state, Unusable):
                found[id_] = of_unusable(state.where, state.flaw, state.excerpt)
            elif isinstance(state, ContactState):
                if id_ in kept or self._is_news(state, memory, whole):
                    found[id_] = OF_DYNAMICS
            elif id_ in kept or is_news_of_profile(self._config, memory, state, skews):
                found[id_] = self._beside(id_, state) if is_file and id_ in waiting else of_campaign(state)
        return found

    def _is_news(self, contact: ContactState, memory: Memory | None, whole: bool) -> bool:
        if memory is not None or self._config.poll is None:
            return is_news_of_contact(self._config, memory, contact)
        # Nothing was ever decided about it. Its profile, if there is one, is still to come: polling reads all of them.
        opted_out = (contact.flags.get(pair.dynamics) is pair.opted_out for pair in self._config.flags)
        return not whole and any(opted_out)

    def _beside(self, id_: str, row: ProfileState) -> bytes:
        """A row of a file, while something waits that may be newer."""
        payload = self._queue.peek(id_)
        if payload is None:
            return of_campaign(row)
        waits = profile_of(payload)
        return OF_DYNAMICS if waits is None else of_campaign(merged(self._config, waits, row))
