"""Whether mappings fit the two live schemas: asked when they are edited, and again when a workflow starts."""

from collections.abc import Iterator, Mapping

from config.ingress import IngressConfig, TableMapping
from sync.fitting.fields import ID_LENGTH, field_errors, field_warnings
from sync.fitting.findings import Finding, Findings, Misfitting
from sync.fitting.links import link_errors, link_warnings
from sync.mapping import filters
from sync.mapping.conversion import misfit
from sync.mapping.shapes import FieldShape
from sync.schemas import Schemas, TableSchema

#: Guardrails of the vendor (experienceleague.adobe.com, Campaign Standard and Microsoft Dynamics 365: notices and
#: recommendations). Beyond them things still work here, and nobody at Adobe has tried them.
MOST_TABLES, MOST_COLUMNS, MOST_LINKS, DEEPEST = 20, 50, 5, 3


def judge(mapping: TableMapping, schema: TableSchema, resources: Mapping[str, str]) -> Findings:
    """All that can be said of one table's mapping. Places lead from the mapping on.

    `resources`: the mapped tables, each with its resource.
    """
    errors = (
        *_key_errors(mapping, schema.fields),
        *_filter_errors(mapping, schema),
        *link_errors(mapping, schema, resources),
        *field_errors(mapping, schema),
        *_mandatory_errors(mapping, schema.fields),
        *_load_errors(mapping, schema.fields),
    )
    warnings = (*link_warnings(mapping, schema), *field_warnings(mapping, schema), *_size_warnings(mapping))
    return Findings(errors, warnings)


def judge_all(config: IngressConfig, schemas: Schemas) -> Findings:
    """All that can be said of all tables whose schemas are known. Places lead from the workflow's configuration on:
    ("tables", 0, "fields", 2, "to")."""
    resources = {mapping.table: mapping.resource for mapping in config.tables}
    errors: list[Finding] = []
    warnings: list[Finding] = []
    for index, mapping in enumerate(config.tables):
        if schema := schemas.tables.get(mapping.table):
            found = judge(mapping, schema, resources)
            for those, all_of_them in ((found.errors, errors), (found.warnings, warnings)):
                all_of_them += (Finding(("tables", index, *place), sentence) for place, sentence in those)
    return Findings(tuple(errors), (*warnings, *_number_warnings(config), *_depth_warnings(config)))


def require_fit(config: IngressConfig, schemas: Schemas) -> None:
    """Raises Misfitting with every error of every table."""
    errors = judge_all(config, schemas).errors
    if errors:
        tables = dict.fromkeys(config.tables[int(error.place[1])].table for error in errors)
        edits = " and ".join(f"d365acs mapping edit {table}" for table in tables)
        way_out = f"Edit with {edits}, then start again."
        raise Misfitting([*(f"{error.sentence.rstrip('.')}." for error in errors), way_out])


def _load_errors(mapping: TableMapping, fields: Mapping[str, FieldShape]) -> Iterator[Finding]:
    """Links that an import file cannot hold: they take a PKey, which is not to be kept."""
    for link in mapping.links if mapping.file_import else ():
        shape = fields.get(link.target)
        if shape is not None and shape.type == "link":
            yield Finding(
                ("file_import",),
                f"{mapping.table}: its link {link.target} takes a PKey of Campaign, which cannot stand in a file; join "
                "by a text field, or take file_import away.",
            )


def _key_errors(mapping: TableMapping, fields: Mapping[str, FieldShape]) -> Iterator[Finding]:
    name = mapping.key.field
    shape = fields.get(name)
    reason = ""
    if shape is None:
        reason = f"the resource {mapping.resource} has no key field {name}; add it or choose another."
    elif shape.read_only:
        reason = f"Campaign does not let anyone write the key field {name}; choose another."
    elif misfit("Uniqueidentifier", shape.type) or shape.type == "enumeration":
        reason = f"the key field {name} is of type {shape.type}, and a record's id is text; choose another."
    elif shape.length and shape.length < ID_LENGTH:
        reason = (
            f"the key field {name} takes {shape.length} characters, and a record's id has {ID_LENGTH}; choose another."
        )
    if reason:
        yield Finding(("key", "field"), f"{mapping.table} -> {mapping.resource}: {reason}")


