"""Which column of Dynamics most likely belongs to which field of Campaign, judged by their names alone."""

import re

#: Endings that tell what a column is, not what it is about: a lookup's id, the day on which something was.
_ENDINGS = ("id", "on")


def plain(name: str) -> str:
    """A name without what only one system writes: publisher's prefix, `cus`, underscores, dots, capitals.

    new_FirstRegistration, cusFirstRegistration and firstRegistration are all "firstregistration".
    """
    own = re.sub(r"^cus(?=[A-Z])", "", name.rpartition(".")[2])
    own = re.sub(r"^[a-z][a-z0-9]{1,7}_", "", own)
    return re.sub(r"[^a-z0-9]", "", own.lower())


def stem(name: str) -> str:
    """The plain name without an ending such as "id" or "on": contactid and contact are alike, issuedon and issued."""
    found = plain(name)
    for ending in _ENDINGS:
        if found.endswith(ending) and len(found) > len(ending) + 2:
            return found.removesuffix(ending)
    return found


def likeness(column: str, field: str, label: str = "") -> int:
    """4: the same name, 3: the same but for spelling, 2: but for an ending, 1: the column's label is the field's name,
    0: not alike."""
    if column == field:
        return 4
    if plain(column) == plain(field):
        return 3
    if stem(column) == stem(field):
        return 2
    return 1 if label and plain(label) == plain(field) else 0


def likely_choices(options: dict[int, str], values: tuple[str, ...]) -> dict[str, str]:
    """Number of a choice, as text -> name of an enumeration, where label and name are alike."""
    names = {plain(value): value for value in values}
    return {str(number): names[plain(label)] for number, label in options.items() if plain(label) in names}
