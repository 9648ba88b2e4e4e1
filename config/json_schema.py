"""The JSON Schema of a configuration file, by which editors check and complete it while it is written.

It says what one value may be; how values hang together (fields written twice, circles of links) only reading says.
"""

from typing import Any

from config.comparisons import RULES, Shape
from config.document import Document

_NUMBER = {"type": "number"}
_SCALAR = {"type": ["string", "number", "boolean"]}
_MOMENT = r"^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d))?$"
_DAY = {"type": "string", "pattern": _MOMENT}

_SHAPES: dict[Shape, dict[str, Any]] = {
    Shape.ONE: _SCALAR,
    Shape.NUMBER: _NUMBER,
    Shape.TEXT: {"type": "string", "minLength": 1},
    Shape.DAY: _DAY,
    Shape.TWO: {
        "type": "array",
        "anyOf": [{"items": _NUMBER}, {"items": _DAY}],
        "minItems": 2,
        "maxItems": 2,
    },
    Shape.SEVERAL: {"type": "array", "items": _SCALAR, "minItems": 1},
    Shape.CHOICES: {"type": "array", "items": {"type": "integer"}, "minItems": 1},
}


def describe() -> dict[str, Any]:
    """The schema of a whole file, JSON Schema draft 2020-12, by the keys as they stand in YAML.

    The keys of `replace` are any: YAML's 1 and true are keys as text, as JSON knows them.
    """
    schema = Document.model_json_schema(by_alias=True)
    models = schema["$defs"]
    for model in (schema, *models.values()):
        for key in model["properties"].values():
            key.pop("title", None)  # "Api Version" says no more than api_version
    models["Condition"]["allOf"] = [_condition(shape) for shape in Shape]
    models["Filter"]["oneOf"] = [{"required": ["all"]}, {"required": ["any"]}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Configuration of d365acs",
    }


def _condition(shape: Shape) -> dict[str, Any]:
    """What `value` has to be beside the comparisons of this shape."""
    names = [name for name, rule in RULES.items() if rule.shape is shape]
    value: dict[str, Any] = {"required": ["value"], "properties": {"value": _SHAPES.get(shape)}}
    return {
        "if": {"properties": {"is": {"enum": names}}, "required": ["is"]},
        "then": {"properties": {"value": {"type": "null"}}} if shape is Shape.NONE else value,
    }
