"""What every configuration model has in common.

A model is read like prose: a field has a description (what its JSON Schema says), an honest default,
and no behaviour beyond checking itself. A typo is an error when a file is read, and nobody changes a
configuration while it runs.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Strict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

Place = tuple[str | int, ...]
"""Where in a file something stands: the keys and list positions that lead there."""


class Model(BaseModel):
    """The base of every configuration model: unknown keys are errors, instances cannot be changed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,  # an error must not repeat a secret that was pasted in the wrong place
    )


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    if text != text.strip() or not text.isprintable():
        raise ValueError("must not begin or end with a blank, nor hold line breaks or control characters")
    return text


Text = Annotated[str, AfterValidator(_not_blank), WithJsonSchema({"type": "string", "minLength": 1})]
"""One line of text, not empty, without surrounding blanks."""


def _some(items: tuple[object, ...]) -> tuple[object, ...]:
    if not items:
        raise ValueError("must hold at least one item")
    return items


NotEmpty = AfterValidator(_some)
"""For a list that needs an item. Unlike a minimum length it does not count items that are wrong as absent."""

Whole = Annotated[int, Strict()]
"""A whole number: neither "8" in quotes nor `yes` is taken for one."""

Number = Annotated[float, Strict()]
"""A number, whole or not."""

YesNo = Annotated[bool, Strict()]
"""true or false: neither 1 nor "yes" in quotes is taken for one."""


def whole(value: object) -> object:
    """20.0 as 20, so that one number is written in one way; anything else as it is."""
    # Beyond 1e15 the digits of a float say more than it knows.
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def list_with_relations(
    value: object,
    handler: ValidatorFunctionWrapHandler,
    mistakes: Callable[[Sequence[object]], Iterable[tuple[Place, str]]],
) -> Any:
    """`with_relations` for a list: `mistakes` gets its items, and places are relative to the list."""
    return with_relations(value, handler, lambda value: mistakes(value if isinstance(value, list | tuple) else ()))


def with_relations(
    value: object,
    handler: Callable[[Any], Any],
    mistakes: Callable[[object], Iterable[tuple[Place, str]]],
) -> Any:
    """Validates a value and the relations between its parts, and reports the mistakes of both at once.

    `mistakes` gets the value as it was written (models or plain mappings and lists, right or wrong) and yields
    the place of each mistake, relative to the value, with its sentence.
    """
    problems: list[InitErrorDetails] = []
    result: object = None
    try:
        result = handler(value)
    except ValidationError as invalid:
        for error in invalid.errors():
            kept = PydanticCustomError(error["type"], error["msg"], error.get("ctx"))
            problems.append(InitErrorDetails(type=kept, loc=error["loc"], input=None))
    for place, sentence in mistakes(value):
        relation = PydanticCustomError("relation", "{sentence}", {"sentence": sentence})
        problems.append(InitErrorDetails(type=relation, loc=place, input=None))
    if problems:
        raise ValidationError.from_exception_data("relations", problems, hide_input=True)
    return result


def part(item: object, *names: str) -> object:
    """What an item holds under the first of these names that it has, whether it is a model or a plain mapping."""
    for name in names:
        found = item.get(name) if isinstance(item, dict) else getattr(item, name, None)
        if found is not None:
            return found
    return None


def parts(item: object, name: str) -> Sequence[object]:
    """The list that an item holds under this name; empty where there is none."""
    found = part(item, name)
    return found if isinstance(found, list | tuple) else ()


def written(item: object, *names: str) -> str | None:
    """The text that an item holds under one of these names."""
    found = part(item, *names)
    return found if isinstance(found, str) else None
