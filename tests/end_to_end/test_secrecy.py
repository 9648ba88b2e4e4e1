"""Personal data and secrets stay where they belong: in no log, no command line, no message, no error."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest
import requests

from dashboard.users import Role, write_user
from store.client import connect
from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.conftest import AnyStage, OpenEvents, OpenStage
from tests.end_to_end.event_stage import EventStage
from tests.end_to_end.installation import Installation
from tests.end_to_end.planted import PAYLOAD_KEY, credentials, leaks, of_events, people, unpacked
from tests.end_to_end.processes import Process
from tests.end_to_end.stage import Stage

#: Keys of Celery hold this.
CELERY = b".celery}"


class Tap:
    """Everything that anybody tells the server of Redis, as the server itself sees it (MONITOR)."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.sendall(b"MONITOR\r\n")
        self._parts: list[bytes] = []
        self._thread = threading.Thread(target=self._listen, name="tap")
        self._thread.start()

    def _listen(self) -> None:
        while part := self._socket.recv(65536):
            self._parts.append(part)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def lines(self) -> list[bytes]:
        return b"".join(self._parts).split(b"\r\n")


@pytest.fixture(params=["in clear", "sealed"])
def sealed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "sealed")


Told = Callable[[], list[bytes]]


@contextlib.contextmanager
def tapped(open_one: Callable[..., AnyStage], sealed: bool) -> Iterator[tuple[AnyStage, Told]]:
    """A stage that logs all it can, and a tap on its Redis."""
    keys = {"payload_keys": PAYLOAD_KEY} if sealed else {}
    stage = open_one(log_level="debug", **keys)
    with closing(Tap(stage.settings.socket)) as tap:
        yield stage, tap.lines


@pytest.fixture
def busy_stage(open_stage: OpenStage, sealed: bool) -> Iterator[tuple[Stage, Told]]:
    with tapped(open_stage, sealed) as found:
        yield found


@pytest.fixture
def busy_events(open_events: OpenEvents, sealed: bool) -> Iterator[tuple[EventStage, Told]]:
    with tapped(open_events, sealed) as found:
        yield found


def test_no_secret_and_no_person_shows_where_it_does_not_belong(busy_stage: tuple[Stage, Told], sealed: bool) -> None:
    # Given a first run with faults of every kind, and records that are refused
    stage, told_to_redis = busy_stage
    bad_address, long_name, *_ = stage.admin.contacts()
    stage.admin.patch(f"/dynamics/contacts/{bad_address}", {"emailaddress1": "nobody at example"})
    stage.admin.patch(f"/dynamics/contacts/{long_name}", {"firstname": "Wolfeschlegelsteinhausenbergerdorff"})
    persons = people(stage.admin) | {"nobody at example", "Wolfeschlegelsteinhausenbergerdorff"}
    processes = stage.run("worker", "beat")
    stage.start()
    stage.wait_for_state(State.RUNNING)
    stage.admin.put("/faults", {"seed": 3, "dynamics": FAULTS, "campaign": FAULTS, "tokens": FAULTS})
    stage.wait_for_writes(200)
    stage.admin.put("/faults", {})
    stage.wait_until(lambda: stage.queue.backlog().total == 0 and stage.queue.backlog().dead == 2, "all is done")

    # Then nothing of them is where it does not belong
    command_lines = ended(stage)
    keeps_to_itself(processes, command_lines, told_to_redis(), credentials(stage), persons, sealed)


def test_no_secret_and_nothing_of_an_event_shows_where_it_does_not_belong(
    busy_events: tuple[EventStage, Told], sealed: bool
) -> None:
    # Given a workflow that reads the journal, and faults of every kind
    events, told_to_redis = busy_events
    ann = next(iter(events.admin.contacts()))
    short = {"contact_limit_seconds": 1, "batch_size": 10}
    processes = events.run("worker", "beat")
    events.start(events.save(documents.egress(**short)))
    events.wait_for_state(State.RUNNING)
    events.faults(seed=3, dynamics=FAULTS, journal=FAULTS, tokens=FAULTS)

    # When a campaign is sent, and among its events are some that are refused
    events.campaign(sends=150, without_id=0.05, unknown=0.02)
    events.deliver(
        documents.event(1, "click", ann, url="https://www.example.com/" + "secret-offer" * 200),
        documents.event(2, "send", "jo.secret@example.com"),
        documents.event(3, "open", ann, eventDate="secret-date"),
    )
    events.admin.post("/events/journal", {"entries": ['"secret-text"']})
    events.wait_until(lambda: events.queue.backlog().dead > 10, "some are refused")
    events.wait_until_settled()
    of_journal, created = events.queue.backlog().dead, events.writes()
    events.faults()

    # And another one is told by files, one row of which is no event
    told = events.campaign(sends=150, seed=2, into="files", files={"count": 1}, soft_bounces=0, late_bounces=0)
    head, row = "id\ttype\texternalId\teventDate", "1\tsend\tjo.secret@example.com"
    events.admin.put("/sftp/files/d365_loads/exports/logs/wrong_1.txt", {"text": f"{head}\n{row}\n"})
    events.restart(events.save(documents.files() | short))
    events.wait_until(lambda: events.queue.backlog().dead == of_journal + 1, "the wrong row is refused")
    events.wait_for_writes(created + told["events"])
    persons = of_events(events)
    persons |= {"jo.secret@example.com", "secret-offer", "secret-date", "secret-text"}
    assert not leaks("".join(letter.reason.sentence for letter in events.letters().values()).encode(), persons)

    # Then nothing of them is where it does not belong
    command_lines = ended(events)
    keeps_to_itself(processes, command_lines, told_to_redis(), credentials(events), persons, sealed)


