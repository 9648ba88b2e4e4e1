"""The audit of the locked dependencies, against a service that answers as OSV does: what is known fails, and nothing
that was not asked counts as clean."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests import audit
from tests.integration.connectors.odd_server import Call, OddServer, Reply

LOCK = """\
celery==5.7.1 \\
    --hash=sha256:00
click==8.5.0 ; sys_platform != 'win32' \\
    --hash=sha256:00
"""
ADVISORY: dict[str, Any] = {
    "id": "PYSEC-2026-1",
    "modified": "2026-01-01T00:00:00Z",
    "published": "2026-01-01T00:00:00Z",
    "summary": "A made-up hole",
    "affected": [
        {
            "package": {"name": "click", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.0"}]}],
        }
    ],
}


@pytest.fixture
def osv(monkeypatch: pytest.MonkeyPatch) -> Iterator[OddServer]:
    """A service that knows of no vulnerability. Nothing but it is reached."""
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with OddServer() as server:
        server.script = lambda call: knowing(call, set())
        yield server


def knowing(call: Call, holes: set[str]) -> Reply:
    if call.method == "GET":
        return Reply(json=ADVISORY)
    asked = [query["package"]["name"] for query in orjson.loads(call.body)["queries"]]
    known = [
        {"vulns": [{"id": "PYSEC-2026-1", "modified": "2026-01-01T00:00:00Z"}]} if n in holes else {} for n in asked
    ]
    return Reply(json={"results": known})


def test_every_pinned_package_is_asked_for_with_its_version(osv: OddServer) -> None:
    assert audit.audit(LOCK, osv.origin) == (0, "2 locked packages: no known vulnerability.")
    queries = [query for call in osv.calls for query in orjson.loads(call.body)["queries"]]
    assert {(query["package"]["name"], query["version"]) for query in queries} == {
        ("celery", "5.7.1"),
        ("click", "8.5.0"),
    }


def test_a_known_vulnerability_fails_and_is_named(osv: OddServer) -> None:
    osv.script = lambda call: knowing(call, {"click"})
    status, told = audit.audit(LOCK, osv.origin)
    assert status == 1
    assert "click 8.5.0 has 1 known vulnerability" in told
    assert "PYSEC-2026-1: A made-up hole" in told


@pytest.mark.parametrize("reply", [Reply(503), Reply(403, body=b"<html>"), Reply(body=b"<html>"), Reply(reset=True)])
def test_where_the_service_does_not_answer_one_line_says_so_and_nothing_fails(osv: OddServer, reply: Reply) -> None:
    osv.script = lambda call: reply
    status, told = audit.audit(LOCK, osv.origin)
    assert (status, told.count("\n")) == (0, 0)
    assert told.endswith("the dependencies were not audited.")


def test_what_uv_does_not_take_for_a_lock_is_no_clean_one(osv: OddServer) -> None:
    status, told = audit.audit("celery==what\n", osv.origin)
    assert status == 1
    assert "uv.lock" in told


def test_a_lock_that_pins_nothing_cannot_be_audited() -> None:
    with pytest.raises(audit.Unusable, match="pins nothing"):
        audit.audit("# empty\n")


def test_the_lock_of_the_project_is_one_that_can_be_audited(osv: OddServer) -> None:
    lock = audit.LOCK.read_text()
    names = {name for name, _ in audit.pins(lock)}
    assert {"celery", "cryptography", "pycurl", "uv"} <= names
    assert audit.audit(lock, osv.origin) == (0, f"{len(audit.pins(lock))} locked packages: no known vulnerability.")
