"""Applies a table's mapping: the values of a Dynamics record become the body of a Campaign request."""

from collections.abc import Mapping
from hashlib import blake2b

import orjson

from config.ingress import TableMapping
from sync.conversion import Converter, FieldShape, converter, shape_at, unset
from sync.fitting import misfits
from sync.forms import Unfit

_ABSENT = object()


class Unmappable(Exception):
    """One field of a record does not fit; the sentence names the field and the reason, never the value."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


class Misfitting(ValueError):
    """The mapping does not fit the schemas at all; `sentences` say where."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


class Mapper:
    """A table's mapping, made ready once per revision and schema, then applied to record after record.

    `source_types` are the Dynamics columns with their types (String, Integer, DateOnly, ...), `target_fields` the
    Campaign fields by dotted name, `primary_id` the table's primary key column, whose value is the record's id.
    Raises Misfitting if the mapping does not fit them.
    """

    def __init__(
        self,
        mapping: TableMapping,
        source_types: Mapping[str, str],
        target_fields: Mapping[str, FieldShape],
        primary_id: str,
    ) -> None:
        if found := misfits(mapping, source_types, target_fields):
            raise Misfitting(found)
        self.columns: tuple[str, ...] = tuple(
            dict.fromkeys(rule.source for rule in mapping.fields if rule.source != primary_id)
        )
        """The columns to read, in the order of the mapping; the primary key comes with every row anyway."""
        self._key = mapping.key.field
        self._primary_id = primary_id
        self._copies_id = any(rule.source == primary_id for rule in mapping.fields)
        self._rules: list[tuple[str, str, tuple[str, ...], str, Converter, object]] = []
        for rule in mapping.fields:
            shape = shape_at(rule.target, target_fields)
            assert shape is not None  # misfits() would have said so
            *parents, leaf = rule.target.split(".")
            convert = converter(source_types[rule.source], shape)
            self._rules.append((rule.source, rule.target, tuple(parents), leaf, convert, unset(shape)))

    def map(self, record_id: str, values: Mapping[str, object]) -> dict[str, object]:
        """The body that writes this record: the key first, dotted fields nested.

        A column that `values` lacks (it was queued before the mapping knew it) is left out; null becomes what
        Campaign holds where nothing is set. Raises Unmappable for the first value that does not fit.
        """
        if self._copies_id:
            values = {**values, self._primary_id: record_id}
        body: dict[str, object] = {self._key: record_id}
        get = values.get
        source = target = ""
        try:
            for source, target, parents, leaf, convert, empty in self._rules:  # noqa: B007  # read below
                value = get(source, _ABSENT)
                if value is _ABSENT:
                    continue
                inner = body
                for parent in parents:
                    inner = inner.setdefault(parent, {})  # type: ignore[assignment]  # only dicts are put there
                inner[leaf] = empty if value is None else convert(value)
        except Unfit as unfit:
            raise Unmappable(target, f"{source} does not fit {target}: it {unfit}.") from None
        return body


def fingerprint(body: Mapping[str, object], pair: bytes = b"") -> bytes:
    """Eight bytes that are equal for equal bodies, whatever the order of their keys.

    `pair`, at most 16 bytes, stands for where the body is written: elsewhere the same body has another fingerprint.
    """
    return blake2b(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), digest_size=8, salt=pair).digest()
