"""The fast reading of Campaign's profiles: what has changed just now is told at once, whatever else is to be read."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from config.optinout import OptinoutConfig
from connectors.errors import Unreachable
from store.record_queue import Lane
from store.sealing import NoSeal
from store.store import Store
from sync.consent.fitting import ConsentShapes
from sync.consent.latest import LatestProfiles
from sync.consent.page import ConsentPage
from sync.consent.polled import PollPosition
from sync.streams import ReadEnd
from tests.integration.sync.consent_readers import FLAGS, ConsentReaders
from tests.integration.sync.test_consent_polling import FIELDS, Instance, contact
from tests.integration.sync.test_consent_polling import Reader as WholeReader
from tests.sandboxes import Sandbox

DAY_MS = 86_400_000


class Reader(WholeReader):
    """Reads what is new and nothing else."""

    def __init__(self, instance: Instance, overlap_seconds: float = 10) -> None:
        super().__init__(instance, overlap_seconds)
        config = OptinoutConfig.model_validate(
            {
                "direction": "bidirectional",
                "flags": [{"dynamics": "donotemail", "campaign": "blackListEmail"}],
                "poll": {"overlap_seconds": overlap_seconds},
            }
        )
        shapes = ConsentShapes(times={"blackListEmail": FIELDS})
        self.part = LatestProfiles(instance, config, shapes, "p", instance.now_ms, NoSeal().digest)  # type: ignore[arg-type]
        self.position = self.part.beginning(None)


@pytest.mark.parametrize("sorted_by_time", [True, False])
def test_a_change_among_many_is_told_without_looking_back(sorted_by_time: bool) -> None:
    # Given an instance where a profile changes every ten milliseconds, and a reader that keeps up
    instance = Instance(sorted_by_time, page_size=20)
    reader = Reader(instance)
    for number in range(3000):
        instance.change(number, False)
        instance.ours_ms += 10
        if number % 100 == 99:
            reader.round()
    # When somebody opts out
    instance.change(4000, True)
    instance.asked = 0
    reader.round()
    # Then that is told, and no more was read than about a second's changes: not the thousand that look-backs read
    assert contact(4000) in reader.told
    assert instance.asked <= 11


def test_it_begins_with_the_present_and_never_with_everybody() -> None:
    # Given profiles that changed long ago
    instance = Instance(sorted_by_time=True)
    for number in range(9):
        instance.change(number, True)
    instance.ours_ms += DAY_MS
    reader = Reader(instance)
    # When they are read for the first time, and one changes
    reader.round()
    assert reader.told == {}
    instance.ours_ms += 1000
    instance.change(3, False)
    page = reader.page()
    # Then only that is told, as a change like any other
    assert ([one.id for one in page.told], page.whole, page.anew_ms) == ([contact(3)], False, 0)


def test_after_a_long_rest_what_has_changed_meanwhile_is_left_to_the_other_reading() -> None:
    # Given a reader that stopped for a day, on which many changed
    instance = Instance(sorted_by_time=True)
    instance.change(0, True)
    reader = Reader(instance)
    reader.round()
    for number in range(1, 200):
        instance.ours_ms += DAY_MS // 200
        instance.change(number, True)
    instance.ours_ms += 60_000
    # When it goes on, and somebody opts out
    instance.change(300, True)
    reader.told.clear()
    instance.asked = 0
    reader.round()
    # Then that is told with the first question
    assert (set(reader.told), instance.asked) == ({contact(300)}, 1)


def test_as_long_as_campaigns_clock_is_not_known_nothing_is_asked_and_the_other_reading_keeps_its_pace() -> None:
    # Given an instance whose answers tell no time
    instance = Instance(sorted_by_time=True, tells_clock=False)
    instance.change(0, True)
    # When both readings are due
    page = Reader(instance).page()
    # Then the fast one leaves it to the other, which is asked again in a second
    assert (page.idle, instance.asked) == (True, 0)
    whole = WholeReader(instance, overlap_seconds=10)
    assert (whole.page().wait, instance.asked) == (1, 1)
    # And where they do, that one is asked again when what may have shown late has shown
    instance.tells_clock = True
    assert whole.page().wait == 10


# Beside the others


@pytest.fixture
def readers(secrets: None, sandbox: Sandbox, store: Store) -> Iterator[ConsentReaders]:
    readers = ConsentReaders(sandbox, store, flags=FLAGS[:1])
    yield readers
    readers.close()


def put_part(readers: ConsentReaders, name: str, **fields: Any) -> None:
    """Puts this into a source's part of the position."""
    behind = readers.position.with_part(name, replace(readers.part(name), **fields))
    readers.queue.put_page(1, readers.store.cursor("consent").number, [], behind.dump())


