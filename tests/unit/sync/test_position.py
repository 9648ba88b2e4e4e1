"""The reading position: what follows what, what it remembers, and that it survives being written down."""

from dataclasses import replace

import pytest

from sync.tables.position import Comparison, Left, Phase, Position
from sync.tables.walk import Walk


def caught_up(link: str = "delta-1", highest: int = 9) -> Position:
    return Position(mapping="m", pair="p").after(highest, 2, None, link, asked_ms=100)


def test_a_position_is_read_back_as_it_was_written() -> None:
    position = Position(
        Phase.CHANGES, "link", 9, 7, left=Left("old", midway=True, newest=3), comparison=Comparison(5, 256, 2, "an id")
    )
    assert Position.load(position.dump()) == position
    assert Position.load("") == Position()


def test_a_full_read_ends_with_its_delta_link() -> None:
    midway = Position().after(5, 2, "next", None, asked_ms=100)
    assert (midway.phase, midway.link, midway.rows, midway.settled) == (Phase.FULL, "next", 2, 0)
    end = midway.after(3, 1, None, "delta", asked_ms=200)
    assert (end.phase, end.link, end.rows, end.settled, end.at_round_start) == (Phase.CHANGES, "delta", 3, 5, True)


def test_a_round_has_been_read_until_its_first_page_was_asked_for() -> None:
    # Given rounds of several pages: what happens between two pages is told by the next round
    first = Position().after(5, 2, "next", None, asked_ms=100).after(6, 2, None, "delta", asked_ms=900)
    assert first.token_ms == 100
    second = first.after(7, 2, "more", None, asked_ms=1000).after(8, 1, None, "delta-2", asked_ms=1900)
    assert second.token_ms == 1000


def test_a_deletion_is_newer_than_what_was_seen_before_its_round_and_older_than_what_the_round_brings() -> None:
    now = caught_up(highest=9).after(12, 1, "more", None, asked_ms=200)
    assert now.row_version(9) < now.deletion_version < now.row_version(10)
    assert now.recovered_version > now.row_version(12)


def test_a_last_page_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(ValueError, match="leads nowhere"):
        Position().after(1, 1, None, None, asked_ms=0)


def test_a_beginning_leaves_the_old_link_behind_for_its_deletions() -> None:
    again = caught_up().begin_again("m2", "p", 500)
    assert (again.phase, again.link, again.highest, again.settled) == (Phase.FULL, "", 9, 9)
    assert again.left == Left("delta-1", midway=False, newest=9)
    # And with several beginnings in a row the oldest link counts
    assert again.after(0, 0, "next", None, 600).begin_again("m3", "p", 700).left == again.left


@pytest.mark.parametrize("phase", [Phase.FULL, Phase.CHANGES])
def test_a_link_in_the_middle_of_a_round_is_led_to_its_token_and_the_token_is_read(phase: Phase) -> None:
    # Given a beginning in the middle of a full read, or of a round of changes of several pages
    midway = Position(phase=phase).after(4, 2, "next-1", None, asked_ms=100)
    again = midway.begin_again("m2", "p", 500).after(4, 4, None, "delta-9", 600)
    assert again.left == Left("next-1", midway=True, newest=4)
    assert again.reads_what_is_left
    # When the rest of that round is read, then what has happened since is read too
    after_round = again.after_left("next-2", None).after_left(None, "delta-1")
    assert after_round.left == Left("delta-1", midway=False, newest=4, origin="next-1", origin_midway=True)
    assert after_round.after_left(None, "delta-2").left is None
    assert after_round.link == "delta-9"


def test_a_beginning_amid_what_was_left_reads_that_from_where_it_was_left() -> None:
    # Given what was left, read to some page, when reading begins again
    again = caught_up().begin_again("m2", "p", 500).after(12, 4, None, "delta-9", 600).after_left("next-2", None)
    twice = Position.load(again.dump()).begin_again("m3", "p", 700)
    # Then it is read from its first link: what was told until now was too old for what has been seen since
    assert twice.left == Left("delta-1", midway=False, newest=12)


def test_what_was_recovered_is_complete_at_the_time_of_its_last_page() -> None:
    again = caught_up().begin_again("m2", "p", 500).after(1, 1, None, "delta", 600)
    assert again.after_left("next-2", None).after_recovery(700).recovered_ms == 0
    done = again.after_left(None, "delta-2").after_recovery(800)
    assert done.recovered_ms == 800
    # And the next beginning does not forget it
    assert Position.load(done.dump()).begin_again("m3", "p", 900).recovered_ms == 800


