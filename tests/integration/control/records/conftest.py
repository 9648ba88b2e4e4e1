"""The sandbox's contacts and memberships, configured, and what d365acs record explain says of one of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.document import Document, dump
from control.demo.sandbox import Sandbox
from control.demo.stage import document_for
from tests.integration.control.conftest import Run
from tests.integration.control.demonstrated import know_secrets, with_active_contacts


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One for all tests; each puts it back to its beginning."""
    sandbox = Sandbox({"contacts": 5, "memberships": 3}, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def document(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Document:
    """The demonstration's configuration, in which inactive contacts do not travel."""
    sandbox.ask("POST", "/reset")
    know_secrets(sandbox, monkeypatch)
    return with_active_contacts(document_for(sandbox.info))


@pytest.fixture(autouse=True)
def configured(run: Run, document: Document, file: Path, acknowledged: None) -> None:
    file.write_text(dump(document))
    assert run("config", "apply", str(file)).exit_code == 0


@pytest.fixture
def ann(sandbox: Sandbox) -> str:
    """A contact."""
    [first, *_] = sandbox.rows("contact")
    sandbox.ask("PATCH", f"/dynamics/tables/contact/{first['contactid']}", {"lastname": "Sanders", "statecode": 0})
    return str(first["contactid"])


def told(run: Run, *arguments: str) -> dict[str, Any]:
    """The one part of an explanation."""
    result = run("record", "explain", *arguments, "-o", "json")
    assert result.exit_code == 0, result.stderr
    [part] = json.loads(result.stdout)["parts"]
    return part  # type: ignore[no-any-return]


def changed(sandbox: Sandbox, contact: str, **values: object) -> None:
    sandbox.ask("PATCH", f"/dynamics/tables/contact/{contact}", values)
