"""People are told when a workflow needs them: once when that begins and once when it is over, whatever happens."""

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from config.document import dump
from config.load import load
from store.alerts import Message
from store.store import WorkflowStore
from store.trouble import ALERTS
from tasks.alert import QUIET_MS, alert, body, is_to_be_told, note
from tasks.conditions import Condition
from tasks.runtime import Runtime
from tests.integration.control.conftest import CONFIGURATION
from tests.integration.tasks.webhooks import Webhook, webhook

NOW = 1_800_000_000_000


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with webhook() as found:
        monkeypatch.setenv("ALERTS_URL", found.url)
        monkeypatch.setenv("ALERTS_KEY", "a key")
        yield found


def test_a_failure_is_told_once_and_so_is_its_end(runtime: Runtime, workflow: WorkflowStore, hook: Webhook) -> None:
    # Given a workflow that fails
    alert(runtime, "ingress")
    assert hook.told == []
    workflow.lifecycle.fail(1, "worker", "Dynamics refuses the credentials")
    # When it is looked at again and again, and somebody has started it
    for _ in range(3):
        alert(runtime, "ingress")
    workflow.lifecycle.start("ann", "", 1)
    for _ in range(3):
        alert(runtime, "ingress")
    # Then there is one message about each, which Slack and its like can show
    assert hook.told == [("failed", "raised"), ("failed", "over")]
    begun, over = hook.messages
    assert begun["text"] == "[production] ingress has failed: Dynamics refuses the credentials."
    assert re.fullmatch(r"\[production\] Over after \d+ s: ingress has failed: .*", over["text"])
    assert begun["command"] == "d365acs workflow show ingress"
    assert begun["since"] == over["since"] and begun["id"] != over["id"]


def test_a_message_is_signed_and_has_an_id_of_its_own(runtime: Runtime, workflow: WorkflowStore, hook: Webhook) -> None:
    workflow.lifecycle.fail(1, "worker", "x")
    alert(runtime, "ingress")
    # Then whoever has the key can tell that it is ours, and when it was sent
    [headers], [body] = hook.headers, hook.bodies
    at, signed = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["X-D365acs-Signature"]).groups()  # type: ignore[union-attr]
    assert signed == hmac.new(b"a key", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-D365acs-Delivery"] == hook.messages[0]["id"]


def test_a_webhook_that_is_away_gets_every_message_in_order_when_it_is_back(
    runtime: Runtime, workflow: WorkflowStore, hook: Webhook
) -> None:
    # Given a webhook in trouble, and a workflow that fails and is started again meanwhile
    hook.answers = [500]
    workflow.lifecycle.fail(1, "worker", "x")
    alert(runtime, "ingress")
    workflow.lifecycle.start("ann", "", 1)
    alert(runtime, "ingress")
    # Then that is shown with the workflow's status, and nothing is tried before it is time
    [trouble] = [one for one in workflow.troubles.all() if one.where == ALERTS]
    assert trouble.sentence == "The webhook does not take messages: it answers 500"
    assert len(hook.headers) == 1
    # When it is time and the webhook is back
    workflow.troubles.clear(ALERTS)
    alert(runtime, "ingress")
    # Then it is told all of it, the first message under the id that it had before
    assert hook.told == [("failed", "raised"), ("failed", "over")]
    assert hook.headers[0]["X-D365acs-Delivery"] == hook.headers[1]["X-D365acs-Delivery"]
    assert workflow.alerts.next() is None


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429])
def test_only_success_counts_as_taken_and_no_redirect_is_followed(
    runtime: Runtime, workflow: WorkflowStore, hook: Webhook, status: int
) -> None:
    hook.answers = [status]
    workflow.lifecycle.fail(1, "worker", "x")
    alert(runtime, "ingress")
    assert len(hook.headers) == 1
    assert workflow.alerts.next() is not None


def test_two_workers_that_look_at_once_tell_everything_once(
    runtime: Runtime, workflow: WorkflowStore, hook: Webhook
) -> None:
    workflow.lifecycle.fail(1, "worker", "x")
    workers = [threading.Thread(target=alert, args=(runtime, "ingress")) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert hook.told == [("failed", "raised")]


@pytest.mark.parametrize("url", ["http://hooks.example.com/T0/secret-part", "http://127.0.0.1:1/T0/secret-part", ""])
def test_what_is_said_of_a_webhook_that_cannot_be_reached_does_not_hold_its_address(
    runtime: Runtime, workflow: WorkflowStore, hook: Webhook, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an address that is not safe, one where nobody listens, or none
    monkeypatch.setenv("ALERTS_URL", url)
    workflow.lifecycle.fail(1, "worker", "x")
    # When a message is to be sent
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as entries:
        alert(runtime, "ingress")
    # Then there is a sentence about it, in the log and in the status, without the address
    [trouble] = workflow.troubles.all()
    assert trouble.sentence
    assert "secret-part" not in str(entries) + trouble.sentence
    assert hook.headers == []


def test_without_a_webhook_nobody_is_told_and_nothing_is_kept(
    runtime: Runtime, workflow: WorkflowStore, hook: Webhook
) -> None:
    # Given a failure that was told, and a configuration saved since that names no webhook
    workflow.lifecycle.fail(1, "worker", "x")
    alert(runtime, "ingress")
    without = load(CONFIGURATION, "a file").workflows()["ingress"]
    workflow.revisions.save(1, dump(without), "ann", "")
    # Then what was raised is forgotten, and no tick asks any more
    assert is_to_be_told(workflow, workflow.lifecycle.read())
    alert(runtime, "ingress")
    assert not is_to_be_told(workflow, workflow.lifecycle.read())
    assert hook.told == [("failed", "raised")]


def test_what_comes_and_goes_is_one_message(workflow: WorkflowStore) -> None:
    # Given something that is wrong, is over for less than the quiet time, and is wrong again
    wrong = [Condition("stalled", "waits")]
    note(workflow, wrong, NOW)
    note(workflow, [], NOW + 1000)
    note(workflow, wrong, NOW + QUIET_MS)
    note(workflow, [], NOW + QUIET_MS + 1000)
    note(workflow, [], NOW + 2 * QUIET_MS)
    # When it is over for good
    note(workflow, [], NOW + 2 * QUIET_MS + 1000)
    note(workflow, [], NOW + 9 * QUIET_MS)
    # Then it was raised once and is over once, with the time since it began
    told = []
    while message := workflow.alerts.next():
        told.append((message.event, message.raised, message.since_ms))
        workflow.alerts.taken(message)
    assert told == [("stalled", True, NOW), ("stalled", False, NOW)]


def test_what_is_no_longer_to_be_told_is_forgotten_and_not_called_over(workflow: WorkflowStore) -> None:
    # Given something that was told
    note(workflow, [Condition("stalled", "waits")], NOW)
    message = workflow.alerts.next()
    assert message is not None
    workflow.alerts.taken(message)
    # When a configuration names other events, for however long
    note(workflow, [], NOW + 1, ["failed"])
    note(workflow, [], NOW + QUIET_MS, ["failed"])
    # Then nobody is told that it is over: it may not be
    assert workflow.alerts.raised() == {}
    assert workflow.alerts.next() is None


def test_what_would_be_a_command_to_slack_is_plain_text_there() -> None:
    message = Message("x", "failed", True, "<!channel> A & B -> C", NOW, NOW)
    sent = json.loads(body(message, "stage", "ingress"))
    assert sent["text"] == "[stage] &lt;!channel&gt; A &amp; B -&gt; C"
    assert sent["sentence"] == "<!channel> A & B -> C"
