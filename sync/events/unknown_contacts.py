"""Events whose contact Dynamics does not have (yet): parked, and looked after until it appears or the limit is over."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from connectors.dynamics import MOST_IDS, Dynamics
from connectors.dynamics_metadata import DynamicsTable
from store.store import WorkflowStore
from sync.events.activity_target import CONTACT
from sync.streams import Stream

log = structlog.get_logger()

#: How soon a contact is asked for again. Milliseconds.
ASK_EVERY_MS = 30_000
#: Parked events that are looked after at once.
LOOK_AFTER = 500
#: The longest that one question may take. Seconds.
ASK_SECONDS = 20.0

#: learn.microsoft.com, contact table reference.
CONTACTS = DynamicsTable(CONTACT, "contacts", "contactid", change_tracking=False, columns={})


@dataclass(frozen=True, slots=True)
class UnknownContacts:
    """Looks after the parked events of one stream."""

    dynamics: Dynamics
    limit_s: float  #: how long an event waits for its contact
    stream: Stream
    store: WorkflowStore

    def look_after(self) -> None:
        """Events return to their lane when their contact is there, or when the limit is over: then they are tried once
        more and, if it is missing still, set aside. Raises TryAgain, Refused, Stop."""
        queue, now_ms = self.store.queue(self.stream.name), self.store.now_ms()
        parked = queue.parked(now_ms - ASK_EVERY_MS, LOOK_AFTER)
        if not parked:
            return
        there = self._existing(sorted({record.parent.id for record in parked}))
        over = {record.id for record in parked if (now_ms - record.queued_ms) / 1000 >= self.limit_s}
        come = {record.id for record in parked if record.parent.id in there}
        queue.unpark(come | over)
        queue.rearm([record.id for record in parked if record.id not in come | over], now_ms)
        if come:
            log.info("Contacts have appeared that events waited for.", action="contacts_appeared", records=len(come))

    def _existing(self, ids: Sequence[str]) -> set[str]:
        there: set[str] = set()
        for start in range(0, len(ids), MOST_IDS):
            there |= self.dynamics.existing(CONTACTS, ids[start : start + MOST_IDS], ASK_SECONDS)
        return there
