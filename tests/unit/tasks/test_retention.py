"""How long decisions about consent are kept. The store is a pretend Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakeredis import FakeRedis

from config.settings import Settings
from store.sealing import AesSeal
from store.store import Store, WorkflowStore
from tasks.retention import trim_record
from tasks.runtime import Runtime
from tasks.tick import TRIM_EVERY_MS, tick

DAY_MS = 86_400_000
DOCUMENT = """\
connections:
  dynamics: {{url: https://contoso.crm.dynamics.test, tenant: t, client_id: c, client_secret: "${{env:D}}"}}
  campaign: {{url: https://campaign.test/contoso, client_id: c, client_secret: "${{env:C}}"}}
optinout: {{direction: disabled, retention_days: {days}}}
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with FakeRedis(version=(7,)) as redis:
        yield Runtime(Settings(home=tmp_path), Store(redis, "production"))


@pytest.fixture
def optinout(runtime: Runtime) -> WorkflowStore:
    """With decisions of 1, 3 and 5 days ago."""
    workflow = runtime.workflow("optinout")
    now_ms = workflow.now_ms()
    for days in (5, 3, 1):
        runtime.store.redis.xadd(workflow.keys.decisions, {"d": b"a decision"}, id=f"{now_ms - days * DAY_MS}-1")
    return workflow


def save(workflow: WorkflowStore, days: int) -> int:
    newest = workflow.revisions.newest()
    return workflow.revisions.save(newest, DOCUMENT.format(days=days), "a test", "")


def kept(workflow: WorkflowStore) -> int:
    return workflow.consent.stats().kept


def test_decisions_older_than_the_configuration_says_are_forgotten(optinout: WorkflowStore) -> None:
    # Given four days; when the record is trimmed, then the decision of five days ago is gone, and no other
    revision = save(optinout, days=4)
    assert (trim_record(optinout, revision, optinout.now_ms()), kept(optinout)) == (1, 2)
    assert (trim_record(optinout, revision, optinout.now_ms()), kept(optinout)) == (0, 2)


def test_nothing_is_forgotten_while_nobody_can_read_for_how_long_it_is_to_be_kept(optinout: WorkflowStore) -> None:
    # Given what is saved, of which this version does not know all keys
    active = save(optinout, days=2)
    optinout.revisions.save(active, DOCUMENT.format(days=10) + "abolished: 1\n", "a test", "")
    # When the record is trimmed, then all of it stays
    assert (trim_record(optinout, active, optinout.now_ms()), kept(optinout)) == (0, 3)


def test_of_what_runs_and_what_is_saved_the_longer_time_counts(optinout: WorkflowStore) -> None:
    # Given a time that was made longer, or shorter, and has not taken effect yet
    active = save(optinout, days=2)
    save(optinout, days=10)
    # Then nothing is forgotten that the other one keeps
    assert trim_record(optinout, active, optinout.now_ms()) == 0
    newest = save(optinout, days=2)
    assert trim_record(optinout, newest, optinout.now_ms()) == 2


def test_a_tick_seals_what_is_remembered_of_consent_with_the_first_key(runtime: Runtime, tmp_path: Path) -> None:
    # Given two keys, and nothing that was looked at under the first one
    store = Store(runtime.store.redis, "production", AesSeal([b"n" * 32, b"o" * 32]))
    for name in ("ingress", "optinout"):
        tick(Runtime(Settings(home=tmp_path), store), name)
    # Then a tick of opt-in/out has begun with it, and no other workflow's
    progress = [store.workflow(name).resealer.progress() for name in ("ingress", "optinout")]
    assert progress[0] is None and progress[1] is not None and progress[1].share > 0


def test_without_a_configuration_nothing_is_forgotten(optinout: WorkflowStore, runtime: Runtime) -> None:
    assert trim_record(optinout, None, optinout.now_ms()) == 0
    assert trim_record(runtime.workflow("ingress"), None, optinout.now_ms()) == 0
    assert kept(optinout) == 3


def test_a_tick_trims_once_a_minute_also_while_the_workflow_is_stopped(
    optinout: WorkflowStore, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a workflow that is stopped, whose last tick was in this very minute
    save(optinout, days=4)
    minute_ms = optinout.now_ms() // TRIM_EVERY_MS * TRIM_EVERY_MS
    monkeypatch.setattr(type(runtime.store), "now_ms", lambda store: minute_ms + 1)
    optinout.note_tick(minute_ms)
    # When a tick comes, then nothing is trimmed; the first one of the next minute does
    tick(runtime, "optinout")
    assert kept(optinout) == 3
    optinout.note_tick(minute_ms - 1)
    tick(runtime, "optinout")
    assert kept(optinout) == 2
