"""The activity tables of Dynamics as the stream of events writes them: many activities in one request, each once."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from config.egress import EventOrigin
from connectors.dynamics import Dynamics
from connectors.dynamics_creates import Create
from connectors.errors import ConnectorError, Malformed, Refused, RelatedMissing, Unavailable, Unreachable
from store.ledger import Entry
from store.record_queue import Filtered, Leased, Outcome, Parent, Parked, Unchanged
from sync.batch_size import BatchSize
from sync.events.activity import ActivityMapper
from sync.events.event import Understanding, Verdict
from sync.events.payload import unpacked
from sync.streams import Allowance, Answer, Calls, Send
from sync.unknown_contacts import CONTACT

#: Of the requests into which a refused batch is halved so many may be refused: two events that spoil theirs are found.
#: With more it is not the events: what answers does not take batches.
MOST_REFUSALS = 16


@dataclass(slots=True)
class CreateActivity(Send):
    """An activity that is to be there."""

    create: Create | None = None
    contact: str = ""  #: its id


class ActivityTarget:
    """Creates activities that are absent, and changes none: what is there already is there, however it came."""

    #: The id of an activity is made of its event: Dynamics itself remembers which are there.
    remembers = False

    def __init__(
        self,
        dynamics: Dynamics,
        rules: Mapping[EventOrigin, Understanding],
        mapper: ActivityMapper,
        together: int,
        concurrency: int,
        waits: bool,
    ) -> None:
        """`together`: the most activities of one request; `waits`: whether an event waits for a contact that Dynamics
        does not have."""
        self._size = BatchSize(together)
        self.concurrency = concurrency
        self._dynamics = dynamics
        self._rules = rules
        self._mapper = mapper
        self._waits = waits

    @property
    def together(self) -> int:
        return self._size.now

    def prepare(self, record: Leased, entry: Entry | None) -> Send | Outcome:
        """Raises Unmappable for an event that does not fit."""
        origin, value = unpacked(record.payload)
        event = self._rules[origin].understand(value, datetime.now(UTC))
        if isinstance(event, Verdict):
            return Filtered(record.id)
        set_name, activity_id, body = self._mapper.map(event)
        return CreateActivity(
            record,
            None,
            {},
            None,
            known=False,
            changed_ms=int(event.time.timestamp() * 1000),
            create=Create(set_name, activity_id, body),
            contact=event.contact,
        )

    def send(self, sends: Sequence[Send], allowance: Allowance) -> list[Answer]:
        wanted = [send for send in sends if isinstance(send, CreateActivity)]
        answers = self._create([send.create for send in wanted if send.create], allowance, [])
        return [self._answer(send, answer) for send, answer in zip(wanted, answers, strict=True)]

    def _create(
        self, creates: Sequence[Create], allowance: Allowance, refused: list[Refused]
    ) -> list[bool | ConnectorError]:
        """`refused`: requests that were refused on the way to this one."""
        begun = time.monotonic()
        try:
            answers = self._dynamics.create_absent(creates, allowance())
        except (Unreachable, Unavailable, Malformed) as error:
            # Too slow, or spoilt by one of them: with fewer at once the others get through. What answers as a whole,
            # such as a proxy's page, blames none of them.
            self._size.note_given_up(len(creates))
            raise Unavailable(error.system, error.sentence, wait=error.wait) from None
        except Refused as error:
            # Too large, or spoilt by one of them: halves tell which, so that the others are not blamed.
            refused.append(error)
            if len(refused) > MOST_REFUSALS:
                raise Unavailable(error.system, f"{error.sentence}; so are all requests of their kind") from None
            if len(creates) == 1:
                return [error]
            half = len(creates) // 2
            return self._create(creates[:half], allowance, refused) + self._create(creates[half:], allowance, refused)
        self._size.note(len(creates), time.monotonic() - begun)
        return answers

    def _answer(self, send: CreateActivity, answer: bool | Exception) -> Answer:
        if answer is False:
            return Unchanged(send.record.id, None)
        if isinstance(answer, RelatedMissing) and self._waits:
            return Parked(send.record.id, Parent(CONTACT, send.contact), released=False)
        return answer

    def take_calls(self) -> Calls:
        return Calls()  # Campaign is not called
