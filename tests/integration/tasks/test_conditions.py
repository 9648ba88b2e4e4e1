"""What people are told of: a sentence each, as soon as it holds and as long as it does."""

import pytest

from config.alerts import ALERT_EVENTS, Alerts
from config.load import load
from store.freshness import FRESHNESS, Waited
from store.record_queue import Change, Parent, Parked, Reason, Refused
from store.store import WorkflowStore
from store.trouble import ALERTS
from sync.consent.parts import DYNAMICS
from sync.consent.position import ConsentPosition, PartPosition
from sync.tables.position import Phase, Position
from tasks.conditions import Condition, conditions
from tasks.runtime import Runtime
from tests.integration.control.conftest import CONNECTIONS, EGRESS_ALONE
from tests.integration.tasks.conftest import WITH_ALERTS

HOUR = 3_600_000


def found_now(workflow: WorkflowStore, now_ms: int | None = None, **alerts: object) -> list[Condition]:
    document = load(WITH_ALERTS, "a file").workflows()["ingress"]
    told = Alerts.model_validate({"url": "${env:ALERTS_URL}", **alerts})
    return conditions(workflow, document, told, workflow.now_ms() if now_ms is None else now_ms)


def refuse(workflow: WorkflowStore, *ids: str) -> None:
    """Records that were read and set aside."""
    queue = workflow.queue("contact")
    queue.put_page(1, workflow.cursor("contact").number, [Change(one, 1, b"{}") for one in ids], "")
    batch = queue.lease(1, 500, 60_000)
    queue.settle(batch.number, [Refused(record.id, Reason("x", "y")) for record in batch.records])


def test_a_workflow_that_gets_on_has_nothing_to_tell(workflow: WorkflowStore) -> None:
    # Given records that wait for a short time, and a backlog at its high-water mark that is being written
    workflow.queue("contact").put_page(1, 0, [Change("a", 1, b"{}")], "")
    workflow.troubles.note("contact.full", "Reading waits.", workflow.now_ms() - HOUR, 0)
    assert found_now(workflow) == []


def test_a_trouble_that_lasts_is_a_stall_but_not_one_beside_the_workflow(workflow: WorkflowStore) -> None:
    now_ms = workflow.now_ms()
    workflow.troubles.note(ALERTS, "the webhook is away", now_ms - HOUR, 0)
    workflow.troubles.note("contact.write", "Campaign does not answer", now_ms - 299_000, 0)
    assert found_now(workflow, now_ms) == []
    assert found_now(workflow, now_ms + 1000) == [
        Condition("stalled", "ingress has waited for 5 min at contact.write: Campaign does not answer.")
    ]
    # Once it is stopped it waits for nothing
    workflow.lifecycle.stop("ann", "")
    assert found_now(workflow, now_ms + 1000) == []


def test_records_that_nobody_writes_are_a_stall_until_one_is_settled(workflow: WorkflowStore) -> None:
    # Given records that have waited for ten minutes
    now_ms = workflow.now_ms()
    later_ms = now_ms + 600_000
    queue = workflow.queue("contact")
    queue.put_page(1, 0, [Change("a", 1, b"{}"), Change("b", 1, b"{}")], "", now_ms=now_ms)
    assert found_now(workflow, later_ms) == [
        Condition("stalled", "ingress has waited for 10 min for anybody to write contact.")
    ]
    # When one of them is settled
    batch = queue.lease(1, 1, 60_000, now_ms=later_ms)
    queue.settle(batch.number, [Refused("a", Reason("x", "y"))], now_ms=later_ms)
    # Then it gets on
    assert found_now(workflow, later_ms, events=["stalled"]) == []


def test_old_dead_letters_that_are_retried_are_no_stall_until_nobody_writes_them(workflow: WorkflowStore) -> None:
    # Given a workflow that has been idle for two hours, since it set a record aside
    refuse(workflow, "a")
    later_ms = workflow.now_ms() + 2 * HOUR
    # When that record is put back on the queue, as old as it is
    workflow.queue("contact").revive(["a"], now_ms=later_ms)
    # Then its wait counts from that moment on
    assert found_now(workflow, later_ms + 299_000) == []
    assert found_now(workflow, later_ms + 300_000) == [
        Condition("stalled", "ingress has waited for 5 min for anybody to write contact.")
    ]


def test_records_whose_parent_comes_late_are_no_stall_until_nobody_writes_them(workflow: WorkflowStore) -> None:
    # Given a record that has been parked for two hours
    queue = workflow.queue("contact")
    queue.put_page(1, 0, [Change("a", 1, b"{}")], "")
    batch = queue.lease(1, 1, 60_000)
    queue.settle(batch.number, [Parked("a", Parent("account", "p"))])
    later_ms = workflow.now_ms() + 2 * HOUR
    # When it need not wait any more, Then its wait for a writer begins
    queue.unpark(["a"], now_ms=later_ms)
    assert found_now(workflow, later_ms + 299_000) == []
    assert [one.event for one in found_now(workflow, later_ms + 300_000)] == ["stalled"]


def test_what_waited_while_the_workflow_was_off_is_no_stall_when_it_runs_again(workflow: WorkflowStore) -> None:
    # Given a record that was queued when the workflow was stopped for two hours
    later_ms = workflow.now_ms() + 2 * HOUR
    workflow.queue("contact").put_page(1, 0, [Change("a", 1, b"{}")], "")
    workflow.lifecycle.stop("ann", "")
    # When it runs again
    workflow.lifecycle.start("ann", "", 1, now_ms=later_ms)
    workflow.lifecycle.run(3, "ann", "", now_ms=later_ms)
    # Then nobody is told before it has had its time
    assert found_now(workflow, later_ms + 299_000) == []
    assert [one.event for one in found_now(workflow, later_ms + 300_000)] == ["stalled"]


