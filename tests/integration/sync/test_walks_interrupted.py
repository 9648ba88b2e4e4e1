"""A walk that crashes, troubles, operators or other readings interrupt: it goes on or ends, and nothing is lost."""

from typing import Any, cast

import pytest

from connectors.errors import CursorExpired, Unavailable
from store.marks import Marks
from store.record_queue import RecordQueue
from store.replay_ids import ReplayIds
from sync.streams import Slice
from sync.tables.position import Phase
from tests.integration.sync.family import CONTACT, Family
from tests.integration.sync.walks import ONE_PAGE, at_once, confined_to, contacts, position, replay_now, walk, written


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
