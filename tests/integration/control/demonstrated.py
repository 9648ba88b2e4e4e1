"""The demonstration's configuration over the sandbox, as tests of commands save it."""

from typing import Any

import pytest

from config.document import Document
from config.ingress import Filter
from control.demo.sandbox import Sandbox
from control.demo.stage import SECRETS

#: Contacts that travel.
ACTIVE = {"all": [{"field": "statecode", "is": "equals", "value": 0}]}


def know_secrets(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets of both systems are in the environment."""
    for system in ("dynamics", "campaign"):
        monkeypatch.setenv(SECRETS[system], sandbox.info[system]["client_secret"])


def with_active_contacts(document: Document, **changed: Any) -> Document:
    """Inactive contacts do not travel. `changed`: what else is different in their mapping."""
    assert document.ingress is not None
    contact, *rest = document.ingress.tables
    contact = contact.model_copy(update={"filter": Filter.model_validate(ACTIVE), **changed})
    return document.model_copy(update={"ingress": document.ingress.model_copy(update={"tables": (contact, *rest)})})
