"""Which records of a table travel: conditions on its columns, joined by And or by Or."""

import difflib
import math
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, ValidationInfo, field_validator, model_validator

from config.comparisons import RULES, Comparison, mistake
from config.model import Model, NotEmpty, Place, part, whole, with_relations
from config.names import LogicalName


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("must be one value: text, a number, true or false")
    return whole(value)


Scalar = Annotated[str | int | float | bool, BeforeValidator(_scalar)]
"""One value of a file: text, a number, true or false; a date is text."""


class Exact(Model):
    """A model that holds values of several types: it differs from another where true stands for 1."""

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and repr(self) == repr(other)


def _comparison(name: object) -> object:
    if not isinstance(name, str):
        raise ValueError("must be the name of a comparison")
    if name not in RULES:
        near = difflib.get_close_matches(name, RULES, n=1)
        raise ValueError(f"is no comparison; did you mean {near[0]}?" if near else f"must be {_listed(tuple(RULES))}")
    return name


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


class Condition(Exact):
    """One comparison of one column with a value. The column need not be mapped."""

    field: LogicalName = Field(description="Dynamics column, by its logical name; mapped or not.")
    comparison: Annotated[Comparison, BeforeValidator(_comparison)] = Field(
        validation_alias="is",
        serialization_alias="is",
        description="How it is compared.",
    )
    value: Scalar | tuple[Scalar, ...] | None = Field(
        default=None,
        validate_default=True,
        description="What it is compared with: one value, or a list where the comparison takes several. "
        "A choice is given by its number, a date as `2025-01-31`, a moment as `2025-01-31T12:00:00Z`.",
    )

    @field_validator("value", mode="before")
    @classmethod
    def _value_suits_comparison(cls, value: object, info: ValidationInfo) -> object:
        comparison = info.data.get("comparison")
        if isinstance(value, list | tuple):
            value = tuple(map(_scalar, value))
        elif value is not None:
            value = _scalar(value)
        if comparison is not None and (reason := mistake(comparison, value)):
            raise ValueError(reason)
        return value

    @property
    def values(self) -> tuple[Any, ...]:
        """What is compared with, as a tuple whatever the comparison takes: of none, one, two or several values."""
        if self.value is None:
            return ()
        return self.value if isinstance(self.value, tuple) else (self.value,)

    @property
    def words(self) -> str:
        """statecode equals 0."""
        return f"{self.field} {self.comparison.replace('_', ' ')} {', '.join(map(str, self.values))}".rstrip()


class Filter(Model):
    """Which records travel: those for which all conditions hold (And), or any of them (Or)."""

    all: Annotated[tuple[Condition, ...], NotEmpty] | None = Field(
        default=None, description="Conditions that must hold together (And).", json_schema_extra={"minItems": 1}
    )
    any: Annotated[tuple[Condition, ...], NotEmpty] | None = Field(
        default=None, description="Conditions of which one is enough (Or).", json_schema_extra={"minItems": 1}
    )

    @model_validator(mode="wrap")
    @classmethod
    def _either_all_or_any(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _neither_nor_both)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions, at least one."""
        return self.all or self.any or ()

    @property
    def every(self) -> bool:
        """True: all conditions must hold (And). False: one is enough (Or)."""
        return self.all is not None


def _neither_nor_both(value: object) -> Iterator[tuple[Place, str]]:
    given = [name for name in ("all", "any") if part(value, name) is not None]
    mistyped = isinstance(value, dict) and value.keys() - {"all", "any"}  # said already, as an unknown key
    if len(given) == 2 or not (given or mistyped):
        yield (), "must have either all (every condition holds) or any (one is enough)"
