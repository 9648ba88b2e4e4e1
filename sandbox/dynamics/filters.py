"""`$filter`: text in, a predicate out (learn.microsoft.com, Web API: filter rows)."""

import re
from collections.abc import Callable
from typing import Any, Protocol

from sandbox.dynamics.comparing import Getter, Operand, check_types, comparable, literal, moment, typed
from sandbox.dynamics.errors import DataverseError, bad_query

Predicate = Callable[[Any], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<enum>Microsoft\.Dynamics\.CRM\.\w+'[^']*')"
    r"|(?P<string>'(?:[^']|'')*')"
    r'|(?P<json>"(?:[^"\\]|\\.)*")'
    r"|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"|(?P<date>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?)"
    r"|(?P<number>-?\d+(?:\.\d+)?(?![\w-]))"
    r"|(?P<name>[A-Za-z_@$][\w./@$]*)"
    r"|(?P<mark>[(),:=\[\]]))"
)

_COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_UNITS = {"Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800, "Months": 2629800, "Years": 31557600}


class Schema(Protocol):
    """What a filter is checked against."""

    def operand(self, path: str) -> Operand:
        """The column behind a path such as `lastname` or `parentcustomerid_account/name`; DataverseError if unknown."""

    def named(self, name: str) -> Operand:
        """The column of a `PropertyName`, where a lookup may stand by its logical name."""

    def members(self, path: str) -> tuple[Callable[[Any], list[Any]], "Schema"]:
        """The child rows behind a collection navigation, and their schema."""

    def allows_functions(self) -> bool: ...

    def now(self) -> float: ...


class OneOf:
    """`Microsoft.Dynamics.CRM.In`, or `eq` with one value: `values` in the form in which two of the kind compare."""

    def __init__(self, path: str, values: frozenset[Any], value: Getter) -> None:
        self.path = path
        self.values = values
        self._value = value

    def __call__(self, row: Any) -> bool:
        return self._value(row) in self.values


class Both:
    """`and`."""

    def __init__(self, left: Predicate, right: Predicate) -> None:
        self.left = left
        self.right = right

    def __call__(self, row: Any) -> bool:
        return self.left(row) and self.right(row)


def narrowed(predicate: Predicate | None) -> list[OneOf]:
    """The sets of values to which the predicate as a whole confines a column."""
    if isinstance(predicate, Both):
        return narrowed(predicate.left) + narrowed(predicate.right)
    return [predicate] if isinstance(predicate, OneOf) else []


def parse_filter(text: str, schema: Schema, parameters: dict[str, str]) -> Predicate:
    """The predicate of a `$filter` text; `parameters` holds aliases (`@p1`). DataverseError when it is wrong."""
    parser = _Parser(text, schema, parameters)
    predicate = parser.expression()
    parser.expect_end()
    return predicate


class _Parser:
    def __init__(self, text: str, schema: Schema, parameters: dict[str, str], variables: tuple[str, ...] = ()) -> None:
        self.text = text
        self.schema = schema
        self.parameters = parameters
        self.tokens = _tokens(text)
        self.position = 0
        self.variables = variables

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self, expected: str | None = None) -> tuple[str, str]:
        token = self.peek()
        if token[0] == "end" or (expected is not None and token[1] != expected):
            raise bad_query(f"Syntax error at position {self.position} in '{self.text}'.")
        self.position += 1
        return token

    def expect_end(self) -> None:
        if self.peek()[0] != "end":
            raise bad_query(f"Syntax error at position {self.position} in '{self.text}'.")

    def expression(self) -> Predicate:
        left = self.conjunction()
        while self.peek() == ("name", "or"):
            self.take()
            left = _either(left, self.conjunction())
        return left

    def conjunction(self) -> Predicate:
        left = self.term()
        while self.peek() == ("name", "and"):
            self.take()
            left = Both(left, self.term())
        return left

    def term(self) -> Predicate:
        kind, text = self.peek()
        if (kind, text) == ("name", "not"):
            self.take()
            inner = self.term()
            return lambda row: not inner(row)
        if text == "(" and kind == "mark":
            self.take()
            inner = self.expression()
            self.take(")")
            return inner
        if kind == "name" and self.position + 1 < len(self.tokens) and self.tokens[self.position + 1][1] == "(":
            return self.call()
        return self.comparison()

    def call(self) -> Predicate:
        name = self.take()[1]
        if not self.schema.allows_functions():
            raise DataverseError(501, "0x8006088a", f'The "{name}" function isn\'t supported for Metadata Entities')
        if name in ("contains", "startswith", "endswith"):
            return self.text_function(name)
        if name.endswith(("/any", "/all")):
            return self.lambda_function(name)
        if name.startswith("Microsoft.Dynamics.CRM."):
            return self.named_function(name.removeprefix("Microsoft.Dynamics.CRM."))
        raise bad_query(f"An unknown function with name '{name}' was found.")

    def text_function(self, name: str) -> Predicate:
        self.take("(")
        column = self.operand()
        self.take(",")
        pattern = str(self.operand().get(None) or "")
        self.take(")")
        body = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
        before = ".*" if name in ("contains", "endswith") else ""
        after = ".*" if name in ("contains", "startswith") else ""
        matches = re.compile(before + body + after, re.IGNORECASE | re.DOTALL).fullmatch
        return lambda row: (value := column.get(row)) is not None and matches(str(value)) is not None

    def lambda_function(self, name: str) -> Predicate:
        path, _, quantifier = name.rpartition("/")
        children, schema = self.schema.members(path)
        self.take("(")
        if self.peek()[1] == ")":
            self.take()
            return lambda row: bool(children(row))
        variable = self.take()[1]
        self.take(":")
        inner = _Parser(self.text, schema, self.parameters, (*self.variables, variable))
        inner.tokens, inner.position = self.tokens, self.position
        predicate = inner.expression()
        self.position = inner.position
        self.take(")")
        if quantifier == "any":
            return lambda row: any(predicate(child) for child in children(row))
        return lambda row: all(predicate(child) for child in children(row))

    def named_function(self, name: str) -> Predicate:
        arguments = self.named_arguments()
        path = str(arguments.get("PropertyName", ""))
        column = self.schema.named(path)
        single = arguments.get("PropertyValue")
        given = arguments.get("PropertyValues", [])
        if name in ("ContainValues", "DoesNotContainValues"):
            return _choices(column, given, name == "ContainValues")
        values = [typed(value, column.kind) for value in given]

        def value(row: Any) -> Any:
            return comparable(column.get(row), column.kind)

        if name == "In":
            return OneOf(path, frozenset(values), value)
        if name == "NotIn":
            return lambda row: value(row) not in values
        if name in ("Between", "NotBetween"):
            return _between(value, values, name == "Between")
        now = self.schema.now()
        if name in ("On", "NotOn", "OnOrAfter", "OnOrBefore"):
            start = moment(str(single)[:10])
            return _day_function(name, value, start)
        relative = re.fullmatch(r"(Last|Next|OlderThan)X(Minutes|Hours|Days|Weeks|Months|Years)", name)
        if relative is None or single is None:
            raise bad_query(f"The function Microsoft.Dynamics.CRM.{name} is not played by this sandbox.")
        span = float(str(single)) * _UNITS[relative[2]]
        if relative[1] == "Last":
            return lambda row: (found := value(row)) is not None and now - span <= found <= now
        if relative[1] == "Next":
            return lambda row: (found := value(row)) is not None and now <= found <= now + span
        return lambda row: (found := value(row)) is not None and found < now - span

    def named_arguments(self) -> dict[str, Any]:
        self.take("(")
        arguments: dict[str, Any] = {}
        while self.peek()[1] != ")":
            name = self.take()[1]
            self.take("=")
            if self.peek()[1] == "[":
                self.take()
                values = []
                while self.peek()[1] != "]":
                    kind, text = self.take()
                    if text != ",":
                        values.append(literal(kind, text))
                self.take("]")
                arguments[name] = values
            else:
                kind, text = self.take()
                arguments[name] = literal(kind, text)
            if self.peek()[1] == ",":
                self.take()
        self.take(")")
        return arguments

    def comparison(self) -> Predicate:
        path = self.peek()[1]
        left = self.operand()
        operator = self.take()[1]
        if operator not in _COMPARISONS:
            raise bad_query(f"Syntax error at position {self.position} in '{self.text}'.")
        right = self.operand()
        kind = right.kind if left.is_literal else left.kind
        check_types(left, right, operator)

        def sides(row: Any) -> tuple[Any, Any]:
            return comparable(left.get(row), kind), comparable(right.get(row), kind)

        if right.is_literal and operator in ("eq", "ne"):
            wanted = comparable(right.get(None), kind)
            if operator == "eq":
                return OneOf(path, frozenset({wanted}), lambda row: comparable(left.get(row), kind))
            return lambda row: comparable(left.get(row), kind) != wanted
        return _comparison(operator, sides)

    def operand(self) -> Operand:
        kind, text = self.take()
        if kind == "name":
            if text in ("true", "false"):
                is_true = text == "true"
                return Operand(lambda _row: is_true, "Boolean", True)
            if text == "null":
                return Operand(lambda _row: None, "null", True)
            if text.startswith("@"):
                alias = self.parameters.get(text)
                if alias is None:
                    return Operand(lambda _row: None, "null", True)
                return _Parser(alias, self.schema, {}).operand()
            head, _, rest = text.partition("/")
            if head in self.variables and rest:
                text = rest
            if self.peek()[0] == "string" and self.tokens[self.position][1]:
                raise bad_query(f"Unrecognized 'Edm.String' literal '{text}{self.peek()[1]}' in '{self.text}'.")
            return self.schema.operand(text)
        value = literal(kind, text)
        literal_kind = {
            "string": "String",
            "enum": "enum",
            "guid": "Uniqueidentifier",
            "date": "DateTime",
            "number": "Decimal",
            "json": "String",
        }.get(kind)
        if literal_kind is None:
            raise bad_query(f"Syntax error at position {self.position} in '{self.text}'.")
        return Operand(lambda _row: value, literal_kind, True)


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            if "'" in text[position:]:
                raise bad_query(f"There is an unterminated literal at position {end} in '{text}'.")
            raise bad_query(
                f"Syntax error: character '{text[position]}' is not valid at position {position} in '{text}'."
            )
        found.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return found


