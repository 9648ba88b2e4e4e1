"""Looking after many records of unknown contacts ends with the slice, and blames nobody who was not asked for."""

import pytest
from redis import Redis

from sync import unknown_contacts
from sync.egress import STREAM
from sync.streams import Slice
from sync.writing import write_slice
from tests.integration.sync.timeline import Egress, event

CAROL, DAVE = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in "cd")


def test_only_those_are_set_aside_whose_contacts_were_asked_for(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given events of two unknown contacts that have waited for longer than the limit
    egress = Egress(redis)
    egress.start(contact_limit_seconds=1)
    egress.events.add(event(1, contact=CAROL), event(2, contact=DAVE), more=False, wait=60)
    egress.carry()
    assert egress.queue.backlog().parked == 2
    egress.start(contact_limit_seconds=0)
    # When they are looked after in slices that are over after one question, of one contact
    monkeypatch.setattr(unknown_contacts, "MOST_IDS", 1)
    for many in (1, 2):
        write_slice(
            egress.stream,
            {STREAM: egress.stream},
            egress.workflow,
            egress.generation,
            0,
            Slice(0, lambda: False),
            60.0,
            1,
        )
        # Then one of them is set aside, and the other one waits for the next slice
        assert (len(egress.letters()), egress.queue.backlog().parked) == (many, 2 - many)
    assert egress.timelines.asked == [[CAROL], [DAVE]]
