"""PKeys of parents are remembered for a minute, and asked for once."""

from typing import cast

import pytest

from config.ingress import CampaignKey
from connectors.campaign import Campaign
from connectors.errors import Refused
from sync.tables import parent_keys
from sync.tables.parent_keys import ParentKeys

KEY = CampaignKey()


class Answering:
    def __init__(self, found: list[str]) -> None:
        self.found = found
        self.asked = 0

    def find(self, resource: str, key: CampaignKey, value: str, timeout: float) -> list[str]:
        self.asked += 1
        return self.found


def keys(found: list[str]) -> tuple[ParentKeys, Answering]:
    campaign = Answering(found)
    return ParentKeys(cast(Campaign, campaign)), campaign


def test_a_pkey_is_remembered_until_it_is_forgotten() -> None:
    known, campaign = keys(["@1"])
    assert known.remembered("profile", "a") is None
    assert known.ask("profile", KEY, "a", lambda: 10.0) == "@1"
    assert known.remembered("profile", "a") == "@1"
    assert known.remembered("cusMembership", "a") is None
    known.forget("profile", "a")
    assert known.remembered("profile", "a") is None
    assert campaign.asked == 1


def test_a_pkey_is_not_believed_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    known, _ = keys(["@1"])
    known.ask("profile", KEY, "a", lambda: 10.0)
    monkeypatch.setattr(parent_keys, "REMEMBERED_SECONDS", 0.0)
    assert known.remembered("profile", "a") is None


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent_keys, "MOST_REMEMBERED", 2)
    known, _ = keys(["@1"])
    for record_id in "abc":
        known.ask("profile", KEY, record_id, lambda: 10.0)
    assert [known.remembered("profile", record_id) for record_id in "abc"] == [None, "@1", "@1"]


@pytest.mark.parametrize(("found", "said"), [([], "is not there any more"), (["@1", "@2"], "is there 2 times")])
def test_a_parent_that_is_not_there_exactly_once_refuses_the_child(found: list[str], said: str) -> None:
    known, _ = keys(found)
    with pytest.raises(Refused, match=said):
        known.ask("profile", KEY, "a", lambda: 10.0)
    assert known.remembered("profile", "a") is None
