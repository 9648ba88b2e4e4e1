"""The sandbox's contacts and memberships, configured, and what d365acs record explain says of one of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.document import Document, dump
from config.ingress import Filter
from control.demo.sandbox import Sandbox
from control.demo.stage import SECRETS, document_for
from tests.integration.control.conftest import Run

ACTIVE = {"all": [{"field": "statecode", "is": "equals", "value": 0}]}


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
    monkeypatch.setenv(SECRETS["dynamics"], sandbox.info["dynamics"]["client_secret"])
    monkeypatch.setenv(SECRETS["campaign"], sandbox.info["campaign"]["client_secret"])
    document = document_for(sandbox.info)
    assert document.ingress is not None
    contact, *rest = document.ingress.tables
    contact = contact.model_copy(update={"filter": Filter.model_validate(ACTIVE)})
    return document.model_copy(update={"ingress": document.ingress.model_copy(update={"tables": (contact, *rest)})})


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