def _filter_errors(mapping: TableMapping, schema: TableSchema) -> Iterator[Finding]:
    if mapping.filter is None:
        return
    joined = "all" if mapping.filter.every else "any"
    for index, condition in enumerate(mapping.filter.conditions):
        place = ("filter", joined, index)
        where = f"{mapping.table}: the filter's condition on {condition.field}"
        shape = schema.columns.get(condition.field)
        if shape is None:
            yield Finding(
                (*place, "field"), f"{where}: the table {mapping.table} has no such column; change the condition."
            )
        elif wrong := filters.misfit(condition, shape):
            what = condition.comparison if wrong.key == "is" else "its value"
            yield Finding((*place, wrong.key), f"{where}: {what} {wrong.reason}.")


def _mandatory_errors(mapping: TableMapping, fields: Mapping[str, FieldShape]) -> Iterator[Finding]:
    """Campaign refuses a record that leaves a mandatory field out."""
    for name in uncovered(mapping, fields):
        yield Finding(
            ("fields",),
            f"{mapping.table} -> {mapping.resource}: Campaign wants {name} in every {mapping.resource}; "
            "map a column to it, or make it optional in Campaign.",
        )


def uncovered(mapping: TableMapping, fields: Mapping[str, FieldShape]) -> Iterator[str]:
    """The mandatory fields that a mapping does not write."""
    written = {mapping.key.field, *(field.target for field in mapping.fields), *(link.target for link in mapping.links)}
    for name, shape in fields.items():
        writable = not shape.read_only and shape.type != "collection"
        covered = name in written or any(target.startswith(f"{name}.") for target in written)
        if shape.mandatory and writable and not covered:
            yield name


# -- guardrails --------------------------------------------------------------------------------------------------


def _size_warnings(mapping: TableMapping) -> Iterator[Finding]:
    columns = {field.source for field in mapping.fields} | {link.source for link in mapping.links}
    for key, number, most, words in (
        ("fields", len(columns), MOST_COLUMNS, "columns are mapped"),
        ("links", len(mapping.links), MOST_LINKS, "links leave it"),
    ):
        if number > most:
            yield Finding(
                (key,), f"{mapping.table} -> {mapping.resource}: {number} {words}; Adobe recommends {most} at most."
            )


def _number_warnings(config: IngressConfig) -> Iterator[Finding]:
    number = sum(map(_is_custom, config.tables))
    if number > MOST_TABLES:
        yield Finding(
            ("tables",), f"{number} custom resources are mapped; Adobe recommends {MOST_TABLES} custom tables at most."
        )


def _depth_warnings(config: IngressConfig) -> Iterator[Finding]:
    """Chains of links between custom resources; those out of the box, such as profile, do not count."""
    by_table = {mapping.table: mapping for mapping in config.tables}
    chains: dict[str, tuple[str, ...]] = {}

    def chain(table: str) -> tuple[str, ...]:
        """The longest way up from a table to one without a custom parent. Configurations have no circles of links."""
        if table not in chains:
            mapping = by_table.get(table)
            if mapping is None or not _is_custom(mapping):
                return ()
            ways = [chain(link.table) for link in mapping.links if link.table != table]
            chains[table] = (table, *max(ways, key=len, default=()))
        return chains[table]

    for index, mapping in enumerate(config.tables):
        if len(found := chain(mapping.table)) > DEEPEST:
            yield Finding(
                ("tables", index, "links"),
                f"{mapping.table}: the links {' -> '.join(found)} are {len(found)} tables deep; "
                f"Adobe recommends {DEEPEST} at most.",
            )


def _is_custom(mapping: TableMapping) -> bool:
    return mapping.resource.startswith("cus")
