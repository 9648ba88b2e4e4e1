"""A change of consent on its way through the queue, and a profile as the REST API tells it."""

from typing import Any

import pytest

from config.consent_flags import FLAGS, FlagPair
from config.optinout import FlagTimes, OptinoutConfig
from sync.consent.payload import OF_DYNAMICS, of_campaign, profile_of, profile_state
from sync.consent.rule import NEVER_MS, Seen
from sync.consent.states import ProfileState

AT, READ = 1_700_000_000_543, 1_700_000_009_000


def configured(**times: Any) -> OptinoutConfig:
    pairs = tuple(FlagPair(dynamics=f"new_{flag.lower()}", campaign=flag) for flag in FLAGS)
    return OptinoutConfig(direction="bidirectional", flags=pairs, times=FlagTimes(**times))


def test_what_waits_comes_back_as_it_was_read() -> None:
    profile = ProfileState({"blackListEmail": Seen(True, AT), "blackListFax": Seen(None, None)}, AT, READ)
    assert profile_of(of_campaign(profile)) == profile
    assert profile_of(OF_DYNAMICS) is None


def test_a_profile_tells_each_flag_with_its_time() -> None:
    profile = {
        "lastModified": "2023-11-14 22:13:20.900Z",
        "blackListEmail": True,
        "blackListEmailLastModified": "2023-11-14 22:13:20.543Z",
        "blackListFax": False,
        "blackListFaxLastModified": "",
        "blackListPhone": True,
        "blackListPhoneLastModified": "",
        "blackListMobile": "maybe",
        "blackListMobileLastModified": "yesterday",
        "blackListPostalMail": False,
    }
    found = profile_state(configured(), profile, READ)
    assert found.modified_ms == 1_700_000_000_900 and found.read_ms == READ and not found.live
    assert found.flags == {
        "blackListEmail": Seen(True, AT),
        "blackListFax": Seen(False, NEVER_MS),  # its time is blank: it was never set
        "blackListPhone": Seen(True, None),  # it was set, and nobody says when
        "blackListMobile": Seen(None, None),  # neither is what it is promised to be
        "blackListPostalMail": Seen(False, None),  # the instance does not have the time
    }


@pytest.mark.parametrize(
    ("choice", "at"),
    [
        ("newer", 1_700_000_000_900),
        ("blackListLastModified", 1_700_000_000_100),
        ("blackListAllLastModified", 1_700_000_000_900),
    ],
)
def test_the_flag_of_all_channels_has_the_time_that_was_chosen(choice: str, at: int) -> None:
    profile = {
        "blackList": True,
        "blackListLastModified": "2023-11-14 22:13:20.100Z",
        "blackListAllLastModified": "2023-11-14 22:13:20.900Z",
    }
    assert profile_state(configured(all_channels=choice), profile, READ).flags["blackList"] == Seen(True, at)


@pytest.mark.parametrize(("choice", "at"), [("seen", READ), ("modified", AT), ("none", None)])
def test_the_push_flag_has_the_time_that_was_chosen(choice: str, at: int | None) -> None:
    profile = {"blackListPushnotification": False, "lastModified": "2023-11-14 22:13:20.543Z"}
    found = profile_state(configured(push=choice), profile, READ)
    assert found.flags["blackListPushnotification"] == Seen(False, at)
