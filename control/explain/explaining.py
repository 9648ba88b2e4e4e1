"""Which record is meant, which workflows know it, and what each of them makes of it."""

from collections.abc import Iterator

from config.document import WorkflowDocument
from config.event_fields import Kind
from config.ingress import IngressConfig
from connectors.errors import System
from control.dead_letters.looking import SEALED
from control.errors import NoConfiguration, Sealed, UnknownRecord
from control.explain import event, record
from control.explain.consent import consent
from control.explain.explanation import Explanation, Part
from control.explain.mapping import Show
from control.explain.naming import Named, by_pkey, is_pkey, named
from control.explain.record import CannotAsk
from control.explain.standing import is_remembered, standing
from control.live_streams import InUse, Live, in_use, live
from control.mappings.live import systems_of
from control.masking import masked
from control.opening import workflow_of
from control.together import INGRESS, OPTINOUT
from control.words import counted, finished, listed
from store.outcomes import Parent
from store.sealing import UnknownKey
from store.store import Store
from store.whereabouts import waiting_for
from sync.egress import STREAM as EVENTS
from sync.fitting.findings import Misfitting
from sync.guid import is_guid
from sync.unknown_contacts import CONTACT

EGRESS = "egress"
#: Events that are counted as waiting for a contact.
MOST_WAITING = 1000


def explain(store: Store, text: str, system: System | None, workflow: str | None, reveal: bool, by: str) -> Explanation:
    """Explains one record: `text` is an id of Dynamics (which is the key in Campaign, too), a PKey of Campaign, or the
    id of an event. `system`: whose id it is, where that is known; `workflow`: only that one's view.

    Values are masked, or as they are, which is entered into the history before they are asked for. Raises
    UnknownWorkflow, UnknownRecord, NoConfiguration, Sealed; SecretMissing, Misfitting, ConnectorError where nothing can
    be told without asking.
    """
    if workflow is not None:
        workflow_of(store, workflow)
    uses = {name: use for name in (INGRESS, EGRESS) if (use := in_use(store, name))}
    who = _named(store, text.strip(), system, uses.get(INGRESS))
    ingress = uses.get(INGRESS) if workflow in (None, INGRESS) else None
    egress = uses.get(EGRESS) if workflow in (None, EGRESS) else None
    tables = _known_tables(store, ingress, who) if ingress else []
    events = _known_events(store, egress, who, lately=not tables) if egress else {}
    parts: list[Part] = []
    notes = list(_notes(store, who, workflow))
    try:
        if ingress:
            parts += _of_tables(store, ingress, who, tables, reveal, by, look=not events)
        if egress:
            parts += _of_events(store, egress, who, events, reveal, by, look=not parts)
    except UnknownKey:
        raise Sealed(SEALED) from None
    except (*CannotAsk, Misfitting) as error:
        if not parts and not notes:
            raise
        notes.append(f"Whether anybody else knows it cannot be told now: {finished(str(error))}")
    if not parts and not notes:
        raise UnknownRecord(_unknown(who, uses, workflow))
    sentences = (*who.sentences, *_as_an_event(who, parts))
    return Explanation(text, who.id, sentences, tuple(parts), tuple(notes), reveal, store.now_ms())


def _as_an_event(who: Named, parts: list[Part]) -> Iterator[str]:
    """That an id which could be a record's has turned out to be an event's."""
    if is_guid(who.id) and any(part.id in who.activities for part in parts):
        yield "It is the id of an event of Campaign; its activity in Dynamics has another one, which is made of it."


def _named(store: Store, text: str, system: System | None, ingress: InUse | None) -> Named:
    if not is_pkey(text):
        return named(text, system)
    if system == "dynamics":
        raise UnknownRecord(
            f"{text} begins with @, as PKeys of Campaign do, and no id of Dynamics; leave --system dynamics out."
        )
    if ingress is None:
        raise NoConfiguration("ingress has no configuration, and a PKey is looked for in the resources that it maps.")
    with systems_of(ingress.document.connections, store) as systems:
        return by_pkey(text, _tables(ingress.document), systems.campaign)


def _tables(document: WorkflowDocument) -> IngressConfig:
    assert document.ingress is not None
    return document.ingress


def _show(store: Store, name: str, stream: str, record_id: str, reveal: bool, by: str) -> Show:
    """How values are shown; that they are is entered into the history first."""
    if not reveal:
        return masked
    store.workflow(name).acts.note("reveal", by, f"explained {record_id}", stream)
    return lambda value: value


# -- ingress -----------------------------------------------------------------------------------------------------


def _known_tables(store: Store, use: InUse, who: Named) -> list[str]:
    """Mapped tables with a record of which something is kept here."""
    if not is_guid(who.id):
        return []
    tables = [mapping.table for mapping in _tables(use.document).tables]
    return [table for table in tables if standing(store, use.workflow, table, who.id).is_known]


