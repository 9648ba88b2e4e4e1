"""Two profiles of one contact: whatever the spelling of their keys, an opt-out of either reaches Dynamics, and the case
is set aside to be seen."""

from typing import Any

import pytest

from sync.consent.payload import OF_DYNAMICS
from tests.integration.sync.consent_readers import ConsentReaders

ONE_WAY = "campaign_to_dynamics"


def double(readers: ConsentReaders, key: str, **flags: bool) -> str:
    """A second profile, long after polling has forgotten the first one; its PKey."""
    readers.wait(600)
    readers.profile(readers.carol, email="carol@example.com")
    round_(readers)
    readers.wait(600)
    made = readers.campaign.create("profile", {"externalId": key, "email": "b@example.com", **flags}, 10)
    return str(made)


def asked(readers: ConsentReaders) -> list[str]:
    """The keys that profiles are looked up by from now on."""
    keys: list[str] = []
    real = readers.campaign.profile_by_key

    def counted(key: Any, value: str, timeout: float) -> Any:
        keys.append(value)
        return real(key, value, timeout)

    readers.campaign.profile_by_key = counted  # type: ignore[method-assign]
    return keys


def round_(readers: ConsentReaders) -> None:
    readers.wait(10)
    readers.restart()
    readers.settle()


def in_dynamics(readers: ConsentReaders) -> tuple[bool, bool]:
    """Whether Ann has opted out there, of email and of text messages."""
    row = readers.admin.contacts()[readers.ann]
    return bool(row["donotemail"]), not row["followemail"]


def set_aside(readers: ConsentReaders) -> str:
    letter = readers.queue.dead_letter(readers.ann)
    return letter.reason.sentence if letter else ""


@pytest.mark.parametrize("direction", ["bidirectional", ONE_WAY])
@pytest.mark.parametrize("spelling", ["capitals", "none"])
def test_an_opt_out_of_a_second_profile_reaches_dynamics(
    readers: ConsentReaders, direction: str, spelling: str
) -> None:
    # Given a contact with a profile, both sides known, who gets a second profile that has opted out of email
    readers.use(direction=direction)
    readers.settle()
    key = readers.ann.upper() if spelling == "capitals" else readers.ann.replace("-", "")
    second = double(readers, key, blackListEmail=True)
    round_(readers)
    assert in_dynamics(readers) == (True, False)
    # When that one opts out of text messages, too, and the first one then says something of its own
    readers.campaign.update("profile", second, {"blackListMobile": True}, 10)
    round_(readers)
    readers.profile(readers.ann, email="c@example.com")
    round_(readers)
    # Then both opt-outs stand in Dynamics, nobody was opted in by the other profile, and the case is told
    assert in_dynamics(readers) == (True, True)
    assert "two profiles carry" in set_aside(readers)
    # And looking once more changes nothing of that
    round_(readers)
    assert in_dynamics(readers) == (True, True)


def test_an_opt_out_of_either_is_written_before_doubles_of_one_key_are_set_aside(readers: ConsentReaders) -> None:
    # Given a contact who opted out of email in Dynamics since, so that the two sides differ in another flag
    readers.settle()
    readers.contact(readers.ann, donotemail=True)
    # When a second profile with the very same key says that it opted out of text messages
    double(readers, readers.ann, blackListMobile=True)
    round_(readers)
    # Then Dynamics has that opt-out, and kept its own; Campaign is left alone, and the case is told
    assert in_dynamics(readers) == (True, True)
    assert "two profiles carry" in set_aside(readers)
    profiles = [one for one in readers.admin.profiles() if one["externalId"] == readers.ann]
    assert sorted(one["blackListMobile"] for one in profiles) == [False, True]


def test_nobody_is_opted_in_by_one_profile_while_another_has_opted_out(readers: ConsentReaders) -> None:
    # Given a contact who has opted out in both of two profiles that are spelt differently
    readers.settle()
    readers.wait(20)
    readers.profile(readers.ann, blackListEmail=True)
    double(readers, readers.ann.upper(), blackListEmail=True)
    round_(readers)
    assert in_dynamics(readers)[0] is True
    # When only one of them opts in again, long after
    readers.wait(3600)
    readers.profile(readers.ann, blackListEmail=False)
    round_(readers)
    # Then opted out stands
    assert in_dynamics(readers)[0] is True
    assert "two profiles carry" in set_aside(readers)


def test_an_opt_out_in_dynamics_is_not_taken_for_done_by_one_of_two_profiles(readers: ConsentReaders) -> None:
    # Given a second profile with another spelling of the key, which says the same as everybody
    readers.settle()
    double(readers, readers.ann.upper())
    round_(readers)
    # When the contact opts out in Dynamics
    readers.contact(readers.ann, donotemail=True)
    round_(readers)
    # Then it is told that Campaign has two
    assert "two profiles carry" in set_aside(readers)


