"""A walk of some records, or of so many a second: those alone are written, no faster than that, and changes go on."""

from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from store.record_queue import RecordQueue
from sync.streams import ReadEnd
from sync.tables.walk import unpacked
from tests.integration.sync.family import CONTACT, Family, the
from tests.integration.sync.walks import at_once, confined_to, contacts, position, replay_now, walk, written


def due_now(family: Family) -> None:
    """The next portion's turn has come."""
    cursor, now = family.workflow.cursor(CONTACT), position(family)
    assert now.walk is not None
    behind = now.after_walk(replace(now.walk, due_ms=1))
    family.workflow.queue(CONTACT).put_page(family.generation, cursor.number, [], behind.dump())


def test_a_rate_holds_a_walk_back_and_no_change(family: Family) -> None:
    ids = contacts(family)
    replay_now(family, rate=1.0)
    # When two records were read, at most one a second
    family.read(CONTACT)
    first = walk(family)
    assert first.rows == 2 and first.due_ms > family.workflow.now_ms() + 1000
    # Then nothing more is for now, and changes are
    family.dynamics.put(CONTACT, ids[-1], lastname="changed")
    assert family.read(CONTACT) is ReadEnd.CAUGHT_UP
    assert walk(family).rows == 2
    assert family.workflow.queue(CONTACT).total() == 3


@pytest.mark.parametrize("named", [True, False])
def test_no_more_than_seconds_worth_goes_onto_the_queue_at_once_whoever_reads(
    family: Family, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    # Given a page of which a condition lets everything through, or as many ids, and at most one record a second
    ids = contacts(family)
    family.dynamics.page_size = 100
    only: dict[str, Any] = {"ids": confined_to(family, ids)} if named else {"where": ("lastname begins_with c",)}
    replay_now(family, rate=1.0, **only)
    # When it is read, Then two seconds' worth is on the queue, the rest is known, and its turn is to come
    family.read(CONTACT)
    queue = family.workflow.queue(CONTACT)
    assert (queue.total(), walk(family).queued, walk(family).is_over) == (2, 2, False)
    assert unpacked(walk(family).rest) == ids[2:]
    assert walk(family).due_ms > family.workflow.now_ms()
    # When the others' turn has come, and one of them was deleted and one changed meanwhile
    at_once(monkeypatch)
    family.dynamics.remove(CONTACT, ids[3])
    family.dynamics.put(CONTACT, ids[4], lastname="changed")
    sizes: list[int] = []
    real = RecordQueue.put_page

    def counting(queue: RecordQueue, *arguments: Any, **more: Any) -> Any:
        sizes.append(len(arguments[2]))
        return real(queue, *arguments, **more)

    monkeypatch.setattr(RecordQueue, "put_page", counting)
    due_now(family)
    family.dynamics.asked.clear()
    family.settle()
    # Then each was written once, as it is now, two at once, and no page was asked for anew
    assert written(family) == ids
    assert sorted(family.held(CONTACT)) == [*ids[:3], *ids[4:]]
    assert family.held(CONTACT)[ids[4]]["lastName"] == "changed"
    assert max(sizes) == 2
    assert "contact walk" not in family.dynamics.asked
    assert (walk(family).rows, walk(family).is_over, walk(family).rest) == (6, True, "")


def test_a_condition_that_few_fit_is_read_in_whole_pages_all_the_same(family: Family) -> None:
    # Given a condition that one record fits, and at most one record a second
    ids = contacts(family)
    family.dynamics.page_size = 100
    family.dynamics.put(CONTACT, ids[5], lastname="rare")
    family.settle()
    family.dynamics.asked.clear()
    family.campaign.events.clear()
    # When it is read, Then one page brings it, however many were looked at
    replay_now(family, rate=1.0, where=("lastname equals rare",))
    family.settle()
    assert (written(family), family.dynamics.asked.count("contact walk")) == ([ids[5]], 1)


def test_a_walk_leaves_half_of_the_queue_to_changes(redis: Redis) -> None:
    family = Family(redis, high_water=8)
    ids = contacts(family)
    replay_now(family)
    # When nobody writes
    assert family.read(CONTACT) is ReadEnd.CAUGHT_UP
    assert family.workflow.queue(CONTACT).total() == 4
    # Then changes still find room, and once there is room again the walk goes on
    family.dynamics.put(CONTACT, ids[-1], lastname="changed")
    family.read(CONTACT)
    assert family.workflow.queue(CONTACT).total() == 5
    family.settle()
    assert set(written(family)) == set(ids)


def test_conditions_and_a_window_narrow_a_replay_and_cost_the_others_nothing(family: Family) -> None:
    # Given contacts of which only the column of a condition tells them apart, and which is not mapped
    ids = contacts(family)
    for number, record_id in enumerate(ids):
        family.dynamics.put(CONTACT, record_id, statecode=number % 2, modified_ms=number)
    family.settle()
    assert written(family) == []
    # When those for which it holds are replayed, within a window
    replay_now(family, where=("statecode equals 1", "lastname begins_with C"), since_ms=2, until_ms=5)
    family.settle()
    # Then they alone are written, with what is mapped and nothing else
    assert written(family) == [ids[3]]
    assert {tuple(event.body or ()) for event in family.campaign.events} == {("lastName",)}
    assert (walk(family).rows, walk(family).queued) == (3, 1)


def test_records_are_replayed_by_their_ids_and_those_that_are_not_there_are_counted(family: Family) -> None:
    ids = contacts(family)
    only = confined_to(family, [ids[4], the("nobody"), ids[1]])
    replay_now(family, ids=only)
    family.settle()
    # Then they alone are written
    assert written(family) == [ids[1], ids[4]]
    assert (walk(family).rows, walk(family).missing, walk(family).queued) == (3, 1, 2)
    # And nothing is left of the ids
    assert not family.redis.exists(family.workflow.keys.stream(CONTACT).replay_ids(only.token))