def _of_tables(
    store: Store, use: InUse, who: Named, known: list[str], reveal: bool, by: str, look: bool
) -> Iterator[Part]:
    """`look`: whether Dynamics is asked for a record of which nothing is kept here."""
    if not is_guid(who.id):
        return
    tables = [mapping.table for mapping in _tables(use.document).tables]
    left = [
        stream
        for stream in use.workflow.lifecycle.streams()
        if stream not in tables and standing(store, use.workflow, stream, who.id).is_known
    ]
    for stream in left:
        yield record.bare(store, use, stream, who.id, f"{stream} is not mapped any more.")
    wanted = [who.table] if who.table else known
    if not (wanted or look):
        return
    try:
        with live(store, use, kept=True) as found:
            there = wanted or _where_it_is(found, tables, who.id)
            for table in there or [one for one in tables if is_remembered(use.workflow, one, who.id)]:
                show = _show(store, use.workflow.name, table, who.id, reveal, by)
                yield record.explained(store, found, table, who.id, show)
    except (*CannotAsk, Misfitting) as error:
        if not wanted:
            raise
        for table in wanted:
            yield record.bare(store, use, table, who.id, str(error))


def _where_it_is(found: Live, tables: list[str], record_id: str) -> list[str]:
    """The mapped table that has the record now, of which nothing is kept here. Raises ConnectorError."""
    return next(([table] for table in tables if record.row_of(found, table, record_id) is not None), [])


# -- egress ------------------------------------------------------------------------------------------------------


def _activities(who: Named) -> dict[str, Kind | None]:
    """Ids that the activity may have, with the kind where the id tells it."""
    itself: dict[str, Kind | None] = {who.id: None} if is_guid(who.id) else {}
    return {**itself, **who.activities}


def _known_events(store: Store, use: InUse, who: Named, lately: bool) -> dict[str, Kind | None]:
    """Those of the activities of which something is kept here. `lately`: or something became lately, which takes longer
    to find."""
    wanted = _activities(who)
    known = {id_: kind for id_, kind in wanted.items() if standing(store, use.workflow, EVENTS, id_).is_known}
    if known or not lately:
        return known
    return {id_: kind for id_, kind in wanted.items() if is_remembered(use.workflow, EVENTS, id_)}


def _of_events(
    store: Store, use: InUse, who: Named, known: dict[str, Kind | None], reveal: bool, by: str, look: bool
) -> Iterator[Part]:
    """`look`: whether Dynamics is asked for an activity of which nothing is kept here."""
    if not (known or look):
        return
    try:
        with live(store, use, kept=True) as found:
            for activity, kind in (known or _activities(who)).items():
                # Of what is not kept here there are no values to show.
                show = _show(store, use.workflow.name, EVENTS, activity, reveal, by) if known else masked
                part = event.explained(store, found, activity, show, kind)
                if known:
                    yield part
                elif part.event and part.event.activity:
                    yield part
                    return
    except (*CannotAsk, Misfitting) as error:
        if not known:
            raise
        for activity in known:
            yield record.bare(store, use, EVENTS, activity, str(error))


# -- what else knows it ------------------------------------------------------------------------------------------


def _notes(store: Store, who: Named, workflow: str | None) -> Iterator[str]:
    if not is_guid(who.id):
        return
    if workflow in (None, EGRESS):
        egress = store.workflow(EGRESS)
        waiting = waiting_for(store.redis, egress.queue(EVENTS).keys, Parent(CONTACT, who.id), MOST_WAITING)
        if waiting:
            more = " or more" if len(waiting) == MOST_WAITING else ""
            several = "event" if len(waiting) == 1 else "events"
            yield (
                f"{len(waiting):,}{more} {several} of this contact {'waits' if len(waiting) == 1 else 'wait'} for it: "
                f"Dynamics did not have it. One of them is explained with: d365acs record explain {waiting[0]}"
            )
    if workflow in (None, OPTINOUT):
        yield from consent(store, who.id)


def _unknown(who: Named, uses: dict[str, InUse], workflow: str | None) -> str:
    if workflow == OPTINOUT:
        return f"optinout knows nothing of {who.id}: it has seen no change of its consent."
    if workflow is not None and workflow not in uses:
        return f"{workflow} has no configuration yet; save one with: d365acs config apply FILE"
    if not is_guid(who.id):
        return (
            f"{who.id} is neither the id of a record, such as 5d6c7f1e-0f0b-4b0e-9a58-000000000001, nor a PKey, which "
            "begins with @, nor the id of an event that waits, was set aside, or is in Dynamics; see what was set "
            "aside with: d365acs dlq ls"
        )
    if workflow == EGRESS:
        return (
            f"egress knows nothing of {who.id}: nothing of it is kept here, and Dynamics has no activity with this id, "
            "nor one of an event with it; events of a time are read again with: d365acs replay create egress --since "
            "TIME"
        )
    ingress = uses.get(INGRESS)
    tables = [mapping.table for mapping in _tables(ingress.document).tables] if ingress else []
    where = f"; looked for in {listed(tables)}" if tables else ""
    events = ", nor is it of an event that Dynamics shows" if workflow is None and EGRESS in uses else ""
    return (
        f"Nothing is known of {who.id}: it is neither kept here nor in {counted(len(tables), 'mapped table')} of "
        f"Dynamics{where}{events}."
    )
