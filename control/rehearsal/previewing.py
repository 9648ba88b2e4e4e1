"""A mapping, saved or not, applied to a sample of live records: field by field, and what would become of them."""

from dataclasses import dataclass, replace

from config.document import WorkflowDocument
from config.ingress import TableMapping
from connectors.dynamics_pages import Row
from control.errors import UnknownTable
from control.explain.explanation import Line
from control.explain.mapping import Show, lines
from control.live_streams import InUse, live, saved
from control.masking import masked
from control.rehearsal.counting import Tally
from control.rehearsal.judging import Judge
from control.rehearsal.looking import Looker
from control.rehearsal.rows import Reading, whole
from control.rehearsal.starting import begun, judge_pages, source_of
from control.together import INGRESS
from store.store import Store
from sync.schemas import load
from sync.tables.position import Position


@dataclass
class FieldPreview:
    """One line of the mapping, over the sample."""

    source: str
    target: str
    filled: int = 0  #: records in which the column holds something
    replaced: int = 0
    unfit: int = 0
    example: Line | None = None  #: the first value, and what becomes of it
    misfit: str = ""  #: why the first that does not fit does not: a sentence


@dataclass(frozen=True, slots=True)
class Preview:
    tally: Tally
    fields: tuple[FieldPreview, ...]
    is_saved: bool  #: False: the mapping is one that is not saved
    reads_anew: bool  #: the next start would read the whole table again, since it changes what is read or written


def preview(
    store: Store, table: str, document: WorkflowDocument | None, limit: int, exact: bool, reveal: bool, by: str
) -> Preview:
    """Applies the mapping of a table to its first `limit` records. `document`: a configuration that is not saved, with
    that mapping in it; None: the saved one.

    Examples are masked, or as they are, which is entered into the history before they are read. Raises UnknownTable,
    NoConfiguration, Misfitting, SecretMissing, ConnectorError.
    """
    use = saved(store, INGRESS)
    if document is not None:
        use = replace(use, document=document)
    mapping = _mapping(use, table)
    show: Show = masked
    if reveal:
        use.workflow.acts.note("reveal", by, f"previewed the mapping of {table}", mapping.stream)
        show = lambda value: value  # noqa: E731
    with live(store, use, page_size=limit) as found:
        source = source_of(found, table)
        position = Position.load(use.workflow.cursor(table).value)
        trusts = position.pair in ("", source.pair)
        schema = load(found.known).tables[table]
        fields = {field.target: FieldPreview(field.source, field.target) for field in mapping.fields}

        def seen(rows: list[Row]) -> list[Row]:
            for row in rows:
                _note(fields, lines(mapping, schema, {**(row.values or {}), schema.primary_id: row.id}, show))
            return rows

        sample = (seen(rows[:limit]) for rows in whole(source))
        reading = Reading("everything", sample, False, True, True, trusts)
        tally = begun(found, table, reading, source)
        judge_pages(Judge(found, store.now_ms()), Looker(found) if exact else None, tally, reading, limit, _nothing)
        anew = bool(position.mapping) and position.mapping != source.mapping
        return Preview(tally, tuple(fields.values()), document is None, anew)


def _nothing(done: int, total: int) -> None:
    """Nobody looks."""


def _mapping(use: InUse, table: str) -> TableMapping:
    tables = use.document.ingress.tables if use.document.ingress else ()
    for mapping in tables:
        if mapping.table == table:
            return mapping
    raise UnknownTable(
        f"No mapping leads from {table}; preview one that is not saved with: d365acs mapping preview {table} --file "
        "FILE"
    )


def _note(fields: dict[str, FieldPreview], found: tuple[Line, ...]) -> None:
    for line in found:
        one = fields[line.target]
        if line.value is not None and line.value != "":
            one.filled += 1
            if one.example is None and not line.misfit:
                one.example = line
        one.replaced += "replaced" in line.notes
        if line.misfit:
            one.unfit += 1
            one.misfit = one.misfit or line.misfit
