"""Readings of consent that cross: pages that were long on their way, other sources, other pairs, other keys."""

import threading
from collections.abc import Callable

import pytest

from sync.consent.page import ConsentPage
from sync.consent.polled import PollPosition
from tests.integration.sync.consent_readers import FLAGS, ConsentReaders

FILES = {"settled_seconds": 0}
ONE_WAY = "campaign_to_dynamics"


def begin_replay(readers: ConsentReaders) -> None:
    readers.store.replays.ask("consent", "a test", "")
    readers.store.replays.begin(readers.store.now_ms())
    readers.restart()


def read_until(readers: ConsentReaders, there: Callable[[], object], seconds: float = 1) -> None:
    for _ in range(100):
        if there():
            return
        readers.make_due()
        readers.read(seconds=seconds)
    raise AssertionError("it is never read")


def settle_those_with_profiles(readers: ConsentReaders) -> None:
    """The others are looked for again later: nobody would tell of theirs."""
    readers.read_all()
    while {readers.ann, readers.bob, readers.carol} & readers.waiting().keys():
        readers.write()


@pytest.mark.parametrize("direction", ["bidirectional", ONE_WAY])
@pytest.mark.parametrize("edited", [False, True])
def test_a_replays_page_that_was_long_on_its_way_replaces_nothing_newer(
    readers: ConsentReaders, direction: str, edited: bool
) -> None:
    # Given a replay whose page has been read, and is on its way for a while
    readers.use(direction=direction)
    readers.settle()
    readers.wait(20)
    begin_replay(readers)
    part = readers.source.parts["again"]
    real, fetched, free = part.fetch, threading.Event(), threading.Event()

    def slow(position: str, timeout: float, most: int | None = None) -> ConsentPage:
        page = real(position, timeout, most)
        if PollPosition.load(position).walking:  # what is live is read by the same
            fetched.set()
            free.wait(20)
        return page

    part.fetch = slow  # type: ignore[method-assign]
    readers.make_due()
    readers.read(seconds=1)
    assert fetched.wait(10)
    # When a contact opts out meanwhile, and perhaps its record is edited, too, and that is read first
    readers.profile(readers.ann, blackListEmail=True)
    read_until(readers, lambda: readers.waiting().get(readers.ann))
    if edited and direction == "bidirectional":
        readers.contact(readers.ann, donotphone=True)
        read_until(readers, lambda: readers.waiting()[readers.ann].get("asks"))
    free.set()
    readers.source.fetching.first(["again"], 10)
    part.fetch = real  # type: ignore[method-assign]
    # Then the opt-out arrives
    readers.settle()
    assert readers.flags(readers.ann) == (True, True)


def test_a_replay_goes_on_with_another_source_from_its_beginning(readers: ConsentReaders) -> None:
    # Given a replay that polling has begun, page by page
    readers.use(files=FILES, poll={"page_size": 1})
    readers.settle()
    begin_replay(readers)
    read_until(
        readers, lambda: "again" in readers.position.parts and '"next":"/' in readers.part("again").next, seconds=0
    )
    # When polling is switched off, and a contact changes in Dynamics
    readers.use(poll=None)
    readers.contact(readers.bob, donotemail=True)
    # Then that is read, and the replay ends as Dynamics tells it
    read_until(readers, lambda: readers.bob in readers.waiting())
    read_until(readers, lambda: "again" not in readers.position.parts)
    assert readers.troubles() == {}


def test_a_source_that_fails_unexpectedly_is_shown_and_delays_no_other(readers: ConsentReaders) -> None:
    # Given a source that meets what nobody has reckoned with
    readers.settle()

    def broken(position: str, timeout: float, most: int | None = None) -> ConsentPage:
        raise KeyError("some value")

    readers.source.parts["poll"].fetch = broken  # type: ignore[method-assign]
    # When a contact opts out in Dynamics
    readers.contact(readers.bob, donotemail=True)
    # Then that is read, and the trouble is told, without the value
    read_until(readers, lambda: readers.bob in readers.waiting() and "consent.poll" in readers.troubles())
    sentence = readers.troubles()["consent.poll"]
    assert "Reading poll failed unexpectedly (KeyError)" in sentence and "some value" not in sentence


