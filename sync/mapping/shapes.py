"""What one column of Dynamics gives and what one field of Campaign takes, as far as a mapping needs to know."""

from collections.abc import Mapping
from typing import NamedTuple


class ColumnShape(NamedTuple):
    """What a Dynamics column gives."""

    type: str
    """As Dynamics names it without "Type": String, Picklist, Lookup, ...; a DateTime of dates only is DateOnly."""
    length: int | None = None
    """Characters that a text may have; None: not told."""
    options: Mapping[int, str] = {}
    """Number -> display label of a choice; empty where there is none."""
    targets: tuple[str, ...] = ()
    """Tables that a lookup may point to, by logical name."""


class FieldShape(NamedTuple):
    """What a Campaign field takes."""

    type: str
    length: int | None = None
    """Characters that a text may have; None or 0 is no limit."""
    read_only: bool = False
    values: tuple[str, ...] = ()
    """Names of an enumeration; empty if unknown."""
    mandatory: bool = False
    target: str = ""
    """The resource that a link leads to."""
