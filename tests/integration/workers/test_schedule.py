"""The beat's ticks, as they lie on the control queue of a real server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from kombu.message import Message
from redis import Redis

from config.settings import Settings
from store.store import Store
from sync.workflows import NAMES
from workers import registry
from workers.app import celery_settings
from workers.schedule import TickScheduler


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path, redis_url=redis_url)


@pytest.fixture
def store(redis: Redis, settings: Settings) -> Store:
    return Store(redis, settings.instance)


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    with Celery("test", set_as_current=False) as app:
        app.conf.update(celery_settings(settings))
        app.conf["d365acs_settings"] = settings
        yield app


@pytest.fixture
def beat(app: Celery) -> Iterator[TickScheduler]:
    beat = TickScheduler(app=app)
    yield beat
    beat.close()


def seconds(beat: TickScheduler, store: Store, how_many: int) -> None:
    """Each with its ticks; what says that one is queued already has run out by the next one."""
    for _ in range(how_many):
        for entry in beat.schedule.values():
            beat.apply_entry(entry)
        store.redis.delete(*(store.keys.tick_queued(name) for name in NAMES))


def queued(app: Celery) -> Iterator[Message]:
    with app.connection_for_read() as connection, connection.channel() as channel:
        while message := channel.basic_get("control"):
            message.ack()
            yield message


def test_a_night_without_workers_leaves_a_few_messages(app: Celery, beat: TickScheduler, store: Store) -> None:
    # Given a beat and nobody who takes its ticks
    # When hours pass
    seconds(beat, store, 200)
    # Then what waits does not grow, and every workflow is looked at once somebody comes
    waiting = [message.decode()[1]["workflow"] for message in queued(app)]
    assert registry.CROWD <= len(waiting) < registry.CROWD + len(NAMES)
    assert set(waiting) == set(NAMES)
    # And then ticks are sent again
    seconds(beat, store, 1)
    assert len(list(queued(app))) == len(NAMES)


def test_a_worker_whose_clock_is_ahead_takes_the_ticks(app: Celery, beat: TickScheduler, store: Store) -> None:
    # Given ticks of a beat whose clock is an hour behind that of a worker
    seconds(beat, store, 1)
    ahead = datetime.now(UTC) + timedelta(hours=1)
    # When it takes them, then none has expired
    ends = [message.headers["expires"] for message in queued(app)]
    assert len(ends) == len(NAMES)
    assert all(end is None or datetime.fromisoformat(end) > ahead for end in ends)
