"""Made-up mappings with every feature, for properties that must hold for all of them."""

from typing import Any

from hypothesis import strategies as st

from config.comparisons import LISTS, RULES, Shape
from config.ingress import CampaignKey, Condition, FieldMapping, Filter, IngressConfig, LinkMapping, TableMapping

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
_NOT_EMPTY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
_NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
_DAYS = st.dates().map(str) | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
_VALUES = _NOT_EMPTY | _NUMBERS | st.booleans() | st.sampled_from(["no", "010", "1:30", "null", "~", "true", "<<", "="])

_SHAPES: dict[Shape, st.SearchStrategy[Any]] = {
    Shape.NONE: st.none(),
    Shape.ONE: _VALUES,
    Shape.NUMBER: _NUMBERS,
    Shape.TEXT: _NOT_EMPTY,
    Shape.DAY: _DAYS,
    Shape.TWO: st.tuples(_NUMBERS, _NUMBERS) | st.tuples(_DAYS, _DAYS),
    Shape.SEVERAL: st.lists(_VALUES, min_size=1, max_size=3),
    Shape.CHOICES: st.lists(st.integers(-5, 5), min_size=1, max_size=3),
}
assert {Shape.TWO, Shape.SEVERAL, Shape.CHOICES} == LISTS

LOGICAL_NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
_KEYS = st.builds(CampaignKey, field=NAMES, filter=NAMES, parameter=NAMES)
_OVERRULED = st.none() | st.booleans()


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    comparison = draw(st.sampled_from(list(RULES)))
    value = draw(_SHAPES[RULES[comparison].shape])
    return Condition(field=draw(LOGICAL_NAMES), comparison=comparison, value=value)


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    found = tuple(draw(st.lists(conditions(), min_size=1, max_size=3)))
    return draw(st.sampled_from([Filter(all=found), Filter(any=found)]))


@st.composite
def _fields(draw: st.DrawFn, target: str) -> FieldMapping:
    return FieldMapping(
        source=draw(LOGICAL_NAMES),
        target=target,
        apply_updates=draw(_OVERRULED),
        technical_value=draw(_OVERRULED),
        replace=draw(st.dictionaries(_TEXTS | st.integers().map(str), _VALUES | st.just(""), max_size=3)),
    )


@st.composite
def _tables(draw: st.DrawFn, table: str, parents: list[str]) -> TableMapping:
    """A mapping whose links lead to the parents, or to the table itself."""
    key = draw(_KEYS)
    targets = draw(st.lists(NAMES.filter(lambda name: name != key.field), unique=True, max_size=6))
    links = []
    for target in targets[3:]:
        parent = draw(st.sampled_from([table, *parents]))
        required = parent != table and draw(st.booleans())
        links.append(LinkMapping(source=draw(LOGICAL_NAMES), target=target, table=parent, required=required))
    return TableMapping(
        table=table,
        resource=draw(NAMES),
        key=key,
        apply_updates=draw(st.booleans()),
        technical_values=draw(st.booleans()),
        apply_deletes=draw(st.booleans()),
        delete_filtered_out=draw(st.booleans()),
        filter=draw(st.none() | filters()),
        links=tuple(links),
        fields=tuple(draw(_fields(target)) for target in targets[:3]),
    )


@st.composite
def ingress_configs(draw: st.DrawFn) -> IngressConfig:
    names = draw(st.lists(LOGICAL_NAMES, max_size=3, unique=True))
    tables = [draw(_tables(name, names[:number])) for number, name in enumerate(names)]
    limit = draw(st.integers(1, 10**6) | st.floats(0.001, 1e6))
    return IngressConfig(park_limit_seconds=limit, tables=tuple(draw(st.permutations(tables))))
