"""Polling against an instance in memory that promises nothing: in the end every change was told.

It pages by numbers, in the order of the changes or of the records, while profiles change, go and come; changes show
later than their own times say; its clock is not ours.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from config.optinout import OptinoutConfig
from connectors.campaign_profiles import ProfilePage
from connectors.clocks import Skew
from connectors.errors import CursorExpired
from connectors.moments import campaign_text
from store.sealing import AesSeal, NoSeal, PayloadSeal
from sync.consent.fitting import ConsentShapes
from sync.consent.page import FOR_EVER_MS, ConsentPage, Unusable
from sync.consent.polled import PolledProfiles, PollPosition
from sync.consent.states import ProfileState
from sync.consent.unusable import unusable_id

BEGAN_MS = 1_793_361_600_000
FIELDS = ("blackListEmailLastModified",)


def contact(number: int) -> str:
    return f"3f2504e0-4f89-41d3-9a0c-{number:012}"


class Instance:
    """In place of the connector. `sorted_by_time`: in which order its pages come; `at_ms`: its clock."""

    def __init__(self, sorted_by_time: bool, page_size: int = 3, ahead_ms: int = 0, tells_clock: bool = True) -> None:
        self.sorted_by_time, self.page_size, self.ahead_ms = sorted_by_time, page_size, ahead_ms
        self.tells_clock = tells_clock
        self.ours_ms = BEGAN_MS
        self.profiles: dict[int, dict[str, Any]] = {}
        self.hidden: list[tuple[int, int, dict[str, Any]]] = []  #: when they show, number, profile
        self.asked = 0
        self.follows = True
        self.clock = self

    def skew(self, now: float) -> Skew | None:
        return Skew(round(self.ours_ms + self.ahead_ms - now * 1000), 500) if self.tells_clock else None

    def now_ms(self) -> int:
        return self.ours_ms

    def change(self, number: int, out: bool, shows_after_ms: int = 0) -> None:
        stamp = campaign_text(self.ours_ms + self.ahead_ms)
        profile = {
            "externalId": contact(number),
            "lastModified": stamp,
            "blackListEmail": out,
            "blackListEmailLastModified": stamp,
        }
        if shows_after_ms:
            self.hidden.append((self.ours_ms + shows_after_ms, number, profile))
        else:
            self.profiles[number] = profile

    def show(self) -> None:
        for one in [one for one in self.hidden if one[0] <= self.ours_ms]:
            self.hidden.remove(one)
            if self.profiles.get(one[1], {"lastModified": ""})["lastModified"] < one[2]["lastModified"]:
                self.profiles[one[1]] = one[2]

    def changed_profiles(
        self, filter_: str, parameter: str, since_ms: int, fields: Sequence[str], page_size: int, timeout: float
    ) -> ProfilePage:
        return self._page(0, since_ms)

    def follow_profiles(self, next_: str, since_ms: int, fields: Sequence[str], timeout: float) -> ProfilePage:
        if not self.follows:
            raise CursorExpired("campaign", "the page is gone")
        return self._page(int(next_), since_ms)

    def _page(self, start: int, since_ms: int) -> ProfilePage:
        self.asked += 1
        since = campaign_text(since_ms)
        found = [(number, one) for number, one in sorted(self.profiles.items()) if one["lastModified"] >= since]
        if self.sorted_by_time:
            found.sort(key=lambda pair: pair[1]["lastModified"])
        end = start + self.page_size
        return ProfilePage([one for _, one in found[start:end]], str(end) if end < len(found) else None)


class Reader:
    """Polls, and keeps what was told last of each contact."""

    def __init__(self, instance: Instance, overlap_seconds: float = 2, seal: PayloadSeal | None = None) -> None:
        self.instance = instance
        config = OptinoutConfig.model_validate(
            {
                "direction": "bidirectional",
                "flags": [{"dynamics": "donotemail", "campaign": "blackListEmail"}],
                "poll": {"overlap_seconds": overlap_seconds},
            }
        )
        shapes = ConsentShapes(times={"blackListEmail": FIELDS})
        digest = (seal or NoSeal()).digest
        self.part = PolledProfiles(instance, config, shapes, "p", instance.now_ms, digest)  # type: ignore[arg-type]
        self.position = self.part.beginning(None)
        self.told: dict[str, tuple[bool | None, int | None]] = {}
        self.news = 0

    def page(self) -> ConsentPage:
        page = self.part.fetch(self.position, 5)
        for id_, state in page.told:
            assert isinstance(state, ProfileState)
            seen = state.flags["blackListEmail"]
            known = self.told.get(id_, (None, -1))
            if (seen.at_ms or 0) >= (known[1] or 0):
                self.told[id_] = seen.opted_out, seen.at_ms
            self.news += 1
        self.position = page.behind
        return page

    def round(self) -> None:
        while self.page().more:
            pass

    def missing(self) -> list[str]:
        now = {one["externalId"]: one["blackListEmail"] for one in self.instance.profiles.values()}
        return [id_ for id_, out in now.items() if self.told.get(id_, (None, 0))[0] is not out]


@pytest.mark.parametrize("seed", range(60))
def test_every_change_is_told_whatever_moves_while_pages_are_read(seed: int) -> None:
    # Given an instance with some profiles
    chance = random.Random(seed)
    ahead_ms = chance.choice([0, -3_600_000, 90_000])
    instance = Instance(chance.random() < 0.5, chance.randint(2, 5), ahead_ms, tells_clock=chance.random() < 0.7)
    for number in range(20):
        instance.ours_ms += chance.choice([0, 0, 7])
        instance.change(number, chance.random() < 0.5)
    reader = Reader(instance)
    # When people change them between any two pages, some of it shows late, and a page takes its time
    for _ in range(150):
        instance.follows = chance.random() < 0.97
        reader.page()
        instance.ours_ms += chance.choice([1, 20, 300])
        if chance.random() < 0.5:
            late_ms = chance.choice([0, 0, 0, 500, 1500])
            instance.change(chance.randrange(25), chance.random() < 0.5, late_ms)
        instance.show()
    # And then are quiet
    instance.follows = True
    instance.ours_ms += 2_000
    instance.show()
    for _ in range(3):
        reader.round()
        instance.ours_ms += 1000
    # Then nothing is missing
    assert reader.missing() == []


@pytest.mark.parametrize("sorted_by_time", [True, False])
def test_a_profile_that_slips_past_a_pages_end_is_told(sorted_by_time: bool) -> None:
    # Given two pages of profiles that changed long ago
    instance = Instance(sorted_by_time)
    for number in range(6):
        instance.change(number, False)
        instance.ours_ms += 100_000
    reader = Reader(instance)
    reader.page()
    # When one of the first page changes before the second is read, so that those behind it move up
    instance.change(0, True)
    reader.round()
    reader.round()
    # Then none is missing
    assert reader.missing() == []


def test_rounds_that_follow_each_other_soon_are_read_once() -> None:
    # Given an instance that pages in the order of changes, and a reader that has caught up
    instance = Instance(sorted_by_time=True)
    instance.change(0, True)
    reader = Reader(instance, overlap_seconds=10)
    reader.round()
    # When several pages of profiles have changed within a second
    for number in range(1, 9):
        instance.ours_ms += 100
        instance.change(number, True)
    instance.asked = 0
    reader.round()
    # Then each page is asked for once, since the next round begins before that again
    assert (instance.asked, reader.missing()) == (3, [])
    assert PollPosition.load(reader.position).since_ms < BEGAN_MS


def test_a_change_during_a_long_round_is_found_by_the_next_one() -> None:
    # Given a round whose pages take longer than the overlap
    instance = Instance(sorted_by_time=False)
    for number in reversed(range(9)):
        instance.change(number, False)
        instance.ours_ms += 1
    reader = Reader(instance)
    reader.page()
    # When a profile of the first page changes, then, much later, one of the last page
    instance.ours_ms += 1000
    instance.change(0, True)
    instance.ours_ms += 60_000
    instance.change(8, True)
    while reader.page().more:
        pass
    # Then the next round finds the first one, too
    reader.round()
    assert reader.missing() == []


def test_an_instance_at_rest_costs_one_question_and_moves_nothing() -> None:
    instance = Instance(sorted_by_time=True)
    instance.change(1, True)
    reader = Reader(instance)
    reader.round()
    reader.round()
    instance.ours_ms += 60_000
    instance.asked, reader.news = 0, 0
    reader.page()
    position = reader.position
    for _ in range(5):
        instance.ours_ms += 1000
        page = reader.page()
        assert (page.told, page.more, page.idle, page.behind) == ([], False, True, position)
    assert (instance.asked, reader.news) == (6, 0)


@pytest.mark.parametrize("tells_clock", [True, False])
def test_many_that_changed_at_once_are_not_read_again_for_ever(tells_clock: bool) -> None:
    # Given many profiles whose last change is the newest of all
    instance = Instance(sorted_by_time=True, tells_clock=tells_clock)
    for number in range(30):
        instance.change(number, True)
    reader = Reader(instance)
    reader.round()
    # When nothing changes any more for longer than it looks back
    for _ in range(8):
        instance.ours_ms += 1000
        reader.round()
    # Then a look costs one question
    instance.asked = 0
    reader.round()
    assert instance.asked == 1
    # And the next change is found, whenever it comes
    instance.ours_ms += 1
    instance.change(7, False)
    reader.round()
    assert reader.missing() == []


def test_another_value_in_the_same_millisecond_is_told() -> None:
    instance = Instance(sorted_by_time=True)
    instance.change(1, True)
    reader = Reader(instance)
    reader.round()
    instance.change(1, False)
    reader.round()
    assert reader.missing() == []


def test_a_clock_that_was_ahead_and_is_set_right_hides_no_change() -> None:
    # Given changes that were read while Campaign's clock was an hour ahead
    instance = Instance(sorted_by_time=True, ahead_ms=3_600_000)
    instance.change(1, True)
    reader = Reader(instance)
    reader.round()
    # When it is set right, and somebody changes another profile
    instance.ahead_ms = 0
    instance.ours_ms += 1000
    reader.round()
    instance.change(2, True)
    reader.round()
    assert reader.missing() == []


@pytest.mark.parametrize("back_ms", [20_000, 3_600_000])
@pytest.mark.parametrize("idle_ms", [0, 600_000])
def test_a_clock_that_is_set_back_while_nobody_reads_hides_no_change(back_ms: int, idle_ms: int) -> None:
    # Given a reader that has caught up, some time after the last change, and nobody reads any more
    instance = Instance(sorted_by_time=True, ahead_ms=back_ms)
    instance.change(1, True)
    reader = Reader(instance)
    for _ in range(4):
        reader.round()
        instance.ours_ms += 1000 + idle_ms
    reader.round()
    # When Campaign's clock is set back, somebody opts out, and it takes a while until there is a reader again
    instance.ours_ms += 100
    instance.ahead_ms = 0
    instance.change(2, True)
    instance.ours_ms += 30_000
    reader.round()
    reader.round()
    # Then that is told
    assert reader.missing() == []
    # And it was gone back once: soon nothing is read again
    for _ in range(4):
        instance.ours_ms += 2000
        reader.round()
    assert PollPosition.load(reader.position).since_ms > instance.ours_ms - 60_000 - idle_ms
    reader.news = 0
    reader.round()
    assert reader.news == 0
    # And the next change is found
    instance.change(3, True)
    reader.round()
    assert reader.missing() == []


def test_the_first_round_is_the_one_that_reads_everybody() -> None:
    instance = Instance(sorted_by_time=False)
    for number in (3, 2, 1, 0):
        instance.change(number, False)
        instance.ours_ms += 1
    reader = Reader(instance)
    assert [reader.page().whole, reader.page().whole, reader.page().whole] == [True, True, False]


def test_what_was_seen_is_remembered_in_bounded_room() -> None:
    instance = Instance(sorted_by_time=False, page_size=1_000)
    for number in range(5_000):
        instance.change(number, False)
    reader = Reader(instance)
    reader.round()
    assert len(PollPosition.load(reader.position).seen) == 500
    assert len(reader.told) == 5_000


def test_profiles_that_campaign_has_for_itself_are_left_out_and_counted() -> None:
    # Given profiles without a key, and one with a key of another kind that has opted out of nothing
    instance = Instance(sorted_by_time=False)
    instance.change(1, True)
    for number, (key, out) in enumerate((("", True), ("17", False))):
        instance.change(2 + number, out)
        instance.profiles[2 + number]["externalId"] = key
    page = Reader(instance).page()
    # Then they are counted and no more
    assert ([one.id for one in page.told], page.left_out) == ([contact(1)], 2)
    # But for the one that has opted out without a key: of whom nobody can say who it is, it is told how many there are
    assert len(page.keyless) == 1 and contact(2) not in str(page.keyless)


def test_an_opt_out_under_a_key_that_is_no_contacts_id_is_told_with_the_profile() -> None:
    # Given a profile that has opted out, with a key of another kind
    instance = Instance(sorted_by_time=False)
    instance.change(1, True)
    instance.profiles[1] |= {"externalId": "C-1001", "PKey": "@one"}
    reader = Reader(instance)
    # When it is read
    [told] = reader.part.fetch(reader.position, 5).told
    # Then it is to be set aside, as the same record each time
    assert isinstance(told.state, Unusable)
    assert (told.id, told.state.where) == (unusable_id("profile @one"), "profile @one")
    assert "externalId of this profile is not the id of a contact" in told.state.flaw


@pytest.mark.parametrize("spelling", ["{}", "({})", "{{{}}}"])
def test_a_contacts_id_is_known_in_any_usual_spelling(spelling: str) -> None:
    instance = Instance(sorted_by_time=False)
    instance.change(1, True)
    instance.profiles[1]["externalId"] = spelling.format(contact(1).upper())
    assert [one.id for one in Reader(instance).page().told] == [contact(1)]


@pytest.mark.parametrize("page_size", [1, 3])
def test_two_profiles_of_one_contact_are_told_as_doubles_and_once(page_size: int) -> None:
    # Given two profiles with one key, on one page or on two, that do not say the same
    instance = Instance(sorted_by_time=False, page_size=page_size)
    for number, out in ((1, True), (2, False)):
        instance.change(number, out)
        instance.profiles[number] |= {"externalId": contact(1), "PKey": f"@{number}"}
    reader = Reader(instance)
    # When they are read
    states = [one.state for _ in range(2 if page_size == 1 else 1) for one in reader.page().told]
    # Then neither stands for the other
    assert isinstance(states[-1], ProfileState) and states[-1].doubles
    # And they are not told again for being two
    reader.round()
    told = reader.news
    for _ in range(3):
        reader.round()
    assert reader.news == told


def test_what_was_seen_tells_nobody_what_it_was() -> None:
    # Given a position as it stands in Redis beside sealed memories, after a profile was seen
    instance = Instance(sorted_by_time=False)
    instance.change(1, True)
    reader = Reader(instance, seal=AesSeal([b"k" * 32]))
    reader.round()
    [(sight,)] = PollPosition.load(reader.position).seen.values()
    # When somebody who has no key tries what it may have said
    stamp = instance.profiles[1]["lastModified"]
    guesses = [
        {**instance.profiles[1], "blackListEmail": out, "blackListEmailLastModified": changed}
        for out in (True, False)
        for changed in (stamp, "")
    ]
    fields = reader.part._fields
    said = [orjson.dumps({name: one[name] for name in fields if name in one}) for one in guesses]
    found = {NoSeal().digest(one) for one in said} | {AesSeal([b"o" * 32]).digest(one) for one in said}
    # Then nothing fits
    assert sight.said not in found
    assert sight.said in {AesSeal([b"k" * 32]).digest(one) for one in said}


# A round that is read again


def walked(instance: Instance, many: int, moves: Callable[[int], int]) -> tuple[set[str], list[str]]:
    """Everybody is read once, while so many of them change between any two pages, by page; whom that has missed, and
    what was said."""
    chance = random.Random(1)
    for number in range(many):
        instance.ours_ms += 1
        instance.change(number, False)
    instance.ours_ms += 10_000_000
    reader = Reader(instance)
    told, notices = set(), []
    for pages in range(10_000):
        page = reader.page()
        told |= {one.id for one in page.told}
        notices += [page.notice] if page.notice else []
        if not PollPosition.load(reader.position).walking:
            break
        for _ in range(moves(pages)):
            instance.ours_ms += 10
            instance.change(chance.randrange(many), False)
    return {one["externalId"] for one in instance.profiles.values()} - told, notices


def test_a_walk_is_repeated_until_nobody_has_moved_meanwhile() -> None:
    # Given an instance that lists in the order of changes, where many change for a good while
    instance = Instance(sorted_by_time=True, page_size=50)
    # When everybody is read
    missed, notices = walked(instance, 1_500, lambda pages: 5 if pages < 90 else 0)
    # Then everybody was
    assert (missed, notices) == (set(), [])


def test_a_walk_that_never_finds_rest_ends_and_says_so() -> None:
    instance = Instance(sorted_by_time=True, page_size=50)
    missed, [notice] = walked(instance, 1_500, lambda pages: 5)
    assert missed == set()
    assert "read 5 times over" in notice and "replay create optinout" in notice


def test_whoever_was_looked_at_since_a_walk_began_is_not_asked_for_again() -> None:
    # Given a walk that has to read its pages again
    instance = Instance(sorted_by_time=True)
    for number in range(6):
        instance.change(number, False)
        instance.ours_ms += 100_000
    reader, began_ms = Reader(instance), instance.ours_ms
    first = reader.page()
    instance.change(0, True)
    instance.ours_ms += 50
    reader.page()
    reader.page()
    # When they are read for the second time
    second = reader.page()
    # Then only who was not looked at since it began is to be looked at, whatever is remembered
    assert (first.anew_ms, second.anew_ms) == (FOR_EVER_MS, began_ms)
    # And of later changes only what is new
    reader.round()
    reader.round()
    assert reader.page().anew_ms == 0
