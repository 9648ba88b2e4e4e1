"""Records whose contact Dynamics does not have (yet): parked, and looked after until it appears or time is over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from connectors.dynamics import MOST_IDS, Dynamics
from connectors.dynamics_metadata import DynamicsTable
from store.outcomes import Reason
from store.store import WorkflowStore
from sync.streams import Stream

log = structlog.get_logger()

#: How soon a contact is asked for again, at the latest. Milliseconds.
ASK_EVERY_MS = 30_000
#: How often it is asked for within the limit, at the least.
ASK_TIMES = 4
#: Parked records that are looked after at once.
LOOK_AFTER = 500
#: The longest that one question may take. Seconds.
ASK_SECONDS = 20.0

#: Why a record is set aside: its time was over, or there was no more room for those that wait.
OVER = "Dynamics has no contact with this id, and none came within {limit}."
FULL = "Dynamics has no contact with this id, and so many {nouns} waited for theirs that the queue was full."

#: The table of contacts.
CONTACT = "contact"
#: learn.microsoft.com, contact table reference.
CONTACTS = DynamicsTable(CONTACT, "contacts", "contactid", change_tracking=False, columns={})


@dataclass(frozen=True, slots=True)
class UnknownContacts:
    """Looks after the parked records of one stream."""

    dynamics: Dynamics
    limit_s: float  #: how long one waits for its contact
    limit: str  #: the key of the configuration that says so
    nouns: str  #: what they are called
    stream: Stream
    store: WorkflowStore

    def look_after(self, is_over: Callable[[], bool]) -> None:
        """Records return to their lane when their contact is there, and are set aside when the limit is over.

        With a full queue nobody may wait: they would keep everybody else's records from being read. It ends early
        between two questions once `is_over`. Raises TryAgain, Refused, Stop.
        """
        queue, now_ms = self.store.queue(self.stream.name), self.store.now_ms()
        # The limit counts while contacts can be looked for.
        began_ms = self.store.lifecycle.read().since_ms or 0
        full = queue.is_full()
        every_ms = 0 if full else min(ASK_EVERY_MS, int(self.limit_s * 1000 / ASK_TIMES))
        parked = queue.parked(now_ms - every_ms, LOOK_AFTER)
        if not parked:
            return
        asked, there = self._existing(sorted({record.parent.id for record in parked}), is_over)
        parked = [record for record in parked if record.parent.id in asked]
        come = {record.id for record in parked if record.parent.id in there}
        over = {
            record.id
            for record in parked
            if record.id not in come and (full or now_ms - max(record.queued_ms, began_ms) >= self.limit_s * 1000)
        }
        queue.unpark(come)
        queue.unpark(over, Reason("related-missing", self._why(full), "dynamics"))
        queue.rearm([record.id for record in parked if record.id not in come | over], now_ms)
        if come:
            log.info("Contacts have appeared that records waited for.", action="contacts_appeared", records=len(come))
        if over:
            self.store.outcomes(self.stream.name).note_set_aside(queue.set_aside_of(list(over)))
            log.warning("Records were set aside whose contact has not come.", action="strangers", records=len(over))

    def _why(self, full: bool) -> str:
        return FULL.format(nouns=self.nouns) if full else OVER.format(limit=self.limit)

    def _existing(self, ids: Sequence[str], is_over: Callable[[], bool]) -> tuple[set[str], set[str]]:
        """Those that were asked for, and those of them that are there."""
        asked, there = set[str](), set[str]()
        for start in range(0, len(ids), MOST_IDS):
            part = ids[start : start + MOST_IDS]
            there |= self.dynamics.existing(CONTACTS, part, ASK_SECONDS)
            asked.update(part)
            if is_over():
                break
        return asked, there
