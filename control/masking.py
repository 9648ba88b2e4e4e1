"""Values as people may see them who need not see them: what kind each is, and how long a text is."""

from collections.abc import Mapping, Sequence


def masked(value: object) -> object:
    """The same shape, with words in place of values. That there is none is no secret."""
    if value is None or value == "":
        return value
    if isinstance(value, bool):
        return "(yes or no)"
    if isinstance(value, int | float):
        return "(a number)"
    if isinstance(value, str):
        return "(1 character)" if len(value) == 1 else f"({len(value):,} characters)"
    if isinstance(value, Mapping):
        return {name: masked(part) for name, part in value.items()}
    if isinstance(value, Sequence):
        return [masked(part) for part in value]
    return "(something)"
