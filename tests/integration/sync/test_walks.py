"""A walk beside live reading: changes go first and always win; what was asked for is written once more, and no more."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from redis import Redis

from connectors.errors import CursorExpired, Unavailable
from store.ledger import Ledger
from store.marks import Marks
from store.record_queue import Lane, RecordQueue
from store.replay_ids import ReplayIds
from store.replays import Ids
from sync.streams import ReadEnd, Slice
from sync.tables import reading as table_reading
from sync.tables.position import Phase, Position
from sync.tables.reading import TableReader
from sync.tables.walk import Walk, unpacked
from tests.integration.sync.family import CONTACT, FOREVER, MEMBERSHIP, Family, the

ANN, BOB = the("ann"), the("bob")
ONE_PAGE = Slice(0, lambda: False)
NAMES = [f"c{number}" for number in range(6)]


def contacts(family: Family, names: Sequence[str] = NAMES, **mapping: Any) -> list[str]:
    """These contacts in both systems, in pages of two."""
    family.dynamics.page_size = 2
    family.start(contact=mapping, new_membership=None, new_invoice=None)
    for name in names:
        family.dynamics.put(CONTACT, the(name), lastname=name)
    family.settle()
    family.campaign.events.clear()
    return sorted(map(the, names))


def replay_now(family: Family, **only: Any) -> None:
    assert family.workflow.replays.ask(CONTACT, "a test", "", **only)
    assert family.workflow.replays.begin_now(CONTACT, "a test")


def confined_to(family: Family, ids: Sequence[str]) -> Ids:
    known = family.workflow.replays.ids_of(CONTACT)
    return Ids(known.token, known.keep(ids))


def written(family: Family) -> list[str]:
    return sorted(key for _, key in family.writes(CONTACT))


def position(family: Family) -> Position:
    return Position.load(family.workflow.cursor(CONTACT).value)


def walk(family: Family) -> Walk:
    found = position(family).walk
    assert found is not None
    return found


def test_a_replay_begins_while_the_workflow_runs_and_writes_every_record_once(family: Family) -> None:
    ids = contacts(family)
    generation, token = family.generation, position(family).token_ms
    # When one begins at once
    replay_now(family)
    family.settle()
    # Then each was written once, in the same run, and reading changes was never begun anew
    assert written(family) == ids
    assert (family.generation, position(family).phase, position(family).left) == (generation, Phase.CHANGES, None)
    assert position(family).token_ms is not None and token is not None
    assert (walk(family).rows, walk(family).queued, walk(family).is_over) == (6, 6, True)
    # And that was all: nothing is written for a change of what is not mapped
    family.dynamics.put(CONTACT, ids[0], jobtitle="Boss")
    family.start()
    family.settle()
    assert written(family) == ids


def test_changes_are_read_between_the_pages_of_a_walk_and_written_first(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a walk of which one page was read
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    assert (walk(family).rows, walk(family).is_over) == (2, False)
    # When a contact changes that the walk has yet to reach
    family.dynamics.put(CONTACT, ids[-1], lastname="changed")
    family.read(CONTACT, ONE_PAGE)
    # Then it was read before the next page, and goes first
    assert walk(family).rows == 4
    batch = family.workflow.queue(CONTACT).lease(family.generation, 1, 60_000)
    assert [record.id for record in batch.records] == [ids[-1]]
    assert batch.records[0].lane is Lane.LIVE


def test_the_copy_of_a_walk_never_overwrites_a_change(family: Family) -> None:
    # Given a walk that has read a contact, and nothing was written
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    # When that one changes, and the change is written while the copy waits; and another one before it is reached
    for record_id in (ids[0], ids[-1]):
        family.dynamics.put(CONTACT, record_id, lastname="changed")
    family.settle()
    # Then both stay as they were changed
    assert [family.held(CONTACT)[record_id]["lastName"] for record_id in (ids[0], ids[-1])] == ["changed"] * 2
    bodies = [event.body["lastName"] for event in family.campaign.events if event.key == ids[0]]
    assert bodies == ["changed"]


@pytest.mark.parametrize("reached", [True, False])
def test_a_record_that_is_deleted_during_the_walk_stays_deleted(family: Family, reached: bool) -> None:
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    # When a contact is deleted whose copy waits, or that the walk has yet to reach
    gone = ids[0] if reached else ids[-1]
    family.dynamics.remove(CONTACT, gone)
    family.settle()
    # Then it is gone, and the others were written
    assert sorted(family.held(CONTACT)) == sorted(set(ids) - {gone})
    assert set(written(family)) == set(ids)


def test_a_page_that_was_asked_for_before_a_deletion_was_told_is_thrown_away(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact of which nobody knows yet, on a page of the walk that was asked for ahead
    monkeypatch.setattr(table_reading, "LIVE_EVERY", 1000.0)
    ids = contacts(family)
    replay_now(family)
    stream = family.streams[CONTACT]
    reader = cast(TableReader, stream.source.reader(stream, family.workflow, family.generation, FOREVER))
    assert reader.read_page() is None
    new = "ffffffff-0000-4000-8000-000000000001"
    family.dynamics.put(CONTACT, new, lastname="new")
    for _ in range(2):
        assert reader.read_page() is None
    ahead = reader._walker._pages._ahead
    assert ahead is not None and any(change.id == new for change in ahead[1].result().changes) is False
    assert reader.read_page() is None
    ahead = reader._walker._pages._ahead
    assert ahead is not None and any(change.id == new for change in ahead[1].result().changes)
    # When it is deleted, and changes are read before that page is stored
    family.dynamics.remove(CONTACT, new)
    reader._walks_until = 0.0
    assert reader.read_page() is None
    while not walk(family).is_over:
        reader.read_page()
    reader.close()
    family.settle()
    # Then it never came to Campaign
    assert sorted(family.held(CONTACT)) == ids


def test_a_change_of_what_is_not_mapped_that_overtakes_a_copy_is_written_in_its_place(family: Family) -> None:
    # Given a copy that waits
    ids = contacts(family, ["ann"])
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    # When a newer version takes its place that maps to the same
    family.dynamics.put(CONTACT, ids[0], jobtitle="Boss")
    family.read(CONTACT)
    family.settle()
    # Then the replay of it is not lost, and it is written once
    assert written(family) == ids


def test_a_copy_that_follows_a_version_in_a_writers_hands_is_written_all_the_same(family: Family) -> None:
    # Given a writer that holds a version which differs in nothing
    ids = contacts(family, ["ann"])
    family.dynamics.put(CONTACT, ids[0], jobtitle="Boss")
    family.read(CONTACT)
    queue = family.workflow.queue(CONTACT)
    batch = queue.lease(family.generation, 1, 60_000)
    [entry] = queue.ledger.entries(ids)
    outcome = family.streams[CONTACT].target.prepare(batch.records[0], entry)
    # When the walk reads the record meanwhile
    replay_now(family)
    family.read(CONTACT)
    queue.settle(batch.number, [cast(Any, outcome)])
    family.settle()
    # Then that copy is written
    assert written(family) == ids


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize(
    ("of", "name", "after"),
    [
        (Marks, "add", False),
        (Marks, "add", True),
        (RecordQueue, "put_page", False),
        (RecordQueue, "put_page", True),
        (ReplayIds, "drop_before", False),
        (RecordQueue, "settle", False),
        (RecordQueue, "settle", True),
        (Marks, "clear", True),
    ],
)
@pytest.mark.parametrize("kind", ["all", "ids", "portions", "portions of ids"])
def test_whoever_dies_in_the_midst_of_a_walk_loses_nothing(
    family: Family, monkeypatch: pytest.MonkeyPatch, of: Any, name: str, after: bool, kind: str
) -> None:
    # Given a replay, of all or of ids, as fast as it goes or in portions, one of its pages read and written
    monkeypatch.setattr("store.replay_ids.PART", 2 if kind == "ids" else 4)
    monkeypatch.setattr("sync.tables.walking.PART", 2 if kind == "ids" else 4)
    monkeypatch.setattr("sync.tables.walking.PARTS", 1)
    ids = contacts(family)
    only: dict[str, Any] = {"ids": confined_to(family, ids) if "ids" in kind else None}
    if "portions" in kind:
        at_once(monkeypatch)
        family.dynamics.page_size = 5
        only |= {"rate": 1.0, "where": () if "ids" in kind else ("lastname begins_with c",)}
    replay_now(family, **only)
    family.read(CONTACT, ONE_PAGE)
    family.write(CONTACT)
    # When the next reader or writer dies before or after one of its steps
    real = getattr(of, name)

    def dies(*arguments: Any, **named: Any) -> Any:
        if of is Marks and not arguments[0]._key.endswith(":repeats"):
            return real(*arguments, **named)  # others are marked, too, for something else
        monkeypatch.setattr(of, name, real)
        if after:
            real(*arguments, **named)
        raise Crash

    monkeypatch.setattr(of, name, dies)
    try:
        family.read(CONTACT, ONE_PAGE)
        family.write(CONTACT)
    except Crash:
        pass
    monkeypatch.setattr(of, name, real)
    family.redis.delete(family.workflow.keys.stream(CONTACT).reading)
    family.redis.delete(family.workflow.keys.stream(CONTACT).writing(0))
    batches = family.workflow.queue(CONTACT).keys.batches
    for number in cast(list[bytes], family.redis.zrange(batches, 0, -1)):
        family.redis.zadd(batches, {number: 1})
    family.workflow.queue(CONTACT).reap()
    family.start()
    family.settle()
    # Then every record was written, none more often than twice, and all are right
    assert set(written(family)) == set(ids)
    assert max(written(family).count(record_id) for record_id in ids) <= 2
    assert sorted(family.held(CONTACT)) == ids
    assert walk(family).is_over
    assert not list(family.redis.scan_iter("*replay-ids*"))


def test_a_replay_that_is_paused_stays_so_over_a_restart_and_goes_on_where_it_stood(family: Family) -> None:
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    # When it is paused, the workflow stopped and started, and a contact changes
    assert family.workflow.replays.pause(CONTACT, "a test")
    family.start()
    family.dynamics.put(CONTACT, ids[-1], lastname="changed")
    family.settle()
    # Then what was read is written, changes are read, and no more of the replay is
    assert set(written(family)) == {ids[0], ids[1], ids[-1]}
    assert walk(family).rows == 2
    # When it is resumed, then the rest follows
    assert family.workflow.replays.resume(CONTACT, "a test")
    family.settle()
    assert set(written(family)) == set(ids)


def test_a_replay_that_is_ended_writes_what_was_read_and_no_more(family: Family) -> None:
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    assert family.workflow.replays.end(CONTACT, "a test")
    family.settle()
    assert written(family) == ids[:2]
    # And the next one begins from the beginning
    replay_now(family)
    family.settle()
    assert written(family) == sorted([*ids, *ids[:2]])


def test_its_reader_tells_once_that_all_of_a_replay_was_read(family: Family) -> None:
    contacts(family)
    replay_now(family)
    family.settle()
    told = family.workflow.replays.began(CONTACT)
    assert told is not None and told.over_ms is not None
    assert (told.read, told.queued) == (6, 6)
    # And another one that is ended was not
    family.read(CONTACT)
    assert family.workflow.replays.began(CONTACT) == told
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    assert family.workflow.replays.end(CONTACT, "a test")
    family.settle()
    ended = family.workflow.replays.began(CONTACT)
    assert ended is not None and ended.ended_ms is not None and ended.over_ms is None
    assert family.workflow.replays.past() == [(CONTACT, told)]


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


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a rate makes wait follows at once, so that nobody sleeps here."""
    monkeypatch.setattr("sync.tables.walking.next_due_ms", lambda now_ms, queued, rate: 0)


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


