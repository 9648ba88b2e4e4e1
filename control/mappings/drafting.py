"""Drafts a mapping from what both systems tell, by names and types; an architect finishes it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from config.defaults import default_contact_mapping
from config.ingress import CampaignKey, FieldMapping, TableMapping
from connectors.campaign_metadata import CampaignField, CampaignResource
from connectors.dynamics_metadata import DynamicsColumn, DynamicsTable
from control.errors import NoDraft
from control.mappings.draft_links import links_of
from control.mappings.likeness import likely_choices, likeness, plain
from sync.mapping.conversion import misfit

#: Characters that a key field must hold: a Dynamics record's id.
ID_LENGTH = 36

#: Names that a key field for the ids of Dynamics is likely to have, the likeliest first.
_KEY_NAMES = ("externalId", "crmId", "dynamicsId", "d365Id")

#: Columns that every table has and that say something about the row, not about what it stands for.
_HOUSEKEEPING = frozenset(
    """
    createdon createdby createdonbehalfby modifiedon modifiedby modifiedonbehalfby overriddencreatedon
    ownerid owningbusinessunit owninguser owningteam statecode statuscode
    importsequencenumber timezoneruleversionnumber utcconversiontimezonecode versionnumber
    """.split()  # noqa: SIM905  a list of literals would be three times as long
)

#: More names than these are not listed one by one.
_MANY = 25

#: Types of Campaign that a field mapping does not write.
_NO_FIELDS = frozenset({"link", "collection", "element", "object"})

#: Types of Dynamics that link tables.
_LOOKUPS = frozenset({"Lookup", "Customer", "Owner"})


@dataclass(frozen=True, slots=True)
class Draft:
    mapping: TableMapping
    notes: tuple[str, ...]  #: what is left to the architect, one sentence each


def draft(
    table: DynamicsTable,
    resource: CampaignResource,
    filters: Sequence[str],
    mapped: Mapping[str, str],
    key: str | None = None,
) -> Draft:
    """`filters`: the names of the resource's filters; `mapped`: the tables that flow already -> their resources;
    `key`: the Campaign field for the ids, where it shall be another than the likeliest. Raises NoDraft.
    """
    found_key = _key(table, resource, filters, key)
    links = links_of(table, resource, {**mapped, table.name: resource.name}, found_key.field)
    taken = {found_key.field, *(link.target for link in links)}
    fields = _fields(table, resource, taken)
    mapping = TableMapping(table=table.name, resource=resource.name, key=found_key, links=links, fields=fields)
    return Draft(mapping, tuple(_notes(table, resource, filters, mapping)))


def _key(table: DynamicsTable, resource: CampaignResource, filters: Sequence[str], name: str | None) -> CampaignKey:
    field = _key_field(table, resource, name)
    if field == "externalId":
        return CampaignKey(field=field)
    wanted = f"by{field[:1].upper()}{field[1:]}"
    found = next((one for one in filters if one.lower() == wanted.lower()), wanted)
    return CampaignKey(field=field, filter=found, parameter=f"{field}_parameter")


def _key_field(table: DynamicsTable, resource: CampaignResource, name: str | None) -> str:
    if name is not None:
        if name not in resource.fields:
            raise NoDraft(
                f"{resource.name} has no field {name}; see its fields with: d365acs schema fields {resource.name}"
            )
        if not _takes_ids(resource.fields[name]):
            raise NoDraft(f"{_unfit(resource.fields[name])}; name another with --key ({_candidates(resource)}).")
        return name
    fitting = _fitting(resource)
    for likely in (*_KEY_NAMES, table.primary_id):
        for field in fitting:
            if plain(field) == plain(likely):
                return field
    raise NoDraft(
        f"Which field of {resource.name} holds the ids of Dynamics is not to be guessed; name it with --key "
        f"({_candidates(resource)})."
    )


def _fitting(resource: CampaignResource) -> list[str]:
    return [field.name for field in resource.fields.values() if _takes_ids(field)]


def _candidates(resource: CampaignResource) -> str:
    found = ", ".join(_fitting(resource)[:5])
    return f"candidates: {found or f'none: it must be a text of {ID_LENGTH} characters or more'}"


def _unfit(field: CampaignField) -> str:
    """Why a field cannot hold the ids of Dynamics."""
    if field.type == "string" and field.length and field.length < ID_LENGTH:
        return f"{field.name} takes {field.length} characters, and the ids of Dynamics have {ID_LENGTH}"
    if field.read_only:
        return f"{field.name} is read-only, and cannot hold the ids of Dynamics"
    return f"{field.name} is no plain text field ({field.type}), and cannot hold the ids of Dynamics"


def _takes_ids(field: CampaignField) -> bool:
    text = misfit("Uniqueidentifier", field.type) is None and field.type != "enumeration"
    long_enough = not field.length or field.length >= ID_LENGTH
    return text and long_enough and "." not in field.name and not field.read_only and field.type not in _NO_FIELDS


def _fields(table: DynamicsTable, resource: CampaignResource, taken: set[str]) -> tuple[FieldMapping, ...]:
    columns = {column.name: column for column in table.columns.values() if _is_mappable(table, column)}
    fields = {name: field for name, field in resource.fields.items() if _is_writable(field) and name not in taken}
    found: list[FieldMapping] = []
    known = default_contact_mapping()
    if (table.name, resource.name) == (known.table, known.resource):
        found += [rule for rule in known.fields if rule.source in columns and rule.target in fields]
    for source, target in _alike(columns, fields, found):
        found.append(_mapped(columns[source], fields[target]))
    return tuple(found)


def _alike(
    columns: Mapping[str, DynamicsColumn], fields: Mapping[str, CampaignField], found: Sequence[FieldMapping]
) -> list[tuple[str, str]]:
    """The pairs that are alike in name and whose types convert, the likeliest first; each name once."""
    pairs = sorted(
        (-alike, source, target)
        for source, column in columns.items()
        for target, field in fields.items()
        if (alike := likeness(source, target, column.label)) and misfit(column.type, field.type) is None
    )
    sources, targets = {rule.source for rule in found}, {rule.target for rule in found}
    chosen = []
    for _, source, target in pairs:
        if source not in sources and target not in targets:
            sources.add(source)
            targets.add(target)
            chosen.append((source, target))
    return chosen


def _mapped(column: DynamicsColumn, field: CampaignField) -> FieldMapping:
    """With replacements where numbers of Dynamics meet names of Campaign."""
    if field.type != "enumeration" or not column.options or not field.values:
        return FieldMapping(source=column.name, target=field.name)
    replace = likely_choices(dict(column.options), field.values)
    nothing = next((name for name in ("unknown", "none") if name in field.values), None)
    return FieldMapping(
        source=column.name, target=field.name, replace={**replace, **({"": nothing} if nothing and replace else {})}
    )


def _is_mappable(table: DynamicsTable, column: DynamicsColumn) -> bool:
    return column.name != table.primary_id and column.name not in _HOUSEKEEPING and column.type not in _LOOKUPS


def _is_writable(field: CampaignField) -> bool:
    return not field.read_only and field.type not in _NO_FIELDS and field.name not in ("PKey", "href")


def _notes(
    table: DynamicsTable, resource: CampaignResource, filters: Sequence[str], mapping: TableMapping
) -> Iterator[str]:
    key = mapping.key
    if key.address == "filter" and key.filter not in filters:
        yield (
            f"{resource.name} has no filter {key.filter} yet: create it on {key.field} with the parameter "
            f"{key.parameter}, and publish it."
        )
    if not key.unique:
        yield f"If Campaign itself enforces that {key.field} is unique, say unique: true, which saves a call."
    yield from _unlinked(mapping)
    written = {key.field, *(rule.target for rule in mapping.fields), *(link.target for link in mapping.links)}
    for field in resource.fields.values():
        if field.mandatory and not field.read_only and field.name not in written:
            yield f"Campaign requires {field.name} ({field.type}), and no column is mapped to it yet."
    for rule in mapping.fields:
        options = table.columns[rule.source].options
        missing = [f"{number} {label}" for number, label in options.items() if str(number) not in rule.replace]
        if resource.fields[rule.target].type == "enumeration" and missing:
            yield f"{rule.target} has no value that looks like these of {rule.source}: {', '.join(missing)}."
    yield from _left(table, resource, mapping, written)


def _unlinked(mapping: TableMapping) -> Iterator[str]:
    optional = [link.target for link in mapping.links if not link.required]
    if optional:
        yield f"Say required: true at a link that has cardinality 1 in Campaign ({', '.join(optional)})."


def _left(table: DynamicsTable, resource: CampaignResource, mapping: TableMapping, written: set[str]) -> Iterator[str]:
    read = {rule.source for rule in mapping.fields} | {link.source for link in mapping.links}
    columns = sorted(name for name, column in table.columns.items() if _is_mappable(table, column) and name not in read)
    fields = [name for name, field in resource.fields.items() if _is_writable(field) and name not in written]
    yield from _listed(f"columns of {table.name}", columns, f"d365acs schema fields {table.name}")
    yield from _listed(f"fields of {resource.name}", fields, f"d365acs schema fields {resource.name}")


def _listed(what: str, names: list[str], command: str) -> Iterator[str]:
    if len(names) > _MANY:
        yield f"{len(names)} {what} are not mapped; see them with: {command}"
    elif names:
        yield f"Not mapped, {what}: {', '.join(names)}."
