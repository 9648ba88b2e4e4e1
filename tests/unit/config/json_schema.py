"""As much of JSON Schema draft 2020-12 as the published schema uses: enough to ask whether it takes a value."""

import re
from collections.abc import Callable
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}

#: What says nothing about a value.
_REMARKS = {"$defs", "$schema", "title", "description", "default", "then"}


def takes(schema: dict[str, Any], value: Any, root: dict[str, Any] | None = None) -> bool:
    """Whether the value is valid. Raises KeyError for a keyword that is not known here."""
    root = schema if root is None else root
    return all(_holds(word, schema, value, root) for word in schema if word not in _REMARKS)


def _holds(word: str, schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    said = schema[word]

    def good(part: dict[str, Any], item: Any = value) -> bool:
        return takes(part, item, root)

    checks: dict[str, Callable[[], bool]] = {
        "$ref": lambda: good(root["$defs"][said.removeprefix("#/$defs/")]),
        "type": lambda: any(_is(name, value) for name in ([said] if isinstance(said, str) else said)),
        "enum": lambda: value in said,
        "const": lambda: value == said,
        "pattern": lambda: not isinstance(value, str) or re.search(said, value) is not None,
        "minLength": lambda: not isinstance(value, str) or len(value) >= said,
        "minimum": lambda: not _is("number", value) or value >= said,
        "maximum": lambda: not _is("number", value) or value <= said,
        "exclusiveMinimum": lambda: not _is("number", value) or value > said,
        "minItems": lambda: not isinstance(value, list) or len(value) >= said,
        "maxItems": lambda: not isinstance(value, list) or len(value) <= said,
        "items": lambda: not isinstance(value, list) or all(good(said, item) for item in value),
        "required": lambda: not isinstance(value, dict) or value.keys() >= set(said),
        "properties": lambda: (
            not isinstance(value, dict) or all(good(said[key], value[key]) for key in said.keys() & value.keys())
        ),
        "propertyNames": lambda: not isinstance(value, dict) or all(good(said, key) for key in value),
        "additionalProperties": lambda: not isinstance(value, dict) or _others(schema, value, good),
        "anyOf": lambda: any(good(part) for part in said),
        "allOf": lambda: all(good(part) for part in said),
        "oneOf": lambda: sum(good(part) for part in said) == 1,
        "if": lambda: not good(said) or good(schema["then"]),
    }
    return checks[word]()


def _is(name: str, value: Any) -> bool:
    flag = isinstance(value, bool)
    return isinstance(value, _TYPES[name]) and (flag == (name == "boolean"))


def _others(schema: dict[str, Any], value: dict[str, Any], good: Any) -> bool:
    others = value.keys() - schema.get("properties", {}).keys()
    said = schema["additionalProperties"]
    return not others if said is False else all(good(said, value[key]) for key in others)
