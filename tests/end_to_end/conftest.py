"""The stage of these tests: one sandbox for all of them, put back to its beginning; everything else anew for each."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.end_to_end.consent_stage import ConsentStage
from tests.end_to_end.event_stage import EventStage
from tests.end_to_end.installation import Installation
from tests.end_to_end.stage import Stage
from tests.sandboxes import Sandbox

CONTACTS = 600
#: Rows of each table of the shop.
SHOP = {"contact": 60, "new_membership": 80, "new_invoice": 120, "new_invoiceline": 200}

OpenStage = Callable[..., Stage]
OpenEvents = Callable[..., EventStage]
OpenConsent = Callable[..., ConsentStage]

AnyStage = TypeVar("AnyStage", bound=Installation)


@pytest.fixture(scope="session")
def people() -> Iterator[Sandbox]:
    """A sandbox with contacts alone."""
    sandbox = Sandbox("--contacts", str(CONTACTS), "--accounts", "10")
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="session")
def shop() -> Iterator[Sandbox]:
    """A sandbox with few contacts, their memberships, the invoices of these, and their lines."""
    counts = zip(("--contacts", "--memberships", "--invoices", "--invoice-lines"), map(str, SHOP.values()), strict=True)
    sandbox = Sandbox(*(part for pair in counts for part in pair), "--accounts", "40")
    yield sandbox
    sandbox.close()


@contextlib.contextmanager
def stages(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: type[AnyStage]
) -> Iterator[Callable[..., AnyStage]]:
    """Stages of this kind on this sandbox, put back to its beginning; all of them end with the block."""
    for name in os.environ:
        if name.startswith("D365ACS_"):
            monkeypatch.delenv(name)
    sandbox.admin.post("/reset")
    opened: list[AnyStage] = []
    # A short path: it holds a Unix socket.
    with tempfile.TemporaryDirectory(prefix="d365acs-") as folder:

        def open_one(**settings: Any) -> AnyStage:
            stage = kind(sandbox, Path(folder), **settings)
            opened.append(stage)
            return stage

        try:
            yield open_one
        finally:
            for stage in opened:
                stage.close()


@pytest.fixture
def open_stage(people: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStage]:
    """`open_stage(lease_seconds=3)`: a stage with these settings; no process runs on it yet."""
    with stages(people, monkeypatch, Stage) as open_one:
        yield open_one


@pytest.fixture
def open_shop(shop: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStage]:
    """The same with memberships, invoices and lines beside the contacts."""
    with stages(shop, monkeypatch, Stage) as open_one:
        yield open_one


@pytest.fixture
def stage(open_stage: OpenStage) -> Stage:
    return open_stage()


@pytest.fixture
def open_events(people: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenEvents]:
    """The same for email events: an empty journal, no files, nothing on anybody's timeline."""
    with stages(people, monkeypatch, EventStage) as open_one:
        yield open_one


@pytest.fixture
def events(open_events: OpenEvents) -> EventStage:
    return open_events()


@pytest.fixture
def open_consent(shop: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenConsent]:
    """The same for consent: nobody has a profile, nobody has changed anything."""
    with stages(shop, monkeypatch, ConsentStage) as open_one:
        yield open_one


@pytest.fixture
def consent(open_consent: OpenConsent) -> ConsentStage:
    return open_consent()