def due_now(family: Family) -> None:
    """The next portion's turn has come."""
    cursor, now = family.workflow.cursor(CONTACT), position(family)
    assert now.walk is not None
    behind = now.after_walk(replace(now.walk, due_ms=1))
    family.workflow.queue(CONTACT).put_page(family.generation, cursor.number, [], behind.dump())


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


def test_a_replay_of_everything_takes_the_place_of_one_of_some_and_nothing_is_left_of_its_ids(family: Family) -> None:
    # Given a replay of a few that is under way
    ids = contacts(family)
    only = confined_to(family, ids[:3])
    replay_now(family, ids=only, rate=0.1)
    family.read(CONTACT, ONE_PAGE)
    # When everything is to be replayed
    replay_now(family)
    family.settle()
    # Then all are written, those that had been read once more at most
    assert set(written(family)) == set(ids)
    assert not family.redis.exists(family.workflow.keys.stream(CONTACT).replay_ids(only.token))


def test_a_replay_and_a_changed_mapping_are_one_reading(family: Family) -> None:
    # Given a replay of everything that is under way
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    # When a mapping is changed, too
    title = [{"from": "lastname", "to": "lastName"}, {"from": "jobtitle", "to": "cusJobTitle"}]
    family.dynamics.asked.clear()
    family.start(contact={"fields": title})
    family.settle()
    # Then everything is read once, and every record written once, those that had been read among them
    assert "contact walk" not in family.dynamics.asked
    assert written(family) == ids


