"""JSON values that nobody promised, and promised ones with something wrong in them."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

#: What programs stumble over: other types, other sizes, half of a letter, names that mean something elsewhere.
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 10**400, 0.0, -0.0, 1e308, 0.1, "", " ", "0", "null",
    "true", "\x00", "\ud800", "\u202e", "é" * 300, "a" * 5000, "@", "..", "/", "\\", "'", '"', "<html>", "${env:HOME}",
    "https://elsewhere.example/x", "//elsewhere.example", "2024-13-45T99:99:99Z", "9999-12-31T23:59:59Z",
    "0001-01-01 00:00:00.000Z", [], {}, [[]], [None], {"": None}, {"a": {"a": {"a": {}}}},
]  # fmt: skip

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
#: Each time a value of its own: what is drawn may be changed.
VALUES = st.one_of(st.sampled_from(ODD).map(copy.deepcopy), ANY)


def deep(levels: int) -> Any:
    """A value within so many others."""
    found: Any = "end"
    for level in range(levels):
        found = [found] if level % 2 else {"content": found}
    return found


@st.composite
def mutated(draw: st.DrawFn, valid: Any) -> Any:
    """The value with up to four changes: something replaced, left out, repeated, added, or put one level deeper."""
    found = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, 4))):
        found = _changed(draw, found)
    return found


def _changed(draw: st.DrawFn, whole: Any) -> Any:
    places = list(_places(whole))
    if not places:
        return draw(VALUES)
    holder, key = draw(st.sampled_from(places))
    what = draw(st.sampled_from(["replace", "replace", "drop", "repeat", "add", "wrap", "all"]))
    if what == "replace":
        holder[key] = draw(VALUES)
    elif what == "drop":
        del holder[key]
    elif what == "repeat" and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif what == "add" and isinstance(holder, dict):
        holder[draw(st.text(max_size=8))] = draw(VALUES)
    elif what == "wrap":
        holder[key] = draw(st.sampled_from([[holder[key]], {"value": holder[key]}, str(holder[key])]))
    elif what == "all":
        return draw(VALUES)
    return whole


def _places(value: Any) -> Any:
    """Each (mapping or list, key) within a value."""
    items = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def as_json(value: Any) -> bytes:
    """As a careless server writes it: NaN, infinite numbers and halves of letters included."""
    return json.dumps(value, default=repr).encode("utf-8", "surrogatepass")
