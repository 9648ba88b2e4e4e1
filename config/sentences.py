"""Pydantic's errors in plain words, without ever repeating the value that was refused."""

from collections.abc import Mapping
from typing import Any

from config.model import whole

_PLAIN = {
    "missing": "is missing",
    "string_type": "must be text: put it in quotes",
    "string_unicode": "must be text",
    "int_type": "must be a whole number, without quotes",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number, without quotes",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "dict_type": "must be a group of keys (lines of the form key: value)",
    "tuple_type": "must be a list (lines that begin with a dash)",
    "model_type": "must be a group of keys (lines of the form key: value)",
}

_BOUNDED = {
    "greater_than": ("must be more than {}", "gt"),
    "greater_than_equal": ("must be at least {}", "ge"),
    "less_than": ("must be less than {}", "lt"),
    "less_than_equal": ("must be at most {}", "le"),
    "literal_error": ("must be {}", "expected"),
    "string_too_short": ("must have {} characters or more", "min_length"),
    "string_too_long": ("must have {} characters or fewer", "max_length"),
}


def in_plain_words(error: Mapping[str, Any]) -> str:
    """A predicate such as "must be at least 1", for one entry of ValidationError.errors()."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _BOUNDED:
        words, name = _BOUNDED[kind]
        return words.format(whole(context[name]))
    return str(error["msg"]).removeprefix("Value error, ")