#: Of the Redis at which the dashboard looks.
REDIS_PASSWORD = "planted-redis-password"
OLIVIA = ("olivia", "correct horse")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def guarded_stage(open_stage: OpenStage) -> tuple[Stage, str]:
    """A stage whose Redis wants a password, and where it is without that."""
    place = f"127.0.0.1:{(port := free_port())}/0"
    stage = open_stage(payload_keys=PAYLOAD_KEY, redis_url=f"redis://:{REDIS_PASSWORD}@{place}")
    with connect(stage.server.url) as redis:
        redis.config_set("bind", "127.0.0.1")
        redis.config_set("requirepass", REDIS_PASSWORD)
        redis.config_set("port", port)
    return stage, place


class Visit:
    """Somebody who reads Flower's pages, and what it tells programs."""

    def __init__(self, origin: str, user: tuple[str, str]) -> None:
        self._origin = origin
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = user

    def read(self, path: str, status: int = 200) -> str:
        answer = self._session.get(self._origin + path, timeout=60)
        assert answer.status_code == status, f"{path}: {answer.status_code}"
        return unescape(answer.text)


def test_no_secret_and_no_person_shows_in_the_dashboard(guarded_stage: tuple[Stage, str]) -> None:
    # Given a dashboard, and workers that have met faults of every kind, and records that are refused
    stage, place = guarded_stage
    bad_address, *_ = stage.admin.contacts()
    stage.admin.patch(f"/dynamics/contacts/{bad_address}", {"emailaddress1": "nobody at example"})
    persons = people(stage.admin) | {"nobody at example"}
    write_user(stage.home / "dashboard.users", OLIVIA[0], Role.OPERATE, OLIVIA[1])
    [dashboard] = stage.run("dashboard", dashboard_port=(port := free_port()))
    stage.wait_until(lambda: "The Workflows page" in dashboard.log.read_text(), "the dashboard is up")
    olivia = Visit(f"http://127.0.0.1:{port}", OLIVIA)
    stage.run("worker", "beat")
    stage.start()
    stage.wait_for_state(State.RUNNING)
    stage.admin.put("/faults", {"seed": 3, "dynamics": FAULTS, "campaign": FAULTS, "tokens": FAULTS})
    stage.wait_for_writes(200)
    stage.admin.put("/faults", {})
    stage.wait_until(lambda: stage.queue.backlog().total == 0 and stage.queue.backlog().dead == 1, "all is done")

    # When somebody who may see everything reads it, to the last worker and task
    stage.wait_until(lambda: olivia.read("/api/workers?refresh=true") != "{}", "Flower hears from the workers")
    workers = json.loads(olivia.read("/api/workers"))
    tasks = json.loads(olivia.read("/api/tasks"))
    table = "draw=1&start=0&length=10000&order[0][column]=0&order[0][dir]=asc&columns[0][data]=received"
    paths = [
        *("/", "/workers", "/workers?json=true", "/tasks", f"/tasks/datatable?{table}", "/broker", "/metrics"),
        *("/api/workers", "/api/tasks", "/api/task/types", "/api/queues/length"),
        *(f"/worker/{name}" for name in workers),
        *(path for id_ in list(tasks)[:50] for path in (f"/task/{id_}", f"/api/task/info/{id_}")),
        *("/workflows", "/workflows/ingress", "/workflows/ingress/letters?stream=contact"),
        "/workflows/ingress/configuration",
    ]
    told = {path: olivia.read(path) for path in paths}
    told |= {path: olivia.read(path, 404) for path in ("/nowhere", "/task/nobody", "/worker/nobody")}

    # Then it is told of the address of Redis, of the settings of workers, and of what tasks were given
    assert f"redis://:**@{place}" in told["/broker"]
    for worker in workers.values():
        assert worker["conf"]["broker_url"] == f"redis://:********@{place}" and worker["stats"]["broker"]
    assert any("ingress" in task["kwargs"] for task in tasks.values())
    assert bad_address in told["/workflows/ingress/letters?stream=contact"]

    # And of no secret and no person
    secrets = credentials(stage) | {REDIS_PASSWORD, OLIVIA[1]}
    for path, text in told.items():
        assert not leaks(text.encode(), secrets | persons), path
    assert not leaks(dashboard.log.read_bytes(), secrets | persons)


#: Of every kind of fault a little.
FAULTS = {"rate_500": 0.03, "rate_reset_after": 0.03, "rate_truncated": 0.03, "rate_malformed": 0.03}


def ended(stage: Installation) -> list[bytes]:
    """Ends the worker as a supervisor does; the command lines that everybody could see until then."""
    stage.wait_for_ticks(1)
    found = [line for process in stage.processes for line in process.command_lines()]
    assert len(found) > 5
    stage.processes[0].terminate(10)
    return found


def keeps_to_itself(
    processes: list[Process],
    command_lines: list[bytes],
    told_to_redis: list[bytes],
    credentials: set[str],
    persons: set[str],
    sealed: bool,
) -> None:
    # No log holds a credential or a person
    for process in processes:
        assert not leaks(process.log.read_bytes(), credentials | persons), process.role
    assert b"page_read" in processes[0].log.read_bytes()

    # No command line does
    assert not leaks(b"\n".join(command_lines), credentials | persons)

    # Nothing that Celery keeps in Redis or sends through it does, and no credential is told to Redis at all
    celery = unpacked(b"\n".join(line for line in told_to_redis if CELERY in line))
    assert b'"workflow": "' in celery, "the tap can read Celery's messages"
    assert not leaks(celery, credentials | persons)
    everything = unpacked(b"\n".join(told_to_redis))
    assert not leaks(everything, credentials)

    # With payload keys no person is told to Redis at all; without them the queue holds records as they are
    assert bool(leaks(everything, persons)) is not sealed
