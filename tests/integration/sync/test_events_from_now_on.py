"""A journal whose very first reading begins with what comes after the start: all of that, however late it answers."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from redis import Redis

from config.connections import CampaignConnection, Connections, DynamicsConnection, JournalConnection
from config.document import WorkflowDocument
from config.egress import EgressConfig
from connectors.journal import Journal
from store.store import Store, WorkflowStore
from sync.egress import connect
from sync.events.event import activity_id
from sync.events.journal_source import JournalSource
from sync.events.reading import EventStreamSource
from sync.systems import Systems
from tests.integration.sync.small_journal import HOUR_MS, SmallJournal
from tests.integration.sync.timeline import Egress

NOWHERE = "https://nowhere.example"
JOURNAL = f"{NOWHERE}/events/organizations/1/integrations/2/a-b"


@pytest.fixture
def egress(redis: Redis) -> Egress:
    egress = Egress(redis)
    egress.start(journal={"begin": "latest"})
    return egress


@pytest.fixture
def journal(egress: Egress, monkeypatch: pytest.MonkeyPatch) -> SmallJournal:
    """A journal with an event of an hour ago, which does not answer; its clock is the workflow's."""
    journal = SmallJournal(egress.workflow.now_ms())
    journal.add(1, journal.now_ms - HOUR_MS)
    journal.is_down = True
    monkeypatch.setattr(WorkflowStore, "now_ms", lambda _: journal.now_ms)
    reads(egress, journal)
    return journal


def reads(egress: Egress, journal: SmallJournal) -> None:
    source = JournalSource(cast(Journal, journal), None, now_ms=lambda: journal.now_ms)
    egress.stream = replace(egress.stream, source=egress.source_of(source))


def test_what_comes_while_the_journal_does_not_answer_yet_is_read(egress: Egress, journal: SmallJournal) -> None:
    # Given a workflow that was started while the journal does not answer
    egress.read()
    # When something happens, and the journal answers again hours later
    journal.pass_time(HOUR_MS)
    journal.add(2, journal.now_ms)
    journal.pass_time(HOUR_MS)
    journal.is_down = False
    egress.let_time_pass()
    egress.carry()
    # Then it appears, and what was there before does not
    assert egress.timelines.activities.keys() == {activity_id("open", "e2")}


def test_a_journal_whose_address_is_corrected_is_read_from_the_first_start_on(
    egress: Egress, journal: SmallJournal
) -> None:
    # Given a workflow that was started with the address of another journal, which does not answer
    egress.read()
    # When something happens, and the address is corrected
    journal.pass_time(HOUR_MS)
    journal.add(2, journal.now_ms)
    journal.pass_time(HOUR_MS)
    journal.is_down = False
    egress.start(place="there", journal={"begin": "latest"})
    reads(egress, journal)
    egress.let_time_pass()
    egress.carry()
    # Then it appears, and what was there before the start does not
    assert egress.timelines.activities.keys() == {activity_id("open", "e2")}


def test_a_later_start_changes_nothing_about_it(egress: Egress) -> None:
    # Given a first reading from some time on
    egress.events.add(more=False, wait=600)
    before_ms = egress.workflow.now_ms()
    egress.read()
    [since_ms] = egress.events.since
    assert since_ms is not None and before_ms <= since_ms <= egress.workflow.now_ms()
    # When the workflow is started anew, Then reading goes on, and no other beginning is asked for
    egress.start(journal={"begin": "latest"})
    egress.read()
    assert egress.events.since == [since_ms]


@pytest.mark.parametrize(("begin", "only_new"), [("oldest", False), ("latest", True)])
def test_the_configuration_says_whether_a_first_reading_begins_so(redis: Redis, begin: str, only_new: bool) -> None:
    dynamics = DynamicsConnection(url=NOWHERE, tenant="t", client_id="c", client_secret="${env:HOME}")
    campaign = CampaignConnection(url=f"{NOWHERE}/acme", client_id="c", client_secret="${env:HOME}", org_id="o")
    document = WorkflowDocument(
        connections=Connections(dynamics=dynamics, campaign=campaign, journal=JournalConnection(url=JOURNAL)),
        egress=EgressConfig.model_validate({"journal": {"begin": begin}}),
    )
    systems = cast(Systems, SimpleNamespace(dynamics=None, journal=SimpleNamespace(url=JOURNAL)))
    [stream] = connect(document, b"{}", systems, Store(redis, "test").workflow("egress"), 100)
    assert cast(EventStreamSource, stream.source).only_new is only_new
