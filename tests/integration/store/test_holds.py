"""A stream is held for the generation whose schemas no longer fit, and doubts are looked at once."""

import pytest
from redis import Redis

from store.holds import Hold, Holds
from store.keys import WorkflowKeys


@pytest.fixture
def holds(redis: Redis, workflow: WorkflowKeys) -> Holds:
    return Holds(redis, workflow)


def test_a_hold_keeps_its_beginning_and_takes_the_newest_sentence(holds: Holds) -> None:
    assert holds.get("contact", 3) is None and holds.all(3) == {}
    # Given a stream that is held
    assert holds.hold("contact", 3, "contact.emailaddress1 is gone.", now_ms=1000) is True
    assert holds.hold("contact", 3, "contact.emailaddress1 is gone.", now_ms=1500) is False  # nothing new
    # When another difference is found
    assert holds.hold("contact", 3, "contact.emailaddress1 and contact.jobtitle are gone.", now_ms=2000) is True
    # Then it has been held since the first, and says what is the case now
    expected = Hold("contact.emailaddress1 and contact.jobtitle are gone.", 1000)
    assert holds.get("contact", 3) == expected
    holds.hold("account", 3, "account.name is shorter.", now_ms=3000)
    assert holds.all(3) == {"contact": expected, "account": Hold("account.name is shorter.", 3000)}


def test_holds_of_an_earlier_generation_do_not_count(redis: Redis, workflow: WorkflowKeys, holds: Holds) -> None:
    # Given a stream that was held in generation 9
    holds.hold("contact", 9, "contact.emailaddress1 is gone.", now_ms=1000)
    # When generation 11 runs, Then nothing is held
    assert holds.get("contact", 11) is None and holds.all(11) == {}
    # And a hold of it drops what was kept of the earlier one, which cannot come back later and count
    holds.hold("account", 11, "account.name is gone.", now_ms=2000)
    assert redis.hlen(workflow.holds) == 1
    holds.hold("contact", 9, "late.", now_ms=3000)
    assert holds.all(11).keys() == {"account"}


def test_a_doubt_is_kept_until_it_is_settled(holds: Holds) -> None:
    # Given two streams of which something was refused, one of them twice
    for stream in ("contact", "account", "contact"):
        holds.doubt(stream)
    assert holds.doubted() == {"contact", "account"}
    # When one was looked at, Then the other is still to be
    holds.settle_doubts(["contact"])
    holds.settle_doubts([])
    assert holds.doubted() == {"account"}
