"""A worker that has lost Redis and got it back goes on consuming: each kind of worker that the Procfile has.

Both are of Celery's default pool, prefork; the documentation recommends no other.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pytest

from store.lifecycle import State
from tests.end_to_end.black_hole import BlackHole
from tests.end_to_end.conftest import OpenConsent
from tests.end_to_end.consent_stage import ConsentStage

Loss = Callable[[ConsentStage, BlackHole], None]


def killed(consent: ConsentStage, hole: BlackHole) -> None:
    consent.server.kill()
    consent.server.start()


def swallowed(consent: ConsentStage, hole: BlackHole) -> None:
    """The network forgets its connections; who waits on one waits for ever."""
    hole.swallow()
    begun = consent.store.now_ms()
    consent.wait_until(lambda: consent.store.now_ms() > begun + 2000, "two seconds have passed")
    assert hole.swallowed > 0
    hole.flow()


def flapping(consent: ConsentStage, hole: BlackHole) -> None:
    """It goes and comes, quicker than anybody notices."""
    for _ in range(6):
        consent.server.kill()
        consent.server.start()


def is_known(consent: ConsentStage, contact: str, out: bool) -> bool:
    """Whether Dynamics says what was said in Campaign."""
    there, _ = consent.stands("blackListEmail", contact)
    return there is out


@pytest.fixture
def consent(open_consent: OpenConsent) -> ConsentStage:
    return open_consent(lease_seconds=3, slice_seconds=1)


@pytest.fixture
def hole(consent: ConsentStage) -> Iterator[BlackHole]:
    with closing(BlackHole(consent.settings.socket)) as opened:
        yield opened


@pytest.mark.timeout(180)
@pytest.mark.parametrize("role", ["worker", "consent"])
def test_a_worker_that_has_lost_redis_goes_on_consuming(consent: ConsentStage, hole: BlackHole, role: str) -> None:
    # Given a workflow that one worker carries, connected to Redis through a network
    [contact] = consent.people(1)
    worker, beat = consent.run(role, "beat", redis_url=hole.url)
    consent.start()
    consent.wait_for_state(State.RUNNING)
    consent.wait_until_read()

    # When Redis is lost in every way, one after the other
    now = False
    for loss in (killed, swallowed, flapping):
        loss(consent, hole)
        now = not now

        # Then the same processes go on by themselves each time, within a minute
        consent.opt("campaign", "blackListEmail", now, contact)
        consent.wait_until(partial(is_known, consent, contact, now), "it arrives", 60)
        assert worker.is_alive and beat.is_alive
