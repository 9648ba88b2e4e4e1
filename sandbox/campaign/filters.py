"""Filters of a resource: the built-in ones of profiles, and those an administrator declared (switches `filters` and
`resource_filters`).
"""

from collections.abc import Iterable

from sandbox.campaign.definitions import PLAIN
from sandbox.campaign.errors import GENERIC, CampaignError
from sandbox.campaign.fields import NUMBERS
from sandbox.campaign.payload import normal_stamp
from sandbox.campaign.resource import Record, Resource

_OF_PROFILES = {"byEmail": ("email",), "byText": ("text", "filterType"), "byKeysProfile": ("email",)}


def built_in(resource: Resource) -> dict[str, tuple[str, ...]]:
    """Parameters of the filters that need no declaration."""
    return _OF_PROFILES if resource.definition.name == "profile" else {}


def is_filter(name: str, resource: Resource, api: str) -> bool:
    """Declared filters are for every API of the resource but the plain one (ACS, filtering)."""
    return name in built_in(resource) or (api != PLAIN and name in resource.rules)


def filter_parameters(names: list[str], resource: Resource) -> tuple[str, ...]:
    """The query parameters these filters read."""
    found: list[str] = []
    for name in names:
        rule = resource.rules.get(name)
        found += built_in(resource).get(name, ()) if rule is None else (rule["parameter"],)
    return tuple(found)


def apply_filters(names: list[str], query: dict[str, str], resource: Resource) -> list[Record] | None:
    """Records that pass all filters, hidden ones too, oldest first; None when no condition is left."""
    found: list[Record] | None = None
    for name in names:
        matching = _matching(name, query, resource, found)
        if matching is not None:
            found = matching
    return found


def _matching(name: str, query: dict[str, str], resource: Resource, within: list[Record] | None) -> list[Record] | None:
    switches = resource.switches
    if name == "byText" and name in built_in(resource):
        return _by_text(query, _pool(resource, within))
    rule = resource.rules.get(name)
    if rule is None:
        return _equal("email", query.get("email", ""), resource, within, switches.email_filter_case_sensitive)
    value = query.get(rule["parameter"], "")
    if not value:
        # "Enabled only if the parameter is not empty": the condition drops out, and everything passes.
        return None if switches.empty_filter_parameter == "all" else []
    operator = rule.get("operator", "equal")
    if operator == "equal":
        return _equal(rule["field"], value, resource, within, switches.filter_case_sensitive)
    return _compare(rule["field"], operator, value, resource, _pool(resource, within))


def _pool(resource: Resource, within: list[Record] | None) -> Iterable[Record]:
    return resource.by_number.values() if within is None else within


def _equal(
    field: str, value: str, resource: Resource, within: list[Record] | None, case_sensitive: bool
) -> list[Record]:
    if within is None and resource.is_indexed(field):
        exact = resource.by_field(field, value)
        if exact or case_sensitive:
            return exact
    wanted = value if case_sensitive else value.casefold()

    def text(record: Record) -> str:
        found = str(record.values.get(field, ""))
        return found if case_sensitive else found.casefold()

    return [record for record in _pool(resource, within) if text(record) == wanted]


def _by_text(query: dict[str, str], pool: Iterable[Record]) -> list[Record]:
    """Case-sensitive, prefix only, over email and last name unless `filterType` names a field."""
    wanted_type = query.get("filterType", "")
    if wanted_type in ("firstName", "lastName", "email"):
        names: tuple[str, ...] = (wanted_type,)
    elif wanted_type:
        names = (f"cus{wanted_type[:1].upper()}{wanted_type[1:]}",)
    else:
        names = ("email", "lastName")
    parameter = names[0] if names[0].startswith("cus") else "text"
    prefix = query.get(parameter, "")
    return [found for found in pool if any(str(found.values.get(name, "")).startswith(prefix) for name in names)]


def _compare(field: str, operator: str, value: str, resource: Resource, pool: Iterable[Record]) -> list[Record]:
    definition = resource.definition
    kind = definition.fields[field].type if field in definition.fields else "string"
    wanted: str | float = value
    if kind == "datetime":
        wanted = normal_stamp(value)
        if field == "lastModified" and operator == "greaterOrEqual" and not isinstance(pool, list):
            # Asked for every second, by which time a walk through a hundred thousand records takes too long.
            return resource.changed_since(str(wanted))
    elif kind in NUMBERS:
        wanted = float(value)

    def passes(record: Record) -> bool:
        found = record.values.get(field, definition.blanks.get(field))
        if found in ("", None):
            return False
        if operator == "startsWith":
            return str(found).startswith(str(wanted))
        if operator == "greater":
            return bool(found > wanted)
        if operator == "greaterOrEqual":
            return bool(found >= wanted)
        if operator == "less":
            return bool(found < wanted)
        raise CampaignError(500, f"{GENERIC} XTK-170006 Unable to parse expression '{operator}'.")

    return [record for record in pool if passes(record)]