def test_a_replay_of_some_waits_for_the_full_read_of_a_changed_mapping_and_begins_anew(family: Family) -> None:
    ids = contacts(family)
    replay_now(family, where=("lastname begins_with c",))
    family.read(CONTACT, ONE_PAGE)
    family.start_anew(CONTACT)
    family.settle()
    assert set(written(family)) == set(ids)
    assert (walk(family).is_over, position(family).phase) == (True, Phase.CHANGES)


def test_an_expired_change_token_takes_nothing_from_a_walk(family: Family) -> None:
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    family.dynamics.expire_tokens()
    family.settle()
    assert written(family) == ids


@pytest.mark.parametrize(
    "error", [Unavailable("dynamics", "no answer"), CursorExpired("dynamics", "the link is too old")]
)
def test_trouble_with_a_walk_holds_up_no_change_and_loses_nothing(
    family: Family, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    # Given a walk whose next page cannot be read
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    scan, fails = family.dynamics.scan, True

    def failing(*arguments: Any, **named: Any) -> Any:
        if fails and arguments[1]:
            raise error
        return scan(*arguments, **named)

    monkeypatch.setattr(family.dynamics, "scan", failing)
    # When a contact changes, then that arrives
    family.dynamics.put(CONTACT, ids[-1], lastname="changed")
    family.read(CONTACT, Slice(0.5, lambda: False))
    family.write(CONTACT)
    assert family.held(CONTACT)[ids[-1]]["lastName"] == "changed"
    # And people are told, and the way out
    [trouble] = [one for one in family.workflow.troubles.all() if one.where == "contact.backfill"]
    assert trouble.sentence.endswith("give the replay up with: d365acs replay cancel contact")
    # When it can be read again, then the rest is written
    fails = False
    family.workflow.troubles.clear("contact.backfill")
    family.settle()
    assert set(written(family)) == set(ids)


def test_children_that_are_replayed_still_wait_for_their_parents(family: Family) -> None:
    # Given a membership whose contact is not there
    family.start(new_invoice=None)
    family.dynamics.put(MEMBERSHIP, BOB, new_contactid=ANN)
    family.settle()
    assert family.parked(MEMBERSHIP) == {BOB}
    assert family.workflow.replays.ask(MEMBERSHIP, "a test", "")
    assert family.workflow.replays.begin_now(MEMBERSHIP, "a test")
    family.settle()
    assert (family.parked(MEMBERSHIP), family.held(MEMBERSHIP)) == ({BOB}, {})
    # When it comes, then both are
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    assert family.held(MEMBERSHIP).keys() == {BOB}


def test_marks_do_not_outlive_what_they_are_for(family: Family) -> None:
    ids = contacts(family)
    replay_now(family)
    family.settle()
    assert not family.redis.exists(family.workflow.keys.stream(CONTACT).repeats)
    assert isinstance(family.workflow.queue(CONTACT).ledger, Ledger) and ids
