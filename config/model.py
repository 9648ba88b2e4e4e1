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


Text = Annotated[str, AfterValidator(_not_blank)]
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


def list_with_relations(
    value: object,
    handler: ValidatorFunctionWrapHandler,
    mistakes: Callable[[Sequence[object]], Iterable[tuple[Place, str]]],
) -> Any:
    """Validates a list and the relations between its items, and reports the mistakes of both at once.

    `mistakes` gets the items as they were written (models or plain mappings, right or wrong) and yields
    the place of each mistake, relative to the list, with its sentence.
    """
    problems: list[InitErrorDetails] = []
    result: object = None
    try:
        result = handler(value)
    except ValidationError as invalid:
        for error in invalid.errors():
            kept = PydanticCustomError(error["type"], error["msg"], error.get("ctx"))
            problems.append(InitErrorDetails(type=kept, loc=error["loc"], input=None))
    for place, sentence in mistakes(value if isinstance(value, list | tuple) else ()):
        relation = PydanticCustomError("relation", "{sentence}", {"sentence": sentence})
        problems.append(InitErrorDetails(type=relation, loc=place, input=None))
    if problems:
        raise ValidationError.from_exception_data("list", problems, hide_input=True)
    return result


def written(item: object, *names: str) -> str | None:
    """The text that a list item holds under one of these names, whether it is a model or a plain mapping."""
    for name in names:
        found = item.get(name) if isinstance(item, dict) else getattr(item, name, None)
        if isinstance(found, str):
            return found
    return None
