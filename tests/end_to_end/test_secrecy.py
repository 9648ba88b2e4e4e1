"""Personal data and secrets stay where they belong: in no log, no command line, no message, no error."""

import base64
import binascii
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.end_to_end.conftest import OpenStage
from tests.end_to_end.stage import Stage

PAYLOAD_KEY = base64.b64encode(bytes(range(32))).decode()
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


def unpacked(text: bytes) -> bytes:
    """The text, and behind it whatever is wrapped in base64 in it, as the bodies of Celery's messages are."""
    found = [text]
    for wrapped in re.findall(rb"[A-Za-z0-9+/]{16,}={0,2}", text):
        try:
            found.append(base64.b64decode(wrapped))
        except binascii.Error:
            continue
    return b"\n".join(found)


def people(stage: Stage) -> set[str]:
    """E-mail addresses, telephone numbers and the longer family names of everybody in Dynamics."""
    rows = stage.admin.contacts().values()
    told = {str(row[name]) for row in rows for name in ("emailaddress1", "mobilephone", "telephone1") if name in row}
    return told | {row["lastname"] for row in rows if len(row["lastname"]) > 5 and row["lastname"].isascii()}


def leaks(text: bytes, secrets: set[str]) -> set[str]:
    return {secret for secret in secrets if secret.encode() in text}


@pytest.fixture(params=["in clear", "sealed"])
def sealed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "sealed")


@pytest.fixture
def busy_stage(open_stage: OpenStage, sealed: bool) -> Iterator[tuple[Stage, Callable[[], list[bytes]]]]:
    """A stage that logs all it can, and a tap on its Redis."""
    keys = {"payload_keys": PAYLOAD_KEY} if sealed else {}
    stage = open_stage(log_level="debug", **keys)
    with closing(Tap(stage.settings.socket)) as tap:
        yield stage, tap.lines


def test_no_secret_and_no_person_shows_where_it_does_not_belong(
    busy_stage: tuple[Stage, Callable[[], list[bytes]]], sealed: bool
) -> None:
    # Given a first run with faults of every kind, and records that are refused
    stage, told_to_redis = busy_stage
    bad_address, long_name, *_ = stage.admin.contacts()
    stage.admin.patch(f"/dynamics/contacts/{bad_address}", {"emailaddress1": "nobody at example"})
    stage.admin.patch(f"/dynamics/contacts/{long_name}", {"firstname": "Wolfeschlegelsteinhausenbergerdorff"})
    faults = {"rate_500": 0.03, "rate_reset_after": 0.03, "rate_truncated": 0.03, "rate_malformed": 0.03}
    stage.admin.put("/faults", {"seed": 3, "dynamics": faults, "campaign": faults, "tokens": faults})
    persons = people(stage) | {"nobody at example", "Wolfeschlegelsteinhausenbergerdorff"}
    credentials = {stage.sandbox.info[system]["client_secret"] for system in ("dynamics", "campaign")}
    credentials |= {"Bearer ", "access_token", PAYLOAD_KEY}
    processes = stage.run("worker", "beat")
    stage.start()
    stage.wait_for_writes(200)
    stage.admin.put("/faults", {})
    stage.wait_until(lambda: stage.queue.backlog().total == 0 and stage.queue.backlog().dead == 2, "all is done")
    stage.wait_for_ticks(1)
    command_lines = [line for process in processes for line in process.command_lines()]
    assert len(command_lines) > 5
    stage.processes[0].terminate(10)

    # Then no log holds a credential or a person
    for process in processes:
        log = process.log.read_bytes()
        assert not leaks(log, credentials | persons), process.role
    assert b"page_read" in processes[0].log.read_bytes()

    # And no command line does
    assert not leaks(b"\n".join(command_lines), credentials | persons)

    # And nothing that Celery keeps in Redis or sends through it, and no credential is told to Redis at all
    lines = told_to_redis()
    celery = unpacked(b"\n".join(line for line in lines if CELERY in line))
    assert b'"workflow": "ingress"' in celery, "the tap can read Celery's messages"
    assert not leaks(celery, credentials | persons)
    everything = unpacked(b"\n".join(lines))
    assert not leaks(everything, credentials)

    # And with payload keys no person is told to Redis at all; without them the queue holds records as they are
    assert bool(leaks(everything, persons)) is not sealed
