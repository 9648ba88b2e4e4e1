"""How long changes took, counted in Redis; and pages, by which their writers find out."""

import threading

import pytest
from redis import Redis

from config.objectives import COUNTED_SECONDS
from store.freshness import FRESHNESS, KEPT_WINDOWS, OPTOUT, WINDOW_MS, Freshness, Waited
from store.keys import StreamKeys
from store.pages import KEPT_MS, Page, Pages

NOW = 1_800_000_000_000


@pytest.fixture
def freshness(redis: Redis, keys: StreamKeys) -> Freshness:
    return Freshness(redis, keys)


@pytest.fixture
def pages(redis: Redis, keys: StreamKeys) -> Pages:
    return Pages(redis, keys)


def took(seconds: float, measure: str = FRESHNESS) -> Waited:
    return Waited(measure, NOW - round(seconds * 1000))


@pytest.mark.parametrize(
    ("seconds", "kept"), [(0, 1), (1, 1), (1.001, 2), (60, 60), (60.001, 120), (86_400, 86_400), (-5, 1)]
)
def test_a_change_counts_under_the_first_time_that_it_kept(freshness: Freshness, seconds: float, kept: int) -> None:
    # Given one change that took so long; a clock that is behind makes no negative time
    freshness.add({took(seconds): 1}, NOW)
    # Then it is within that time, and not within the one before
    found = freshness.since_ever()[FRESHNESS]
    assert found.within(kept) == found.total == 1
    assert kept == 1 or found.within(COUNTED_SECONDS[COUNTED_SECONDS.index(kept) - 1]) == 0
    assert found.seconds == max(0, seconds)


def test_what_took_longer_than_all_times_is_counted_behind_them(freshness: Freshness) -> None:
    freshness.add({took(200_000): 3}, NOW)
    found = freshness.since_ever()[FRESHNESS]
    assert (found.total, found.within(86_400), found.counts[-1]) == (3, 0, 3)


def test_measures_are_counted_apart(freshness: Freshness) -> None:
    freshness.add({took(1): 2, took(5, OPTOUT["dynamics"]): 1, took(600, OPTOUT["campaign"]): 4}, NOW)
    assert {name: one.total for name, one in freshness.since_ever().items()} == {
        FRESHNESS: 2, OPTOUT["dynamics"]: 1, OPTOUT["campaign"]: 4,
    }  # fmt: skip


def test_the_last_hour_forgets_what_came_before_it(freshness: Freshness) -> None:
    # Given changes of an hour ago, of this hour and of now
    first = NOW - KEPT_WINDOWS * WINDOW_MS
    freshness.add({Waited(FRESHNESS, first): 1}, first)
    freshness.add({Waited(FRESHNESS, first): 10}, first + WINDOW_MS)
    freshness.add({took(0): 100}, NOW)
    # Then the hour has the last two, and so it stays when the windows that are over are dropped
    assert freshness.last_hour(NOW).total == 110
    freshness.trim(NOW)
    assert freshness.last_hour(NOW).total == 110
    assert freshness.last_hour(NOW - WINDOW_MS).total == 110  # the first one is gone now
    assert freshness.since_ever()[FRESHNESS].total == 111


def test_writers_side_by_side_lose_no_count(freshness: Freshness) -> None:
    # Given four writers that count at once
    def count() -> None:
        for _ in range(50):
            freshness.add({took(1): 2, took(30): 1}, NOW)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Then every change is counted, in all and in the hour
    assert freshness.since_ever()[FRESHNESS].total == freshness.last_hour(NOW).total == 600
    assert freshness.last_hour(NOW).within(1) == 400


def test_a_page_is_found_by_the_time_under_which_it_is_stored(pages: Pages) -> None:
    # Given two pages, one of which does not tell since when its changes can have happened
    told = pages.note(Page(NOW, "aa bb"))
    untold = pages.note(Page(None, "cc dd"))
    # Then each is found, even if they came within the same millisecond
    assert pages.find({told, untold, 5}) == {told: Page(NOW, "aa bb"), untold: Page(None, "cc dd")}
    assert pages.find(set()) == {}


def test_pages_are_known_for_an_hour(pages: Pages) -> None:
    at_ms = pages.note(Page(1, "aa bb"))
    pages.trim(at_ms + KEPT_MS)
    assert pages.find({at_ms})
    pages.trim(at_ms + KEPT_MS + 1)
    assert not pages.find({at_ms})
