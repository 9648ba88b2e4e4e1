"""Where a batch's records come from: how long their changes took until they are confirmed, and whose trace they are.

Costs a batch one question when it begins and, where live changes were confirmed, one command when they are settled.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from store.freshness import FRESHNESS, Waited
from store.outcomes import Outcome, Written
from store.records import Lane, Leased
from store.store import WorkflowStore
from sync.streams import Send
from sync.tracing import trace_id


class Provenance:
    """Of one batch."""

    def __init__(self, store: WorkflowStore, stream: str, records: Sequence[Leased]) -> None:
        self._freshness = store.freshness(stream)
        self._pages = store.pages(stream).find({record.queued_ms for record in records})
        self._sends: dict[str, Send] = {}

    @property
    def traces(self) -> set[str]:
        return {page.trace for page in self._pages.values()}

    def trace_of(self, record: Leased) -> dict[str, str]:
        """What a log line says of a record's trace; nothing if that is not known any more."""
        page = self._pages.get(record.queued_ms)
        return {"trace_id": trace_id(page.trace)} if page else {}

    def expect(self, sends: Iterable[Send]) -> None:
        """What is about to be sent."""
        self._sends = {send.record.id: send for send in sends}

    def measure(self, outcomes: Iterable[Outcome], doubted: Collection[str]) -> None:
        """These were settled just now, but for those that were not believed."""
        waited: Counter[Waited] = Counter()
        for outcome in outcomes:
            if type(outcome) is not Written or outcome.id in doubted:
                continue
            send = self._sends.get(outcome.id)
            # A full read says nothing of changes: what it brings may be years old.
            if send is None or send.record.lane is not Lane.LIVE:
                continue
            since_ms = self._since_ms(send)
            if since_ms is not None:
                waited[Waited(FRESHNESS, since_ms)] += 1
            for measure, at_ms in send.opt_outs:
                waited[Waited(measure, at_ms)] += 1
        if waited:
            self._freshness.add(waited)

    def _since_ms(self, send: Send) -> int | None:
        """When the change happened; where nobody tells, the last moment at which it had not; None: not known."""
        if send.changed_ms is not None:
            return send.changed_ms
        queued_ms = send.record.queued_ms
        page = self._pages.get(queued_ms)
        # Of a page that is forgotten, and of what was fetched outside reading, the time on the queue is known.
        return page.since_ms if page else queued_ms