def test_a_start_that_takes_long_is_a_stall(workflow: WorkflowStore) -> None:
    workflow.lifecycle.stop("ann", "")
    workflow.lifecycle.start("ann", "", 1)
    assert found_now(workflow) == []
    [condition] = found_now(workflow, workflow.now_ms() + 301_000)
    assert condition.sentence == "ingress has waited for 5 min to start."


def test_dead_letters_are_told_above_what_is_borne(workflow: WorkflowStore) -> None:
    refuse(workflow, "a", "b")
    assert found_now(workflow, dead_letters_above=2) == []
    assert found_now(workflow, dead_letters_above=1) == [
        Condition("dead_letters", "ingress has set aside 2 records, more than 1.")
    ]


@pytest.mark.parametrize(("in_time", "late", "missed"), [(99, 1, False), (98, 1, True), (0, 19, False), (0, 20, True)])
def test_an_objective_is_missed_when_too_many_changes_of_the_hour_are_late(
    workflow: WorkflowStore, in_time: int, late: int, missed: bool
) -> None:
    # Given these changes; fewer than twenty say nothing
    now_ms = workflow.now_ms()
    counts = {Waited(FRESHNESS, now_ms - 60_000): in_time, Waited(FRESHNESS, now_ms - 60_001): late}
    workflow.freshness("contact").add({one: many for one, many in counts.items() if many}, now_ms)
    # Then 99 of 100 within a minute keep the promise, and 98 of 99 do not
    found = found_now(workflow, now_ms)
    assert [one.event for one in found] == (["objective"] if missed else [])
    if late == 20:
        assert found[0].sentence == (
            "ingress: 20 of 20 changes of the last hour took longer than 60 s; the objective is 99 % within that time."
        )


def test_the_age_of_a_change_token_is_told_from_half_its_life_on(workflow: WorkflowStore) -> None:
    # Given a table whose token was made a little less than half its life ago, in a workflow that is stopped
    now_ms = workflow.now_ms()
    position = Position(phase=Phase.CHANGES, link="x", token_ms=now_ms - 84 * HOUR + 1000)
    workflow.queue("contact").put_page(1, 0, [], position.dump())
    workflow.lifecycle.stop("ann", "")
    assert found_now(workflow, now_ms) == []
    # Then it is told a second later
    [condition] = found_now(workflow, now_ms + 1000)
    assert condition == Condition(
        "token",
        "The change token of contact is 3 d old, and Dynamics keeps it for 7 days: see that ingress runs and reads.",
    )


def test_a_table_that_is_held_is_a_stall(workflow: WorkflowStore) -> None:
    workflow.holds.hold("contact", 1, "firstname is gone", workflow.now_ms() - HOUR)
    assert found_now(workflow) == [
        Condition("stalled", "ingress has waited for 60 min with contact held: firstname is gone.")
    ]


def test_events_that_nobody_reads_are_told_before_the_journal_forgets_them(runtime: Runtime) -> None:
    # Given egress, which was stopped when it had just read, and the days after
    egress = runtime.workflow("egress")
    document = load(EGRESS_ALONE, "a file").workflows()["egress"]
    alerts = Alerts(url="${env:ALERTS_URL}")
    egress.lifecycle.start("ann", "", 1)
    egress.lifecycle.run(1, "ann", "")
    egress.queue("events").put_page(1, 0, [], "{}")
    egress.lifecycle.stop("ann", "")
    read_ms = egress.cursor("events").at_ms
    assert read_ms is not None
    assert conditions(egress, document, alerts, read_ms + 84 * HOUR - 1) == []
    # Then it is told from half of the seven days on, which the journal keeps them
    [condition] = conditions(egress, document, alerts, read_ms + 84 * HOUR)
    assert condition.sentence == (
        "What was last read of the journal is 3 d old, and the journal keeps events for 7 days: "
        "see that egress runs and reads."
    )


def test_the_change_token_of_consent_is_told_too(runtime: Runtime) -> None:
    # Given consent in both directions, whose part of Dynamics was last read five days ago
    optinout = runtime.workflow("optinout")
    document = load(
        CONNECTIONS + "optinout: {direction: bidirectional, flags: [{dynamics: donotfax, campaign: blackListFax}]}\n",
        "a file",
    ).workflows()["optinout"]
    now_ms = optinout.now_ms()
    token = Position(phase=Phase.CHANGES, link="x", token_ms=now_ms - 120 * HOUR)
    optinout.lifecycle.start("ann", "", 1)
    optinout.lifecycle.run(1, "ann", "")
    at = ConsentPosition().with_part(DYNAMICS, PartPosition("here", token.dump()))
    optinout.queue("consent").put_page(1, 0, [], at.dump())
    # Then its age is told
    [condition] = conditions(optinout, document, Alerts(url="${env:ALERTS_URL}"), now_ms)
    assert condition.sentence == (
        "The change token of contact, for consent, is 5 d old, and Dynamics keeps it for 7 days: "
        "see that optinout runs and reads."
    )


def test_only_chosen_events_are_told(workflow: WorkflowStore) -> None:
    refuse(workflow, "a")
    workflow.lifecycle.fail(1, "worker", "x")
    assert [one.event for one in found_now(workflow)] == ["failed", "dead_letters"]
    assert [one.event for one in found_now(workflow, events=["dead_letters"])] == ["dead_letters"]
    assert found_now(workflow, events=[]) == []
    assert set(ALERT_EVENTS) == {"failed", "stalled", "objective", "dead_letters", "token"}
