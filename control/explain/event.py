"""One event of Campaign, on its way to the timeline of a contact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from config.egress import EgressConfig
from config.event_fields import KINDS, Kind
from connectors.dynamics_metadata import DynamicsTable
from control.explain.explanation import Action, Event, Part, Standing
from control.explain.mapping import Show
from control.explain.naming import ASK_SECONDS
from control.explain.record import CannotAsk, commands
from control.explain.standing import standing, with_past
from control.explain.verdict import off
from control.explain.words import given_up_words, set_aside_words, waits_words
from control.live_streams import Live
from control.words import finished
from store.record_queue import Filtered, Lane, Leased, Outcome
from store.store import Store
from sync.deciding import decision_on
from sync.egress import STREAM
from sync.events.event import Understanding, Verdict
from sync.events.payload import unpacked
from sync.events.shapes import load
from sync.mapping.mapper import Unmappable
from sync.streams import Send

_NOUNS: Mapping[str, str] = {"send": "send", "open": "open", "click": "click", "bounce": "bounce"}


@dataclass(frozen=True, slots=True)
class _Case:
    kept: Standing
    kind: Kind | None
    there: bool | None  #: whether Dynamics has the activity
    decision: Send | Outcome | Unmappable | None  #: None: nothing of it is kept
    why_not: str  #: why it does not appear


def explained(store: Store, live: Live, activity_id: str, show: Show, kind: Kind | None = None) -> Part:
    """By the id of its activity; `kind`: where it is known already. Raises UnknownKey for what is sealed."""
    config = live.use.document.egress
    assert config is not None
    workflow, name = live.use.workflow, live.use.workflow.name
    kept = with_past(standing(store, workflow, STREAM, activity_id), workflow, STREAM, activity_id)
    queue = workflow.queue(STREAM)
    letter = queue.dead_letter(activity_id)
    payload = queue.peek(activity_id) or (letter.payload if letter else None)
    values: dict[str, object] = {}
    decision: Send | Outcome | Unmappable | None = None
    why_not = ""
    if payload is not None:
        try:
            origin, values = unpacked(payload)
            rules = Understanding(config, origin)
            kind = kind or rules.kind_of(values)
            why_not = _why_not(config, rules, values)
            record = Leased(activity_id, 0, store.now_ms(), Lane.LIVE, payload, 0, 0)
            decision = decision_on(live.streams[STREAM].target, record, None)
        except Unmappable as wrong:
            decision = wrong
    troubles: list[str] = []
    there = None
    try:
        there = _there(live, config, activity_id, kind)
    except CannotAsk as error:
        troubles.append(finished(str(error)))
    verdict, action = _judged(live, _Case(kept, kind, there, decision, why_not))
    shown = {part: show(value) for part, value in values.items()}
    return Part(
        name, STREAM, activity_id, live.use.life.state.value, live.use.revision, verdict, action, kept,
        event=Event(kind or "", shown, there), troubles=tuple(troubles),
        next=commands(name, STREAM, activity_id, kept),
    )  # fmt: skip


def _there(live: Live, config: EgressConfig, activity_id: str, kind: Kind | None) -> bool:
    """Whether Dynamics has the activity, in the table of its kind, or of any. Raises ConnectorError."""
    shapes = load(live.known)
    for each in (kind,) if kind else KINDS:
        if each in shapes:
            # learn.microsoft.com, Activity tables: the primary key of each is activityid.
            table = DynamicsTable(
                config.activities.of(each).table, shapes[each].set_name, "activityid", change_tracking=False, columns={}
            )
            if live.systems.dynamics.existing(table, [activity_id], ASK_SECONDS):
                return True
    return False


def _why_not(config: EgressConfig, rules: Understanding, value: Mapping[str, object]) -> str:
    """Why an event does not appear; empty if it does, or does not fit."""
    try:
        if rules.understand(value, datetime.now(UTC)) is not Verdict.FILTERED:
            return ""
    except Unmappable:
        return ""
    kind = rules.kind_of(value)
    if kind is None:
        return "events like it never appear: a soft bounce, an email that was not sent yet, or a type that is ignored"
    if not config.events.on(kind):
        return f"{kind}s are switched off (egress.events.{kind}s)"
    return "it is of a profile that is not from Dynamics (egress.without_contact: ignore)"


def _judged(live: Live, case: _Case) -> tuple[str, Action]:
    what = f"its {_NOUNS[case.kind]}" if case.kind else "it"
    if case.there:
        return "Dynamics shows it on the contact's timeline; nothing more is sent.", "nothing"
    would, action = _would(case, what)
    begin = ""
    if case.kept.waits is not None:
        begin = f"{waits_words(case.kept.waits, case.kept.retried)}; "
    elif case.kept.set_aside is not None:
        begin = f"{set_aside_words(case.kept.set_aside)}; if it were tried again now, "
    if case.kept.waits is not None and action != "wait":
        begin += "when its turn comes, "
    paused = off(live.use.workflow.name, live.use.life) if begin else ""
    return f"{begin}{would}{paused}.", action


def _would(case: _Case, what: str) -> tuple[str, Action]:
    match case.decision:
        case Unmappable() as wrong:
            return f"it would be set aside: {wrong.sentence.rstrip('.')}", "refuse"
        case Filtered():
            return f"nothing is sent, because {case.why_not}", "nothing"
        case Send():
            if case.kept.waits is not None and case.kept.waits.parent is not None:
                return "Dynamics does not have that contact; it is looked for again and again", "wait"
            return f"{what} would be shown on the contact's timeline", "create"
    if given_up := given_up_words(case.kept):
        return f"{given_up}; events of a time are read again with: d365acs replay create egress --since TIME", "unknown"
    known = "" if case.there is False else " as far as can be told"
    return (
        f"It is neither on the queue nor in Dynamics{known}: it was not read, does not appear by the rules, or was "
        "given up; events of a time are read again with: d365acs replay create egress --since TIME",
        "unknown",
    )
