"""How long is waited for a system in trouble: what it asks for, or ever longer."""

from collections.abc import Iterator

import pytest
from fakeredis import FakeRedis

from connectors.errors import ConnectorError, Malformed, Refused, Throttled, Unavailable
from store.store import Store
from store.trouble import Troubles
from sync.patience import FIRST_WAIT, LONGEST_WAIT, Patience, asked_for


@pytest.fixture
def troubles() -> Iterator[Troubles]:
    with FakeRedis(version=(7,)) as redis:
        yield Store(redis, "production").workflow("ingress").troubles


def waits(troubles: Troubles, error: ConnectorError) -> float:
    """Seconds until it is asked again."""
    before_ms = troubles.now_ms()
    Patience(troubles, "contact.read").failed(error)
    [trouble] = troubles.all()
    assert trouble.sentence == error.sentence
    return (trouble.until_ms - before_ms) / 1000


def test_what_the_system_asks_for_is_waited_for(troubles: Troubles) -> None:
    assert waits(troubles, Throttled("dynamics", "too many", wait=17)) == pytest.approx(17, abs=0.4)


#: The last of these says "Retry-After: 0", as some do for as long as they are in trouble.
@pytest.mark.parametrize(
    "error",
    [
        Unavailable("campaign", "away"),
        Malformed("campaign", "torn"),
        Refused("campaign", "no"),
        Unavailable("campaign", "Campaign is not available (503)", wait=0),
    ],
)
def test_where_nothing_is_asked_for_the_wait_grows_to_its_longest(troubles: Troubles, error: ConnectorError) -> None:
    grown = [waits(troubles, error) for _ in range(8)]
    assert FIRST_WAIT / 2 <= grown[0] <= FIRST_WAIT + 0.4
    assert LONGEST_WAIT / 2 <= grown[-1] <= LONGEST_WAIT + 0.4


def test_only_systems_ask() -> None:
    assert asked_for(ValueError("ours")) is None
    assert asked_for(Unavailable("campaign", "away")) is None
    assert asked_for(Unavailable("campaign", "away", wait=0)) is None
