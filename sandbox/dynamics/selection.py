"""`$select`, `$orderby` and `$expand`, checked against a table, and the schema that `$filter` is checked against."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from sandbox.dynamics.annotations import Wanted, lookup_target, render
from sandbox.dynamics.columns import LOOKUP_KINDS, Column
from sandbox.dynamics.comparing import Operand, comparable
from sandbox.dynamics.computed import CURRENCY_ID
from sandbox.dynamics.errors import bad_query, unknown_property
from sandbox.dynamics.filters import Predicate, parse_filter
from sandbox.dynamics.organization import Organization
from sandbox.dynamics.tables import Row, Table


class Selection(NamedTuple):
    """`names` as asked (empty: everything), `wires` as served: with the primary key, and the currency of money."""

    names: tuple[str, ...]
    wires: tuple[str, ...]


def parse_select(table: Table, text: str | None) -> Selection:
    if not text or not text.strip() or text.strip() == "*":
        return Selection((), table.all_wire)
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        if name not in table.by_wire:
            raise unknown_property(name, table.name)
    wires = dict.fromkeys(names)
    if any(table.by_wire[name].kind == "Money" for name in names):
        wires["_transactioncurrencyid_value"] = None
    wires[table.primary_id] = None
    return Selection(names, tuple(wires))


def parse_orderby(table: Table, text: str | None) -> tuple[tuple[str, bool], ...]:
    """((wire name, descending), ...)."""
    order = []
    for part in (text or "").split(","):
        words = part.split()
        if not words:
            continue
        if len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
            raise bad_query(f"Syntax error at position {len(part)} in '{text}'.")
        if words[0] not in table.by_wire:
            raise unknown_property(words[0], table.name)
        order.append((words[0], words[1:] == ["desc"]))
    return tuple(order)


def order_key(organization: Organization, table: Table, wire: str, row: Row) -> tuple[bool, Any]:
    """Nulls first; a lookup sorts by the name of its target."""
    value = row.values.get(wire)
    if value is None:
        return (False, 0)
    column = table.by_wire[wire]
    if column.kind in LOOKUP_KINDS:
        return (True, (organization.name_of(lookup_target(column, row), str(value)) or "").casefold())
    return (True, comparable(value, column.kind))


def sort_rows(organization: Organization, table: Table, rows: list[Row], order: tuple[tuple[str, bool], ...]) -> None:
    """Sort in place; rows that are equal in all columns keep their order."""
    for wire, descending in reversed(order):

        def key(row: Row, wire: str = wire) -> tuple[bool, Any]:
            return order_key(organization, table, wire, row)

        rows.sort(key=key, reverse=descending)


class RowSchema:
    """What a row filter may name: columns, columns behind a lookup, children behind a collection."""

    def __init__(self, organization: Organization, table: Table) -> None:
        self.organization = organization
        self.table = table

    def operand(self, path: str) -> Operand:
        head, _, rest = path.partition("/")
        if not rest:
            column = self.table.by_wire.get(head)
            if column is None:
                raise unknown_property(head, self.table.name)
            return Operand(lambda row: row.values.get(head), column.kind)
        if head not in self.table.navigations:
            raise unknown_property(head, self.table.name)
        follow = follower(self.organization, self.table, head)
        _, target = self.table.navigations[head]
        if target not in self.organization.by_name:
            raise bad_query(f"The table '{target}' is not played by this sandbox.")
        inner = RowSchema(self.organization, self.organization.by_name[target]).operand(rest)

        def get(row: Row) -> Any:
            found = follow(row)
            return None if found is None else inner.get(found)

        return Operand(get, inner.kind)

    def members(self, path: str) -> tuple[Callable[[Any], list[Any]], "RowSchema"]:
        found = self.organization.collections.get((self.table.name, path))
        if found is None:
            raise unknown_property(path, self.table.name)
        child, column = found
        return (lambda row: children(child, column, row.id)), RowSchema(self.organization, child)

    def named(self, name: str) -> Operand:
        """A column as `PropertyName` names it: a lookup by its logical name too."""
        column = self.table.by_name.get(name)
        return self.operand(name if column is None else column.wire)

    def allows_functions(self) -> bool:
        return True

    def now(self) -> float:
        return self.organization.clock.now()


def children(child: Table, column: Column, parent_id: str) -> list[Row]:
    """The rows of `child` whose lookup `column` leads to the parent."""
    if column.on_delete:
        return [child.rows[row_id] for row_id in child.pointing(column.wire, parent_id)]
    return [row for row in child.rows.values() if row.values.get(column.wire) == parent_id]


def follower(organization: Organization, table: Table, navigation: str) -> Callable[[Row], Row | None]:
    column, target = table.navigations[navigation]
    rows = organization.by_name[target].rows if target in organization.by_name else None

    def follow(row: Row) -> Row | None:
        value = row.values.get(column.wire)
        if rows is None or value is None or lookup_target(column, row) != target:
            return None
        return rows.get(str(value))

    return follow


def row_filter(organization: Organization, table: Table, query: dict[str, str]) -> Predicate | None:
    text = query.get("$filter")
    return None if text is None else parse_filter(text, RowSchema(organization, table), query)


class Expansion(NamedTuple):
    navigation: str
    options: dict[str, str]
    reference_only: bool


def parse_expand(text: str | None) -> list[Expansion]:
    found = []
    for part in _split(text or "", ","):
        name, _, rest = part.partition("(")
        options: dict[str, str] = {}
        for option in _split(rest[:-1] if rest.endswith(")") else rest, ";"):
            key, _, value = option.partition("=")
            if key not in ("$select", "$filter", "$orderby", "$top", "$expand"):
                raise bad_query(f"The query option {key} is not supported inside $expand.")
            options[key] = value
        name = name.strip()
        found.append(Expansion(name.removesuffix("/$ref"), options, name.endswith("/$ref")))
    if len(found) > 15:
        raise bad_query("The maximum of 15 $expand options in one query is exceeded.")
    return found


def expand_into(
    organization: Organization,
    table: Table,
    row: Row,
    shown: dict[str, object],
    expansions: list[Expansion],
    wanted: Wanted,
) -> None:
    """Add the expanded rows to the row's JSON object."""
    for expansion in expansions:
        collection = organization.collections.get((table.name, expansion.navigation))
        if collection is not None:
            if expansion.reference_only:
                raise bad_query("Expand with $ref is only supported on lookup type navigation property.")
            shown[expansion.navigation] = _expanded_children(organization, *collection, row, expansion, wanted)
            continue
        if expansion.navigation not in table.navigations:
            raise unknown_property(expansion.navigation, table.name)
        if {"$top", "$orderby"} & expansion.options.keys():
            raise bad_query(
                "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship or "
                "nested one-to-many relationship."
            )
        column, target = table.navigations[expansion.navigation]
        found = follower(organization, table, expansion.navigation)(row)
        if found is not None:
            shown[expansion.navigation] = _expanded(
                organization, organization.by_name[target], found, expansion, wanted
            )
        elif target == "systemuser" and row.values.get(column.wire) is not None:
            shown[expansion.navigation] = _system_user(organization, str(row.values[column.wire]))
        elif target == "transactioncurrency" and row.values.get(column.wire) == CURRENCY_ID:
            shown[expansion.navigation] = {"currencyname": "US Dollar", "transactioncurrencyid": CURRENCY_ID}
        else:
            shown[expansion.navigation] = None


