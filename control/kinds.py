"""What is different from one workflow to another where operators see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from config.document import WorkflowDocument
from connectors.errors import System
from connectors.journal import RETENTION_SECONDS
from control.status.consent_sources import reading_of_consent
from control.status.events import reading_of_events
from control.status.reading import Reading, Waits
from control.status.tables import reading_of_table
from store.cursors import Cursor
from store.lifecycle import Life
from store.store import WorkflowStore
from sync import egress, optinout, schemas
from sync.consent import fitting
from sync.consent.position import ConsentPosition
from sync.events.position import EventPosition
from sync.tables.position import Position
from sync.token_life import DAY, token_days


class Dumped(Protocol):
    """A reading position."""

    def dump(self) -> str:
        """As a cursor holds it."""


@dataclass(frozen=True, slots=True)
class Kind:
    noun: str  #: what waits on the queues
    parked: tuple[str, str]  #: what one waits for that is parked, and what several do
    parked_column: str
    aged_column: (
        str  #: what tells how fresh a stream is: the age of its token, or when it was last read, or anything was seen
    )
    mend: str  #: the command that mends a held `{stream}`
    calls_engine: bool  #: whether Campaign counts what is written
    window: str | None  #: the stream that is replayed by a window of time; None: tables, each replayed whole
    position: Callable[[str], Dumped]  #: of the text of a cursor
    #: What a position, "" from the beginning, becomes in place of another one, at this time in milliseconds.
    in_place: Callable[[str, str, int], str]
    reading: Callable[[Cursor, Waits, float | None, int], Reading]
    systems: Callable[[WorkflowDocument], tuple[System, ...]]  #: that it uses
    #: How many days what is not read can still be read; None: for ever, or not known.
    life_days: Callable[[WorkflowStore, Life, WorkflowDocument | None], float | None]

    def awaits(self, count: int) -> str:
        """12 events wait for a contact that Dynamics does not have."""
        one, several = self.parked
        return f"{count:,} {self.noun} {one}" if count == 1 else f"{count:,} {self.noun}s {several}"


def _token_days(workflow: WorkflowStore, life: Life, document: WorkflowDocument | None) -> float | None:
    return token_days(workflow, life, schemas.load)


def _consent_days(workflow: WorkflowStore, life: Life, document: WorkflowDocument | None) -> float | None:
    """Only in both directions Dynamics is asked what has changed."""
    config = document.optinout if document else None
    return token_days(workflow, life, fitting.load) if config and config.both_ways else None


def _event_days(workflow: WorkflowStore, life: Life, document: WorkflowDocument | None) -> float | None:
    config = document.egress if document else None
    return RETENTION_SECONDS / DAY if config and config.source == "journal" else None


def _table_in_place(text: str, before: str, now_ms: int) -> str:
    """What was deleted since the position before is read by its link, whatever the new one tells."""
    if not before:
        return text
    old = Position.load(before)
    if not text:
        return old.begin_again(old.mapping, old.pair, now_ms).dump()
    return Position.load(text).in_place_of(old, now_ms).dump()


def _both_and_imports(document: WorkflowDocument) -> tuple[System, ...]:
    loads = any(table.file_import for table in document.ingress.tables) if document.ingress else False
    return ("dynamics", "campaign", "sftp") if loads else ("dynamics", "campaign")


def _target_and_source(document: WorkflowDocument) -> tuple[System, ...]:
    return "dynamics", "journal" if document.egress and document.egress.source == "journal" else "sftp"


def _both_and_files(document: WorkflowDocument) -> tuple[System, ...]:
    config = document.optinout
    if config is None or not config.reads_campaign:
        return ()
    return ("dynamics", "campaign", "sftp") if config.files else ("dynamics", "campaign")


_KINDS = {
    "ingress": Kind(
        noun="record",
        parked=("waits for the record that it links to", "wait for the records that they link to"),
        parked_column="PARKED",
        aged_column="TOKEN",
        mend="d365acs mapping edit {stream}",
        calls_engine=True,
        window=None,
        position=Position.load,
        in_place=_table_in_place,
        reading=reading_of_table,
        systems=_both_and_imports,
        life_days=_token_days,
    ),
    "egress": Kind(
        noun="event",
        parked=("waits for a contact that Dynamics does not have", "wait for a contact that Dynamics does not have"),
        parked_column="NO CONTACT",
        aged_column="LAST READ",
        mend="d365acs workflow edit egress",
        calls_engine=False,
        window=egress.STREAM,
        position=EventPosition.load,
        in_place=lambda text, before, now_ms: text,
        reading=reading_of_events,
        systems=_target_and_source,
        life_days=_event_days,
    ),
    "optinout": Kind(
        noun="change",
        parked=("waits for a contact that Dynamics does not have", "wait for a contact that Dynamics does not have"),
        parked_column="NO CONTACT",
        aged_column="LAST CHANGE",
        mend="d365acs workflow edit optinout",
        calls_engine=True,
        window=optinout.STREAM,
        position=ConsentPosition.load,
        in_place=lambda text, before, now_ms: text,
        reading=reading_of_consent,
        systems=_both_and_files,
        life_days=_consent_days,
    ),
}


def kind_of(workflow: str) -> Kind:
    """`workflow` is the name of one."""
    return _KINDS[workflow]