def test_a_change_is_told_while_everybody_is_read_for_a_pair_that_was_added(readers: ConsentReaders) -> None:
    # Given a pair that was added, so that everybody is read, which takes its time
    readers.settle()
    readers.wait(60)
    readers.use(flags=FLAGS)
    free = threading.Event()
    for name in ("poll", "dynamics"):
        part = readers.source.parts[name]

        def slow(position: str, timeout: float, most: int | None = None) -> ConsentPage:
            free.wait(20)
            raise Unreachable("campaign", "never mind")

        part.fetch = slow  # type: ignore[method-assign]
    # When somebody opts out
    readers.profile(readers.ann, blackListMobile=True)
    readers.make_due()
    end = readers.read()
    # Then that waits to be written, live, while the walk has not even begun
    assert (end, set(readers.waiting()), readers.lanes()) == (ReadEnd.CAUGHT_UP, {readers.ann}, {Lane.LIVE})
    assert PollPosition.load(readers.part("poll").next) == PollPosition()
    free.set()


@pytest.mark.parametrize("changes", [False, True])
def test_no_process_asks_before_it_is_time(readers: ConsentReaders, changes: bool) -> None:
    # Given all in step, and a source that a process has just asked, perhaps in vain
    readers.use(poll={"every_seconds": 3600})
    readers.settle()
    if changes:
        readers.profile(readers.ann, blackListEmail=True)
    readers.read_all()
    # When others read, however soon
    for _ in range(3):
        readers.restart()
        for name in ("latest", "poll"):
            readers.source.parts[name].fetch = lambda *_: pytest.fail("asked again")  # type: ignore[method-assign]
        readers.read()
    # Then none of them asks
    assert all(readers.part(name).due_ms > readers.store.now_ms() + 3_000_000 for name in ("latest", "poll"))
    assert readers.troubles() == {}


def test_the_other_reading_waits_until_the_fast_one_has_read_its_pages(readers: ConsentReaders) -> None:
    # Given several pages of profiles that have changed just now, of which the fast one has read the first
    readers.use(poll={"page_size": 1, "every_seconds": 3600})
    readers.settle()
    for one in (readers.ann, readers.bob, readers.carol):
        readers.profile(one, phone="1")
    put_part(readers, "latest", due_ms=0)
    readers.read(seconds=0)
    assert readers.part("latest").busy
    asked: list[str] = []
    for name in ("latest", "poll"):
        part = readers.source.parts[name]

        def noted(position: str, timeout: float, most: Any = None, name: str = name, real: Any = part.fetch) -> Any:
            asked.append(name)
            return real(position, timeout, most)

        part.fetch = noted  # type: ignore[method-assign]
    # When both are read
    readers.read_all()
    # Then the fast one comes to its end first
    assert asked.count("latest") >= 2 and asked.count("poll") >= 3
    assert sorted(asked) == asked


def test_trouble_of_the_fast_one_is_told_once_as_that_of_polling(readers: ConsentReaders) -> None:
    # Given Campaign's filter that somebody has taken away
    readers.settle()
    rules = readers.admin.get("/switches")["filters"]
    readers.admin.put("/switches", {"filters": {k: v for k, v in rules.items() if k != "byLastModified"}})
    # When it is read
    readers.read_all()
    readers.read_all()
    # Then there is one trouble, and as long as it lasts the fast one does not ask
    assert readers.troubles().keys() == {"consent.poll"}
    readers.restart()
    readers.source.parts["latest"].fetch = lambda *_: pytest.fail("asked")  # type: ignore[method-assign]
    readers.make_due()
    readers.read()
    assert readers.troubles().keys() == {"consent.poll"}


def test_a_reader_returns_when_a_round_is_over_in_which_something_was_told(readers: ConsentReaders) -> None:
    # Given two pages, of which the first one tells an opt-out, and a source that has more and more
    readers.use(poll={"page_size": 1})
    readers.settle()
    readers.profile(readers.ann, blackListEmail=True)
    for one in (readers.bob, readers.carol):
        readers.profile(one, phone="1")
    free = threading.Event()

    def busy(position: str, timeout: float, most: int | None = None) -> ConsentPage:
        free.wait(20)
        raise Unreachable("dynamics", "never mind")

    for name in ("poll", "dynamics"):
        readers.source.parts[name].fetch = busy  # type: ignore[method-assign]
    put_part(readers, "poll", busy=True)
    # When a reader works
    readers.make_due()
    # Then it leads to the writer before its slice is over
    assert readers.read(seconds=20) is ReadEnd.CAUGHT_UP
    assert set(readers.waiting()) == {readers.ann}
    free.set()