def _system_user(organization: Organization, user_id: str) -> dict[str, object]:
    return {
        "fullname": organization.name_of("systemuser", user_id),
        "systemuserid": user_id,
        "ownerid": user_id,
    }


def _expanded(
    organization: Organization, table: Table, row: Row, expansion: Expansion, wanted: Wanted
) -> dict[str, object]:
    selection = parse_select(table, expansion.options.get("$select"))
    shown = render(table, row, selection.wires, wanted, organization.name_of)
    expand_into(organization, table, row, shown, parse_expand(expansion.options.get("$expand")), wanted)
    return shown


def _expanded_children(
    organization: Organization, table: Table, column: Column, row: Row, expansion: Expansion, wanted: Wanted
) -> list[dict[str, object]]:
    found = children(table, column, row.id)
    predicate = row_filter(organization, table, expansion.options)
    if predicate is not None:
        found = [item for item in found if predicate(item)]
    sort_rows(organization, table, found, parse_orderby(table, expansion.options.get("$orderby")))
    top = expansion.options.get("$top")
    if top is not None and top.isdigit():
        found = found[: int(top)]
    return [_expanded(organization, table, item, expansion, wanted) for item in found]


def _split(text: str, mark: str) -> list[str]:
    """Split at `mark` outside parentheses and quotes."""
    parts = re.findall(rf"(?:[^{mark}()']|'[^']*'|\((?:[^()']|'[^']*'|\((?:[^()']|'[^']*'|\([^()]*\))*\))*\))+", text)
    return [part.strip() for part in parts if part.strip()]