def _comparison(operator: str, sides: Callable[[Any], tuple[Any, Any]]) -> Predicate:
    def test(row: Any) -> bool:
        left, right = sides(row)
        if operator == "eq":
            return bool(left == right)
        if operator == "ne":
            return bool(left != right)
        if left is None or right is None:
            return False
        if operator == "gt":
            return bool(left > right)
        if operator == "ge":
            return bool(left >= right)
        return bool(left < right) if operator == "lt" else bool(left <= right)

    return test


def _day_function(name: str, value: Getter, start: float) -> Predicate:
    def test(row: Any) -> bool:
        found = value(row)
        if found is None:
            return name == "NotOn"
        if name == "OnOrAfter":
            return bool(found >= start)
        if name == "OnOrBefore":
            return bool(found < start + 86_400)
        return bool(start <= found < start + 86_400) is (name == "On")

    return test


def _between(value: Getter, bounds: list[Any], inside: bool) -> Predicate:
    low, high = bounds
    return lambda row: ((found := value(row)) is not None and low <= found <= high) is inside


def _choices(column: Operand, given: list[Any], contained: bool) -> Predicate:
    """`ContainValues`: any of the values is among the chosen ones; a row without any choice contains none."""
    if column.kind != "MultiSelect":
        raise bad_query("The functions ContainValues and DoesNotContainValues work on multi-select choices only.")
    wanted = {str(value) for value in given}
    return lambda row: (not wanted.isdisjoint(str(column.get(row) or "").split(","))) is contained


def _either(left: Predicate, right: Predicate) -> Predicate:
    return lambda row: left(row) or right(row)