def test_a_pair_that_is_added_later_is_compared_for_everybody_without_polling(readers: ConsentReaders) -> None:
    # Given contacts in step, one of whom has opted out by a column that is not paired
    readers.use(files=FILES, poll=None, flags=FLAGS[:1])
    settle_those_with_profiles(readers)
    readers.contact(readers.ann, donotemail=True, followemail=False)
    settle_those_with_profiles(readers)
    # When that is paired, too
    readers.use(flags=FLAGS)
    settle_those_with_profiles(readers)
    # Then Campaign learns of it
    [profile] = [one for one in readers.admin.profiles() if one["externalId"] == readers.ann]
    assert profile["blackListMobile"] is True


@pytest.mark.parametrize("direction", ["bidirectional", ONE_WAY])
def test_a_pair_that_is_turned_round_is_compared_for_everybody(readers: ConsentReaders, direction: str) -> None:
    # Given a contact who has opted out, by a column that was thought to say the opposite of what it does
    turned = {"dynamics": "followemail", "campaign": "blackListEmail"}
    readers.use(direction=direction, flags=[turned])
    readers.settle()
    readers.wait(20)
    readers.profile(readers.ann, blackListEmail=True)
    readers.settle()
    assert readers.admin.contacts()[readers.ann]["followemail"] is True
    # When that is set right
    readers.use(flags=[{**turned, "opted_out": False}])
    readers.settle()
    # Then the column says so
    assert readers.admin.contacts()[readers.ann]["followemail"] is False


@pytest.mark.parametrize("direction", ["bidirectional", ONE_WAY])
def test_two_profiles_of_one_contact_are_set_aside(readers: ConsentReaders, direction: str) -> None:
    # Given a contact who has opted out everywhere
    readers.use(direction=direction)
    readers.settle()
    readers.wait(60)
    readers.profile(readers.ann, blackListEmail=True)
    readers.settle()
    # When a second profile with its id says both, one after the other
    values = {"externalId": readers.ann, "email": "b@example.com", "blackListEmail": True}
    second = readers.campaign.create("profile", values, 10)
    readers.wait(2)
    readers.campaign.update("profile", second, {"blackListEmail": False}, 10)
    readers.restart()
    readers.settle()
    # Then nobody is opted in, and that there are two is told
    assert readers.admin.contacts()[readers.ann]["donotemail"] is True
    letter = readers.queue.dead_letter(readers.ann)
    assert letter is not None and "two profiles carry" in letter.reason.sentence


@pytest.mark.parametrize("spelling", ["{}", "{{{}}}"])
def test_a_profile_whose_key_is_spelt_in_another_way_is_found(readers: ConsentReaders, spelling: str) -> None:
    # Given a profile that was brought from elsewhere
    [profile] = [one for one in readers.admin.profiles() if one["externalId"] == readers.ann]
    spelt = spelling.format(readers.ann.upper())
    readers.campaign.update("profile", profile["PKey"], {"externalId": spelt}, 10)
    readers.wait(5)
    readers.settle()
    # When its contact opts out in Dynamics, of email, and then in Campaign, of text messages
    readers.contact(readers.ann, donotemail=True)
    readers.settle()
    readers.wait(20)
    readers.campaign.update("profile", profile["PKey"], {"blackListMobile": True}, 10)
    readers.settle()
    # Then each side has both
    [found] = [one for one in readers.admin.profiles() if one["externalId"] == spelt]
    assert (found["blackListEmail"], found["blackListMobile"]) == (True, True)
    contact = readers.admin.contacts()[readers.ann]
    assert (contact["donotemail"], contact["followemail"]) == (True, False)
