"""The Celery side: what goes into a message, where it goes, and what a failing task may do."""

from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from fakeredis import FakeRedis
from redis.exceptions import ConnectionError as RedisConnectionError

from config.settings import Settings
from store.store import Store
from tasks.runtime import Runtime
from tasks.tick import Nudge
from workers import registry
from workers.app import broker_url, celery_settings, queue_names


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def runtime(settings: Settings) -> Runtime:
    return Runtime(settings, Store(FakeRedis(version=(7,)), "production"))


@pytest.fixture
def app(settings: Settings) -> Celery:
    app = Celery("test", set_as_current=False)
    app.conf.update({**celery_settings(settings), "broker_url": "memory://", "broker_transport_options": {}})
    return app


def messages(app: Celery, queue: str) -> list[dict[str, Any]]:
    """Everything on one of Celery's queues: the keyword arguments, and the whole message's size."""
    found = []
    with app.connection_for_read() as connection, connection.channel() as channel:
        while message := channel.basic_get(queue):
            assert len(message.body) < 2000
            _, arguments, embedded = message.decode()
            found.append({**arguments, "then": [step["task"] for step in embedded["chain"] or []]})
    return found


def test_a_unix_socket_is_spelled_as_celery_wants_it() -> None:
    assert broker_url("unix:///run/redis.sock") == "redis+socket:///run/redis.sock"
    assert broker_url("unix://:a%40b@/run/redis.sock?db=1") == "redis+socket:///run/redis.sock?db=1"
    assert broker_url("rediss://redis.example.com/0") == "rediss://redis.example.com/0"


def test_every_queue_hangs_on_its_own_key(settings: Settings) -> None:
    # Given queues that share an exchange and a key, a message for one would reach all
    queues = celery_settings(settings)["task_queues"]
    assert len({(queue.exchange.name, queue.routing_key) for queue in queues}) == len(queue_names())


def test_a_nudge_becomes_a_chain_and_further_writers_and_carries_names_only(app: Celery, runtime: Runtime) -> None:
    # Given a nudge for three writers
    registry.register(app, lambda: runtime)
    # When it is sent
    registry.send(app, Nudge("ingress", "contact", 7, writers=3), tick_seconds=1, crowded=lambda queue: False)
    # Then the reader leads to the first writer, and the others are called directly; no message holds more than names
    stream = {"workflow": "ingress", "stream": "contact", "generation": 7}
    assert messages(app, "ingress.read") == [{**stream, "then": ["write"]}]
    assert messages(app, "ingress.write") == [
        {**stream, "seat": 1, "then": []},
        {**stream, "seat": 2, "then": []},
    ]


def test_a_tick_leaves_the_export_of_logs_to_a_task_of_its_own(
    app: Celery, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a workflow that is configured and stopped
    monkeypatch.setattr(Store, "now_ms", lambda self: 1_800_000_000_000)
    registry.register(app, lambda: runtime)
    runtime.workflow("egress").revisions.save(0, "a document", "a test", "")
    # When it is looked at, twice in a minute
    app.tasks["tick"](workflow="egress")
    app.tasks["tick"](workflow="egress")
    # Then one message asks for it, and nothing else is asked for
    assert messages(app, "egress.read") == [{"workflow": "egress", "then": []}]


def test_a_tick_leaves_alerts_to_a_task_of_its_own_every_five_seconds_where_there_is_a_webhook(
    app: Celery, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two workflows that are configured and stopped, one of them with a webhook
    registry.register(app, lambda: runtime)
    connections = """\
connections:
  dynamics: {url: https://c.crm.dynamics.com, tenant: a.b, client_id: x, client_secret: "${env:A}"}
  campaign: {url: https://mc.adobe.io/c, client_id: x, client_secret: "${env:A}"}
"""
    told = connections + '  alerts: {url: "${env:HOOK}"}\n'
    runtime.workflow("ingress").revisions.save(0, f"{told}ingress: {{tables: []}}\n", "a test", "")
    runtime.workflow("optinout").revisions.save(0, f"{connections}optinout: {{direction: disabled}}\n", "a test", "")
    # When they are looked at, second by second
    for second in range(1, 7):
        now_ms = 1_800_000_000_000 + 1000 * second
        monkeypatch.setattr(Store, "now_ms", lambda self, now_ms=now_ms: now_ms)
        app.tasks["tick"](workflow="ingress")
        app.tasks["tick"](workflow="optinout")
    # Then at first, and after five seconds, a message asks for it; the others ask for logs, in the first second
    assert [call["workflow"] for call in messages(app, "ingress.read")] == ["ingress"] * 3
    assert [call["workflow"] for call in messages(app, "optinout.read")] == ["optinout"]


@pytest.mark.parametrize(
    ("crowded", "read", "written"),
    [("ingress.write", 1, 0), ("ingress.read", 0, 2), ("", 1, 1)],
    ids=["nobody writes", "nobody reads", "everybody is there"],
)
def test_a_queue_that_nobody_serves_does_not_grow(
    app: Celery, runtime: Runtime, crowded: str, read: int, written: int
) -> None:
    # Given a queue on which messages pile up
    registry.register(app, lambda: runtime)
    # When a nudge for two writers is sent
    registry.send(
        app, Nudge("ingress", "contact", 7, writers=2), tick_seconds=1, crowded=lambda queue: queue == crowded
    )
    # Then nothing goes there, and the other side is served all the same
    assert (len(messages(app, "ingress.read")), len(messages(app, "ingress.write"))) == (read, written)


def test_a_queue_is_crowded_once_so_many_messages_lie_on_it(runtime: Runtime) -> None:
    key = f"{runtime.store.keys.celery}ingress.write"
    runtime.store.redis.rpush(key, *range(registry.CROWD - 1))
    assert not registry.is_crowded(runtime.store, "ingress.write")
    runtime.store.redis.rpush(key, 1)
    assert registry.is_crowded(runtime.store, "ingress.write")


def test_a_task_that_fails_unforeseen_shows_trouble_without_the_errors_text(
    runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a bug whose error repeats somebody's address
    address = "jo.doe@example.com"

    def body() -> None:
        raise ValueError(address)

    # When it strikes in a task
    registry.shell(lambda: runtime, "ingress", "contact.write")(body)
    # Then the task ends, the trouble names the kind, and the address is nowhere
    [trouble] = runtime.workflow("ingress").troubles.all()
    assert trouble.where == "contact.write"
    assert "ValueError" in trouble.sentence
    assert "jo.doe" not in trouble.sentence
    printed = capsys.readouterr()
    assert "unforeseen" in printed.out + printed.err
    assert "jo.doe" not in printed.out + printed.err


def test_a_redis_that_is_away_ends_the_task_quietly(runtime: Runtime) -> None:
    def body() -> None:
        raise RedisConnectionError("away")

    registry.shell(lambda: runtime, "ingress", "contact.read")(body)
    assert runtime.workflow("ingress").troubles.all() == []