def test_a_first_beginning_leaves_nothing_behind() -> None:
    assert Position().begin_again("m", "p", 0).left is None


def test_a_position_that_was_put_back_leaves_the_deletions_to_the_link_of_the_one_before() -> None:
    before, older = caught_up(highest=20), caught_up(highest=9)
    back = older.in_place_of(before, 500)
    # What was deleted since the one before counts more than whatever that one has seen
    assert (back.link, back.highest, back.settled) == (older.link, 9, 9)
    assert back.left == Left("delta-1", midway=False, newest=20) and back.reads_what_is_left
    # And so it does where its link is not served any more, nor that of the older one
    for lost in (back.without_left(), back.begin_after_expiry(600)):
        assert lost.comparison is not None and lost.comparison.since_ms >= 500
        assert Position.load(lost.dump()).recovered_version > back.row_version(20)


@pytest.mark.parametrize("pending", ["left", "comparison"])
def test_what_the_position_before_had_still_to_recover_is_recovered_by_the_one_put_back(pending: str) -> None:
    changed = caught_up(highest=20).begin_again("m2", "p", 400)
    before = changed if pending == "left" else caught_up(highest=20).begin_after_expiry(400)
    back = caught_up(highest=9).in_place_of(before, 500)
    assert (back.left, back.comparison) == (before.left, before.comparison)


def test_after_an_expiry_keys_are_compared_and_what_was_left_is_not_read() -> None:
    expired = caught_up().begin_again("m2", "p", 500).begin_after_expiry(700)
    assert (expired.left, expired.comparison, expired.expired_ms) == (None, Comparison(700), 700)
    assert not expired.compares_keys
    assert expired.after(1, 1, None, "delta", 800).compares_keys


def test_a_comparison_that_was_begun_begins_anew_with_another_full_read() -> None:
    comparing = Position(Phase.CHANGES, "delta", comparison=Comparison(700, bucket=512, found=3))
    assert comparing.begin_again("m2", "p", 900).comparison == Comparison(700, bucket=0, found=3)


def test_a_link_left_behind_that_has_died_is_replaced_by_a_comparison() -> None:
    again = caught_up().begin_again("m2", "p", 500).after(1, 1, None, "delta", 600)
    assert (again.without_left().left, again.without_left().comparison) == (None, Comparison(500))


def test_a_replay_of_everything_is_a_walk_beside_changes_or_the_full_read_that_is_due_anyway() -> None:
    # Given a table whose changes are read, Then they go on, and a walk begins
    walking = caught_up().with_replay(400, True, 500)
    assert (walking.phase, walking.link, walking.replayed_ms) == (Phase.CHANGES, "delta-1", 400)
    assert (walking.walk, walking.repeats, walking.lets_walk) == (Walk(400, True), False, True)
    assert Position.load(walking.dump()) == walking
    # When everything is to be read anew, Then both become one, until it is over
    again = walking.begin_again("m2", "p", 600)
    assert (again.walk, again.repeats) == (None, True)
    assert not again.after(1, 1, None, "delta", 700).repeats
    # When another one is taken up in the middle of it, Then it begins anew
    midway = again.after(1, 1, "next", None, 700).with_replay(800, True, 900)
    assert (midway.link, midway.repeats, midway.replayed_ms) == ("", True, 800)
    # And when it is ended, the full read goes on as one that is none
    assert not midway.without_replay().repeats


def test_a_walk_through_some_records_waits_for_a_full_read_and_begins_anew_under_another_mapping() -> None:
    walking = replace(caught_up(), walk=Walk(400, False, link="w2", rows=9))
    again = walking.begin_again("m2", "p", 500)
    assert (again.walk, again.repeats, again.lets_walk) == (Walk(400, False), False, False)
    assert again.after(1, 1, None, "delta", 600).after_left(None, "d").lets_walk
    # And an expired token takes nothing from it; it waits for what that has made necessary
    expired = walking.begin_after_expiry(500)
    assert (expired.walk, expired.after(1, 1, None, "delta", 600).lets_walk) == (walking.walk, False)


def test_a_walk_has_no_turn_in_the_middle_of_a_round() -> None:
    walking = caught_up().with_replay(400, True, 500)
    assert not walking.after(1, 1, "next", None, 600).lets_walk


def test_what_is_fetched_past_reading_is_older_than_a_deletion_that_reading_finds_next() -> None:
    now = caught_up(highest=9)
    assert now.fetched_version(7) == now.row_version(7)
    assert now.row_version(9) <= now.fetched_version(12) < now.deletion_version
