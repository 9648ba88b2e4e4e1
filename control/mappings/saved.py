"""The table mappings of ingress, one by one: each change is a revision of the whole configuration."""

from dataclasses import dataclass

from config.document import WorkflowDocument
from config.ingress import IngressConfig, TableMapping
from config.optinout import OptinoutConfig
from control.configuration import Applied, check_pairs, save
from control.errors import MappedAlready, NoConfiguration, StillLinked, UnknownTable
from control.together import INGRESS, check_together, newest_optinout
from store.store import Store, WorkflowStore
from sync.workflow import document_of


@dataclass(frozen=True)
class Saved:
    """What is saved now, and the revision that says it: what an edit begins from."""

    workflow: WorkflowStore
    revision: int
    document: WorkflowDocument
    optinout: OptinoutConfig | None = None  #: which must not write the same flags

    @property
    def ingress(self) -> IngressConfig:
        return self.document.ingress or IngressConfig(tables=())

    def mapping(self, table: str) -> TableMapping:
        """Raises UnknownTable."""
        for mapping in self.ingress.tables:
            if mapping.table == table:
                return mapping
        names = ", ".join(mapping.table for mapping in self.ingress.tables)
        raise UnknownTable(
            f"No mapping leads from {table}; "
            + (f"mapped: {names}." if names else f"add one with: d365acs mapping add {table} RESOURCE")
        )

    def check_new(self, table: str) -> None:
        """Raises MappedAlready."""
        for mapping in self.ingress.tables:
            if mapping.table == table:
                raise MappedAlready(
                    f"{table} is mapped to {mapping.resource} already, and a table is mapped once; change that with: "
                    f"d365acs mapping edit {table}"
                )

    def with_tables(self, tables: tuple[TableMapping, ...]) -> WorkflowDocument:
        """The document with these mappings instead. Raises ValidationError where they do not go together."""
        # Given as a plain mapping, so that what is between the tables is checked again.
        return WorkflowDocument(
            connections=self.document.connections,
            ingress=IngressConfig.model_validate({**dict(self.ingress), "tables": tables}),
        )

    def save(self, document: WorkflowDocument, by: str, why: str) -> Applied:
        """Raises PairChanged, PairedTwice, EditedMeanwhile."""
        check_pairs(self.workflow.name, self.document, document)
        check_together(document.ingress, self.optinout)
        return save(self.workflow, document, self.revision, by, why)


def saved(store: Store) -> Saved:
    """Raises NoConfiguration."""
    workflow = store.workflow(INGRESS)
    revision = workflow.revisions.newest()
    document = document_of(workflow, revision)
    if document is None:
        raise NoConfiguration(
            f"{INGRESS} has no configuration yet; save the connections first (with tables: [] under ingress): "
            "d365acs config apply FILE"
        )
    return Saved(workflow, revision, document, newest_optinout(store))


def delete(store: Store, table: str, by: str, why: str = "") -> Applied:
    """Takes a table's mapping out of the configuration; nothing is deleted in Campaign.

    Raises NoConfiguration, UnknownTable, StillLinked, EditedMeanwhile.
    """
    before = saved(store)
    before.mapping(table)
    rest = tuple(mapping for mapping in before.ingress.tables if mapping.table != table)
    linking = [mapping.table for mapping in rest if any(link.table == table for link in mapping.links)]
    if linking:
        raise StillLinked(
            f"{', '.join(linking)} {'links' if len(linking) == 1 else 'link'} to {table}; remove these links first "
            f"with: d365acs mapping edit {linking[0]}"
        )
    return before.save(before.with_tables(rest), by, why or f"mapping of {table} deleted")
