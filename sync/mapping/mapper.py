"""Applies a table's mapping: the values of a Dynamics record become the body of a Campaign request."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from config.ingress import TableMapping
from sync.mapping.conversion import shape_at
from sync.mapping.forms import Unfit
from sync.mapping.rules import Rule, rule_of
from sync.schemas import TableSchema

_ABSENT = object()


class Unmappable(Exception):
    """One field of a record does not fit; the sentence names the field and the reason, never the value."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


class Mapped(NamedTuple):
    """A record as Campaign takes it: the key first, then the fields, dotted ones nested. Links are not among them."""

    whole: dict[str, object]
    """Every field: what a first load and a replay write."""
    update: dict[str, object]
    """Without the fields whose changes are not applied; the same object as `whole` where there are none."""


class _Line(NamedTuple):
    source: str
    target: str
    parents: tuple[str, ...]  #: the elements that the field is nested in
    leaf: str
    rule: Rule


class Mapper:
    """A table's mapping, made ready once per revision and schema, then applied to record after record.

    The mapping must fit the schema; `sync.fitting` judges that.
    """

    def __init__(self, mapping: TableMapping, schema: TableSchema) -> None:
        self._key = mapping.key.field
        self._primary_id = schema.primary_id
        self._updated: list[_Line] = []
        self._loaded: list[_Line] = []
        labelled: dict[str, None] = {}
        for field in mapping.fields:
            shape = shape_at(field.target, schema.fields)
            assert shape is not None  # sync.fitting would have said so
            rule = rule_of(field, mapping.technical(field), schema.columns[field.source], shape)
            *parents, leaf = field.target.split(".")
            line = _Line(field.source, field.target, tuple(parents), leaf, rule)
            (self._updated if mapping.updates(field) else self._loaded).append(line)
            if rule.label:
                labelled[field.source] = None
        sources = dict.fromkeys(field.source for field in mapping.fields)
        self._copies_id = sources.pop(schema.primary_id, self) is None
        self.columns: tuple[str, ...] = tuple(sources)
        """The columns to read, in the order of the mapping; the primary key comes with every row anyway."""
        self.labelled: tuple[str, ...] = tuple(labelled)
        """Those whose display label is to be read, too."""

    def map(self, record_id: str, values: Mapping[str, object]) -> Mapped:
        """What writes this record.

        A column that `values` lacks (it was queued before the mapping knew it) is left out; null and empty text become
        what Campaign holds where nothing is set. Raises Unmappable for the first value that does not fit, also where
        its changes are not applied.
        """
        if self._copies_id:
            values = {**values, self._primary_id: record_id}
        update: dict[str, object] = {self._key: record_id}
        _write(update, self._updated, values)
        if not self._loaded:
            return Mapped(update, update)
        whole = _copied(update)
        _write(whole, self._loaded, values)
        return Mapped(whole, update)


def _write(body: dict[str, object], lines: list[_Line], values: Mapping[str, object]) -> None:
    get = values.get
    source = target = ""
    try:
        for source, target, parents, leaf, (label, pick, convert, empty, _) in lines:  # noqa: B007  # read below
            value = get(source, _ABSENT)
            if value is _ABSENT:
                continue
            inner = body
            for parent in parents:
                inner = inner.setdefault(parent, {})  # type: ignore[assignment]  # only dicts are put there
            if value is None or value == "":
                inner[leaf] = empty
            else:
                inner[leaf] = convert(value if pick is None else pick(value, get(label)))
    except Unfit as unfit:
        raise Unmappable(target, f"{source} does not fit {target}: it {unfit}.") from None


def _copied(body: dict[str, Any]) -> dict[str, object]:
    """With its nested elements copied, too, so that what is written into one is not in the other."""
    return {name: _copied(value) if isinstance(value, dict) else value for name, value in body.items()}


def fingerprint(body: Mapping[str, object], pair: bytes = b"") -> bytes:
    """Eight bytes that are equal for equal bodies, whatever the order of their keys.

    `pair`, at most 16 bytes, stands for where the body is written: elsewhere the same body has another fingerprint.
    """
    return blake2b(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), digest_size=8, salt=pair).digest()
