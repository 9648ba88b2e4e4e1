"""Bodies of writes: JSON checked against the columns, binds resolved, ready to be merged into a row."""

import math
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import orjson

from sandbox.dynamics.columns import CHOICE_KINDS, EDM, LOOKUP_KINDS, Column
from sandbox.dynamics.errors import DataverseError, bad_payload, bad_query, missing_row
from sandbox.dynamics.organization import Organization
from sandbox.dynamics.tables import PARTIES, Table

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REFERENCE = re.compile(r"(?:.*/)?(\w+)\(([^()]*)\)$")


def read_json(set_name: str, body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as wrong:
        raise bad_payload(set_name, f"Invalid JSON. {wrong}") from wrong
    if not isinstance(given, dict):
        raise bad_payload(
            set_name,
            "An unexpected node type was found when reading from the JSON reader. A 'StartObject' node was expected.",
        )
    return given


def checked_values(
    organization: Organization, table: Table, given: dict[str, Any], creating: bool
) -> dict[str, object]:
    """Wire values to merge (None clears); read-only columns are passed over. DataverseError for what is refused."""
    values: dict[str, object] = {}
    for name, value in given.items():
        if name.endswith("@odata.bind"):
            _bind(organization, table, name.removesuffix("@odata.bind"), value, values)
        elif "@" in name:
            continue
        elif name in table.by_name and table.by_name[name].kind not in LOOKUP_KINDS:
            column = table.by_name[name]
            skipped = column.read_only or (column.create_only and not creating) or (column.update_only and creating)
            if name == table.primary_id:
                values[name] = guid(value, table.set_name)
            elif not skipped:
                values[name] = _checked(organization, table, column, value)
        elif table.activity and name == f"{table.name}_activity_parties":
            values[PARTIES] = orjson.dumps(checked_parties(organization, table, value)).decode()
        elif name in table.navigations and value is None:
            column, _ = table.navigations[name]
            values |= {column.wire: None, f"{column.wire}@table": None}
        elif name in table.by_wire:
            raise bad_query(
                f"The property '{name}' is read-only; set it through its navigation property and @odata.bind."
            )
        else:
            raise bad_payload(
                table.set_name,
                f"The property '{name}' does not exist on type 'Microsoft.Dynamics.CRM.{table.name}'. Make sure to "
                "only use property names that are defined by the type.",
            )
    _settle_state(organization, table, values, creating)
    return values


#: Whom a party may lead to, and the masks that say in which role (learn.microsoft.com, activityparty table).
_PARTY_TABLES = ("contact", "account", "systemuser")
_ROLES = range(1, 13)


def checked_parties(organization: Organization, table: Table, given: Any) -> list[dict[str, Any]]:
    """The parties of an activity: who they are and in which role; DataverseError for what is refused."""
    if not isinstance(given, list):
        raise bad_payload(table.set_name, "A 'StartArray' node was expected when reading the activity parties.")
    found = []
    for entry in given:
        party: dict[str, Any] = {}
        for name, value in entry.items() if isinstance(entry, dict) else ():
            target = name.removeprefix("partyid_").removesuffix("@odata.bind")
            if name == f"partyid_{target}@odata.bind" and target in _PARTY_TABLES:
                party |= {"_partyid_value": resolve_reference(organization, target, str(value)), "table": target}
            elif name in ("participationtypemask", "addressused"):
                party[name] = value
            else:
                text = f"The property '{name}' does not exist on type 'Microsoft.Dynamics.CRM.activityparty'."
                raise bad_payload(table.set_name, text)
        if party.get("participationtypemask") not in _ROLES:
            raise bad_payload(table.set_name, "A party needs a participationtypemask from 1 to 12.")
        found.append(party)
    return found


def guid(value: Any, set_name: str) -> str:
    text = str(value)
    if _GUID.fullmatch(text):
        return text
    try:
        return str(uuid.UUID(text))
    except ValueError as wrong:
        raise bad_payload(set_name, f"Cannot convert the literal '{value}' to the expected type 'Edm.Guid'.") from wrong


def _bind(organization: Organization, table: Table, navigation: str, value: Any, values: dict[str, object]) -> None:
    if navigation not in table.navigations:
        raise bad_payload(
            table.set_name,
            f"An undeclared property '{navigation}' which only has property annotations in the payload but no property "
            "value was found in the payload. In OData, only declared navigation properties and declared named streams "
            "can be represented as properties without values.",
            organization.switches.undeclared_bind_code,
        )
    column, target = table.navigations[navigation]
    if column.read_only:
        return
    if value is None:
        values |= {column.wire: None, f"{column.wire}@table": None}
        return
    values[column.wire] = resolve_reference(organization, target, str(value))
    if len(column.targets) > 1:
        values[f"{column.wire}@table"] = target


def resolve_reference(organization: Organization, target: str, reference: str) -> str:
    """The id behind `/accounts(GUID)`, `accounts(GUID)`, an absolute URL or an alternate key; it must exist."""
    match = _REFERENCE.match(reference)
    if match is None:
        raise bad_query(f"The reference '{reference}' is not a valid entity reference.")
    set_name, key = match[1], match[2]
    table = organization.tables.get(set_name)
    if table is None:
        if set_name in ("systemusers", "teams", "transactioncurrencies"):
            return guid(key, set_name)
        raise bad_query(f"Resource not found for the segment '{set_name}'.")
    if table.name != target:
        raise bad_query(f"The reference '{reference}' does not lead to the table '{target}'.")
    row_id = find_by_key(organization, table, key) if "=" in key else guid(key, set_name)
    if row_id is None or row_id not in table.rows:
        switches = organization.switches
        raise missing_row(table.name, row_id or key, switches.missing_row_text, switches.missing_reference_status)
    return row_id


def parse_key(text: str) -> dict[str, str]:
    """`accountnumber='A1',k2=2` as name -> text; quotes doubled inside."""
    found = re.findall(r"(\w+)=('(?:[^']|'')*'|[^,]*)", text)
    return {name: value[1:-1].replace("''", "'") if value.startswith("'") else value for name, value in found}


def find_by_key(organization: Organization, table: Table, text: str) -> str | None:
    """The id of the row with the alternate key or None; DataverseError if the columns are no active key."""
    key = parse_key(text)
    if not any(set(columns) == key.keys() for columns in organization.keys(table).values()):
        kind = f"Microsoft.Dynamics.CRM.{table.name}"
        raise bad_query(
            f"The key in the request URI is not valid for resource '{kind}'. Ensure that the names and number of key "
            f"properties match the declared or alternate key properties for the resource '{kind}'."
        )
    for row in table.rows.values():
        if all(str(row.values.get(name, "")).casefold() == value.casefold() for name, value in key.items()):
            return row.id
    return None


def check_unique(organization: Organization, table: Table, row_id: str, values: dict[str, object]) -> None:
    """412 when a written alternate-key value already belongs to another row."""
    for key_name, columns in organization.keys(table).items():
        for name in columns:
            wanted = values.get(name)
            if wanted is None:
                continue
            taken = any(
                row.id != row_id and str(row.values.get(name, "")).casefold() == str(wanted).casefold()
                for row in table.rows.values()
            )
            if taken:
                raise DataverseError(
                    412,
                    "0x80060892",
                    f"Entity Key {key_name} violated. A record with the same value for {name} already exists. A "
                    "duplicate record cannot be created. Select one or more unique values and try again.",
                )


def _checked(organization: Organization, table: Table, column: Column, value: Any) -> object:
    if value is None:
        return None
    kind = column.kind
    if kind in ("String", "Memo"):
        if not isinstance(value, str):
            raise _wrong_type(table, column, value)
        if column.length is not None and len(value) > column.length:
            raise DataverseError(
                400,
                "0x80044331",
                f"A validation error occurred.  The length of the '{column.name}' attribute of the '{table.name}' "
                f"entity exceeded the maximum allowed length of '{column.length}'.",
            )
        return value or None
    if kind == "MultiSelect":
        return _choices(table, column, value)
    if kind == "Boolean":
        if not isinstance(value, bool):
            raise _wrong_type(table, column, value)
        return value
    if kind in CHOICE_KINDS or kind in ("Integer", "BigInt", "Decimal", "Double", "Money"):
        return _number(organization, table, column, value)
    if kind == "DateOnly":
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise bad_payload(table.set_name, f"Cannot convert the literal '{value}' to the expected type 'Edm.Date'.")
        return _date(table, value)
    if kind == "DateTime":
        return _moment(table, value)
    return guid(value, table.set_name)


def _number(organization: Organization, table: Table, column: Column, value: Any) -> object:
    if isinstance(value, str) and organization.switches.numbers_as_strings:
        try:
            value = float(value) if "." in value else int(value)
        except ValueError as wrong:
            raise _wrong_type(table, column, value) from wrong
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong_type(table, column, value)
    whole = column.kind in CHOICE_KINDS or column.kind in ("Integer", "BigInt")
    if whole and not isinstance(value, int):
        raise _wrong_type(table, column, value)
    if column.kind in CHOICE_KINDS and value not in column.options:
        raise _no_option(table, column, value)
    if column.maximum is not None and value > column.maximum:
        raise _out_of_range("0x80044330", column, value)
    if column.minimum is not None and value < column.minimum:
        raise _out_of_range("0x8004432f", column, value)
    if whole:
        return value
    return float(value) if column.precision is None else round(float(value), column.precision)


def _choices(table: Table, column: Column, value: Any) -> str | None:
    """`"1, 9"` as `"1,9"`: each once, in order (learn.microsoft.com, multi-select choice columns)."""
    if not isinstance(value, str):
        raise _wrong_type(table, column, value)
    chosen = set()
    for text in filter(None, (part.strip() for part in value.split(","))):
        if not text.isdigit() or int(text) not in column.options:
            raise _no_option(table, column, text)
        chosen.add(int(text))
    return ",".join(map(str, sorted(chosen))) or None


def _no_option(table: Table, column: Column, value: object) -> DataverseError:
    accepted = ",".join(str(option) for option in column.options)
    return DataverseError(
        400,
        "0x8004431a",
        f"A validation error occurred. The value {value} of '{column.name}' on record of type '{table.name}' is "
        f"outside the valid range. Accepted Values: {accepted}",
    )


def _out_of_range(code: str, column: Column, value: float) -> DataverseError:
    return DataverseError(
        400,
        code,
        f"A validation error occurred.  The value of '{column.name}' is outside the valid range: {value}.",
    )


def _wrong_type(table: Table, column: Column, value: Any) -> DataverseError:
    return bad_payload(
        table.set_name,
        f"Cannot convert a value '{value}' to the expected type '{EDM[column.kind]}' of '{column.name}'.",
    )


def _date(table: Table, value: str) -> str:
    try:
        day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as wrong:
        raise bad_payload(
            table.set_name, f"Cannot convert the literal '{value}' to the expected type 'Edm.Date'."
        ) from wrong
    if day.year < 1753:
        raise DataverseError(400, "0x80044330", "DateTime is less than minumum value supported by CrmDateTime.")
    return value


def _moment(table: Table, value: Any) -> str:
    try:
        parsed = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError as wrong:
        message = f"Cannot convert the literal '{value}' to the expected type 'Edm.DateTimeOffset'."
        raise bad_payload(table.set_name, message) from wrong
    if len(value) == 20 and value[10] == "T" and value[19] == "Z":
        return str(value)
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _settle_state(organization: Organization, table: Table, values: dict[str, object], creating: bool) -> None:
    """State and status go together. A new row is active whatever was asked, but for activities, which may be created
    as done: an assumption, and a switch."""
    as_asked = table.activity and organization.switches.activity_state_on_create == "accepted"
    if creating and not as_asked:
        values.pop("statecode", None)
        values.pop("statuscode", None)
        return
    state, status = values.get("statecode"), values.get("statuscode")
    if creating and state is None and status is not None:
        state = 0
    if not isinstance(state, int):
        return
    usual = state + 1
    if status is None:
        values["statuscode"] = usual
    elif status != usual:
        name = table.by_name["statecode"].options[state]
        raise DataverseError(
            400, "0x80048408", f"{status} is not a valid status code for state code {name} on {table.name}."
        )