def test_an_opt_out_that_is_told_and_not_found_by_the_key_is_looked_for_under_other_spellings(
    readers: ConsentReaders,
) -> None:
    # Given two profiles, of whom a file tells of both, one after the other, and of both only the contact
    readers.use(poll=None, files={"settled_seconds": 0}, direction=ONE_WAY)
    readers.settle()
    double(readers, readers.ann.upper(), blackListMobile=True)
    # When the row of the second one opts out of one thing, and nobody understands the other
    readers.put("optout_1.csv", f"{readers.ann.upper()},maybe,true")
    round_(readers)
    # Then the opt-out stands, and that there are two is told
    assert in_dynamics(readers) == (False, True)
    assert "two profiles carry" in set_aside(readers)


def test_once_the_profiles_are_merged_all_goes_on(readers: ConsentReaders) -> None:
    # Given two profiles that were set aside
    readers.settle()
    second = double(readers, readers.ann.upper(), blackListEmail=True)
    round_(readers)
    readers.profile(readers.ann, blackListMobile=True)
    round_(readers)
    assert set_aside(readers)
    # When they are merged
    readers.campaign.delete("profile", second, 10)
    readers.wait(30)
    readers.profile(readers.ann, blackListEmail=True)
    round_(readers)
    readers.wait(30)
    readers.profile(readers.ann, blackListMobile=False)
    round_(readers)
    # Then the one that is left counts, both ways
    assert set_aside(readers) == ""
    assert in_dynamics(readers) == (True, False)
    readers.contact(readers.ann, followemail=False)
    round_(readers)
    [profile] = [one for one in readers.admin.profiles() if one["externalId"] == readers.ann]
    assert profile["blackListMobile"] is True


@pytest.mark.parametrize("first", ["campaign", "dynamics"])
def test_an_opt_out_under_capitals_outlives_a_change_of_dynamics_beside_it(readers: ConsentReaders, first: str) -> None:
    # Given a contact of whom nothing is remembered, whose only profile has its key in capitals
    for profile in readers.admin.profiles():
        if profile["externalId"] == readers.ann:
            readers.campaign.delete("profile", profile["PKey"], 10)
    readers.settle()

    # When it opts out in Campaign, and its row changes, too, before anything of it is written
    def in_campaign() -> None:
        double(readers, readers.ann.upper(), blackListEmail=True)

    def in_dynamics_too() -> None:
        readers.contact(readers.ann, followemail=False)

    steps = [in_campaign, in_dynamics_too] if first == "campaign" else [in_dynamics_too, in_campaign]
    for step in steps:
        step()
        readers.wait(10)
        readers.restart()
        readers.read_all()
    round_(readers)
    # Then both opt-outs are on both sides
    assert in_dynamics(readers) == (True, True)
    [found] = [one for one in readers.admin.profiles() if one["externalId"] == readers.ann.upper()]
    assert found["blackListEmail"] is True and found["blackListMobile"] is True


def test_without_polling_a_profile_of_another_spelling_is_looked_for_before_anybody_is_opted_in(
    readers: ConsentReaders,
) -> None:
    # Given files, and a contact who has opted out in a profile that no file ever told of
    readers.use(poll=None, files={"settled_seconds": 0}, direction=ONE_WAY)
    readers.contact(readers.ann, donotemail=True)
    double(readers, readers.ann.upper(), blackListEmail=True)
    readers.profile(readers.ann, blackListEmail=True)
    readers.wait(5)
    readers.profile(readers.ann, blackListEmail=False)
    # When a file says that the other profile has opted in
    first = "externalId,blackListEmail,blackListMobile,blackListEmailLastModified"
    readers.put("optout_1.csv", f"{readers.ann},false,false,2026-11-20 10:00:00.000Z", first=first)
    round_(readers)
    # Then opted out stands, and the case is told
    assert in_dynamics(readers)[0] is True
    assert "two profiles carry" in set_aside(readers)


def test_one_profile_costs_one_question_however_its_key_is_spelt(readers: ConsentReaders) -> None:
    # Given one profile with the usual key, and one in capitals
    readers.settle()
    [bobs] = [one["PKey"] for one in readers.admin.profiles() if one["externalId"] == readers.bob]
    readers.campaign.update("profile", bobs, {"externalId": readers.bob.upper()}, 10)
    round_(readers)
    # When both opt out in Dynamics
    keys = asked(readers)
    readers.contact(readers.ann, donotemail=True)
    readers.contact(readers.bob, donotemail=True)
    round_(readers)
    # Then the one is asked for once, the other by its two spellings, and both are written
    assert sorted(keys) == sorted([readers.ann, readers.bob, readers.bob.upper()])
    assert all(one["blackListEmail"] for one in readers.admin.profiles() if one["externalId"] != readers.carol)


def test_what_waits_of_dynamics_alone_stays_as_small_as_it_is(readers: ConsentReaders) -> None:
    readers.settle()
    readers.contact(readers.ann, donotemail=True)
    readers.wait(5)
    readers.restart()
    readers.read_all()
    assert readers.queue.peek(readers.ann) == OF_DYNAMICS
