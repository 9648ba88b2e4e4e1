"""alert: tells a webhook when a workflow needs people, once when that begins and once when it is over."""

import time
from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from html import escape

import orjson
import structlog

from config.alerts import ALERT_EVENTS, Alerts
from config.document import WorkflowDocument
from config.load import read_text
from config.problems import ConfigProblems
from config.secrets import SecretMissing, resolve
from connectors.webhook import NotTaken, post
from store.alerts import Message, Raised
from store.lifecycle import Life, State
from store.store import WorkflowStore
from store.trouble import ALERTS
from sync.patience import Patience
from tasks.conditions import Condition, conditions
from tasks.runtime import Runtime

log = structlog.get_logger()

#: What is over must stay so for this long before it is told: what comes and goes is one message, not ten. A failure is
#: over when somebody has started the workflow again.
QUIET_MS = 60_000
#: After a failure it is tried again so many seconds later.
TRY_AGAIN_SECONDS = 30.0
#: Seconds after which a task begins no further delivery: a webhook that is slow must not keep a slot from reading.
BEGIN_WITHIN_SECONDS = 5.0


def alert(runtime: Runtime, workflow: str) -> None:
    """Looks what has changed, and delivers what nobody has taken yet. What fails is a trouble of its own: the workflow
    does not wait for it."""
    store = runtime.workflow(workflow)
    patience = Patience(store.troubles, ALERTS)
    document = _document(store, store.lifecycle.read())
    alerts = document.connections.alerts if document else None
    if document is None or alerts is None:
        store.alerts.forget()
        patience.end()
        return
    with store.alerting_right() as held:
        if not held:
            return
        now_ms = store.now_ms()
        note(store, conditions(store, document, alerts, now_ms), now_ms, alerts.events)
        if patience.is_over():
            _deliver(store, alerts, runtime.settings.instance, patience)


def is_to_be_told(store: WorkflowStore, life: Life) -> bool:
    """Whether there is a webhook, or was one until now: then what was raised is to be forgotten."""
    document = _document(store, life)
    return bool(document and document.connections.alerts) or bool(store.alerts.raised())


def note(
    store: WorkflowStore, found: Collection[Condition], now_ms: int, wanted: Collection[str] = ALERT_EVENTS
) -> None:
    """Keeps what is wrong from now on, with a message for everything that began or ended, if that is wanted."""
    raised = store.alerts.raised()
    kept: dict[str, Raised] = {}
    over: list[str] = []
    messages: list[Message] = []
    present: dict[str, str] = {condition.event: condition.sentence for condition in found}
    for event, sentence in present.items():
        if event not in raised:
            kept[event] = Raised(now_ms, sentence)
            messages.append(_message(store, event, True, kept[event], now_ms))
        elif raised[event].gone_ms is not None:
            kept[event] = Raised(raised[event].since_ms, raised[event].sentence)
    for event, before in raised.items():
        if event in present:
            continue
        if event not in wanted:
            over.append(event)  # nobody knows whether it is over
            continue
        if before.gone_ms is None and event != "failed":
            kept[event] = Raised(before.since_ms, before.sentence, now_ms)
        elif event == "failed" or now_ms - (before.gone_ms or now_ms) >= QUIET_MS:
            over.append(event)
            messages.append(_message(store, event, False, before, now_ms))
    if kept or over:
        store.alerts.change(kept, over, messages)


def _message(store: WorkflowStore, event: str, is_raised: bool, of: Raised, now_ms: int) -> Message:
    way = "raised" if is_raised else "over"
    return Message(f"{store.name}-{event}-{of.since_ms}-{way}", event, is_raised, of.sentence, now_ms, of.since_ms)


def _document(store: WorkflowStore, life: Life) -> WorkflowDocument | None:
    """What runs, or else what is saved: a workflow that is off has something to tell, too."""
    is_on = life.state in (State.STARTING, State.RUNNING)
    found = store.revisions.get((life.revision if is_on else store.revisions.newest()) or 0)
    return _read(found.document) if found else None


@lru_cache(maxsize=8)
def _read(text: str) -> WorkflowDocument | None:
    # This is looked at every few seconds, and reading takes a while.
    try:
        return read_text(text, "the configuration", WorkflowDocument, "holds no configuration")
    except ConfigProblems:  # of another version; who runs it, or starts it, fails and says what is wrong with it
        return None


def _deliver(store: WorkflowStore, alerts: Alerts, instance: str, patience: Patience) -> None:
    ends = time.monotonic() + BEGIN_WITHIN_SECONDS
    while time.monotonic() < ends and (message := store.alerts.next()) is not None:
        try:
            key = resolve(alerts.secret) if alerts.secret else None
            post(resolve(alerts.url).strip(), body(message, instance, store.name), message.id, key, time.time())
        except (NotTaken, SecretMissing) as error:
            sentence = error.sentence if isinstance(error, NotTaken) else str(error)
            patience.note(sentence, TRY_AGAIN_SECONDS)
            log.warning("An alert was not delivered.", action="alert_not_sent", alert=message.id, why=sentence)
            return
        store.alerts.taken(message)
        log.info("An alert was delivered.", action="alert_sent", alert=message.id)
    patience.end()


def body(message: Message, instance: str, workflow: str) -> bytes:
    """The message as it is sent; `text` is what Slack and its like show."""
    lasted = (message.at_ms - message.since_ms) // 1000
    text = message.sentence if message.raised else f"Over after {lasted:,} s: {message.sentence}"
    # These three are commands there unless they are written so (docs.slack.dev, formatting message text).
    text = escape(text, quote=False)
    return orjson.dumps(
        {
            "text": f"[{instance}] {text}",
            "id": message.id,
            "event": message.event,
            "state": "raised" if message.raised else "over",
            "instance": instance,
            "workflow": workflow,
            "sentence": message.sentence,
            "since": _iso(message.since_ms),
            "at": _iso(message.at_ms),
            "seconds": lasted,
            "command": f"d365acs workflow show {workflow}",
        }
    )


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
