"""Values as `$filter` and `$orderby` compare them: literals read, kinds held against each other."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sandbox.dynamics.errors import bad_query

Getter = Callable[[Any], Any]

NUMBERS = frozenset({"Integer", "BigInt", "Decimal", "Double", "Money", "Picklist", "State", "Status"})
TEXTS = frozenset({"String", "Memo", "MultiSelect"})
DATES = frozenset({"DateTime", "DateOnly"})


class Operand(NamedTuple):
    """A column or a literal: how to get its value, and its kind (a column kind, or `null`/`any`)."""

    get: Getter
    kind: str
    is_literal: bool = False


def comparable(value: Any, kind: str) -> Any:
    """A value in the form in which two of its kind compare: text without case, dates as moments."""
    if value is None:
        return None
    if kind in TEXTS or kind in ("Uniqueidentifier", "Lookup", "Customer", "Owner", "enum"):
        return str(value).casefold()
    if kind in DATES:
        return moment(value)
    return value


def moment(value: Any) -> float:
    """Seconds since the epoch; a time without a zone is UTC, a day its first second."""
    text = str(value).replace("Z", "+00:00")
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise bad_query(f"Cannot convert the literal '{value}' to the expected type 'Edm.DateTimeOffset'.") from wrong
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def literal(kind: str, text: str) -> Any:
    """The value of a token of a filter."""
    if kind == "string":
        return text[1:-1].replace("''", "'")
    if kind == "json":
        return text[1:-1].replace('\\"', '"')
    if kind == "enum":
        return text[text.index("'") + 1 : -1]
    if kind == "number":
        return float(text) if "." in text else int(text)
    if text in ("true", "false"):
        return text == "true"
    return text


def typed(value: Any, kind: str) -> Any:
    """A value of `PropertyValues`, a text whatever the column's kind, in the form in which it compares."""
    if kind in NUMBERS:
        try:
            return float(value)
        except ValueError as wrong:
            raise bad_query(f"Cannot convert the literal '{value}' to the expected type 'Edm.Int32'.") from wrong
    if kind == "Boolean":
        return str(value).casefold() in ("true", "1")
    return comparable(value, kind)


def check_types(left: Operand, right: Operand, operator: str) -> None:
    """DataverseError where a column and a literal cannot be compared."""
    if left.is_literal == right.is_literal or "null" in (left.kind, right.kind):
        return
    column, constant = (right, left) if left.is_literal else (left, right)
    groups = {
        **dict.fromkeys(NUMBERS, "Edm.Int32"),
        **dict.fromkeys(TEXTS, "Edm.String"),
        "Boolean": "Edm.Boolean",
    }
    groups |= dict.fromkeys(DATES, "Edm.DateTimeOffset")
    wanted, given = groups.get(column.kind), groups.get(constant.kind)
    if wanted is None or given is None or wanted == given:
        return
    kind = {"eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "ge": "GreaterThanOrEqual"}.get(operator, "LessThan")
    raise bad_query(
        "A binary operator with incompatible types was detected. Found operand types "
        f"'{wanted}' and '{given}' for operator kind '{kind}'."
    )
