"""What has changed in the schemas since a run began, as far as a mapping is touched by it.

A breaking difference would lose records or change what is written; while there is one, a table's writes are held. A
harmless one is worth a line in the log. What the mapping does not touch is not compared.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from config.ingress import TableMapping
from sync.fitting.judgement import uncovered
from sync.mapping import choices, filters
from sync.mapping.conversion import shape_at
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.schemas import TableSchema


class Drift(NamedTuple):
    """Differences as sentences without a full stop, each beginning with what differs: contact.emailaddress1 is gone."""

    breaking: list[str]
    harmless: list[str]


def differences(mapping: TableMapping, kept: TableSchema, live: TableSchema) -> Drift:
    """`kept` is what the run began with, `live` what both systems say now."""
    drift = Drift([], [])
    for column in _columns(mapping):
        before, now = kept.columns.get(column), live.columns.get(column)
        if before is not None:
            _compare_columns(f"{mapping.table}.{column}", before, now, _use(mapping, column, kept.fields), drift)
    for field in _fields(mapping):
        before_field, now_field = shape_at(field, kept.fields), shape_at(field, live.fields)
        if before_field is not None:
            _compare_fields(f"{mapping.resource}.{field}", before_field, now_field, drift)
    _compare_mandatory(mapping, kept, live, drift)
    return drift


def _columns(mapping: TableMapping) -> Sequence[str]:
    """The Dynamics columns that a mapping touches."""
    mapped = [field.source for field in mapping.fields]
    linked = [link.source for link in mapping.links]
    return tuple(dict.fromkeys([*linked, *mapped, *filters.columns(mapping.filter)]))


def _fields(mapping: TableMapping) -> Sequence[str]:
    """The Campaign fields that a mapping touches."""
    return (mapping.key.field, *(link.target for link in mapping.links), *(field.target for field in mapping.fields))


class _Use(NamedTuple):
    """What a mapping does with one column."""

    tables: tuple[str, ...]
    """Where its links lead."""
    labels: bool
    """Whether its display labels travel."""
    names: frozenset[str]
    """The labels that replacements wait for."""
    strict: bool
    """Whether its labels travel to a field that takes certain names only."""


def _use(mapping: TableMapping, column: str, fields: Mapping[str, FieldShape]) -> _Use:
    by_label = [field for field in mapping.fields if field.source == column and not mapping.technical(field)]
    shapes = [shape_at(field.target, fields) for field in by_label]
    return _Use(
        tables=tuple(link.table for link in mapping.links if link.source == column),
        labels=bool(by_label),
        names=frozenset(existing for field in by_label for existing in field.replace),
        strict=any(shape is not None and shape.values for shape in shapes),
    )


def _compare_columns(name: str, before: ColumnShape, now: ColumnShape | None, use: _Use, drift: Drift) -> None:
    if now is None:
        drift.breaking.append(f"{name} is gone")
        return
    if now.type != before.type:
        drift.breaking.append(f"{name} was of type {before.type} and is of type {now.type}")
        return
    if now.length != before.length:
        drift.harmless.append(f"{name} holds {_characters(now.length)}, and held {_characters(before.length)}")
    if use.tables:
        _compare_targets(name, before.targets, now.targets, use, drift)
    if choices.has_labels(before.type):
        _compare_options(name, before.options, now.options, use, drift)


def _compare_targets(name: str, before: Sequence[str], now: Sequence[str], use: _Use, drift: Drift) -> None:
    """Other tables than the linked one are told too: with them, rows have to say where each lookup leads."""
    added = [table for table in now if table not in before]
    removed = [table for table in before if table not in now]
    if broken := [table for table in removed if table in use.tables]:
        drift.breaking.append(f"{name} does not lead to {', '.join(broken)} any more")
        return
    if added:
        drift.harmless.append(f"{name} may lead to {', '.join(added)}, too")
    if removed:
        drift.harmless.append(f"{name} does not lead to {', '.join(removed)} any more")


def _compare_options(name: str, before: Mapping[int, str], now: Mapping[int, str], use: _Use, drift: Drift) -> None:
    added = {number: label for number, label in now.items() if number not in before}
    removed = {number: label for number, label in before.items() if number not in now}
    if added:
        drift.harmless.append(f"{name} has new choices: {choices.shown(added)}")
    if removed:
        drift.harmless.append(f"{name} has lost choices: {choices.shown(removed)}")
    if not use.labels:
        return
    for number, label in before.items():
        if now.get(number, label) != label:
            broken = use.strict or label in use.names
            sentence = f"{name}: the display label of {number} was {label} and is {now[number]}"
            (drift.breaking if broken else drift.harmless).append(sentence)


def _compare_fields(name: str, before: FieldShape, now: FieldShape | None, drift: Drift) -> None:
    if now is None:
        drift.breaking.append(f"{name} is gone")
        return
    if now.type != before.type:
        drift.breaking.append(f"{name} was of type {before.type} and is of type {now.type}")
        return
    if now.read_only and not before.read_only:
        drift.breaking.append(f"{name} cannot be written any more")
    most, most_before = now.length or math.inf, before.length or math.inf
    if most != most_before:
        sentence = f"{name} takes {_characters(now.length)}, and took {_characters(before.length)}"
        (drift.breaking if most < most_before else drift.harmless).append(sentence)
    if removed := [value for value in before.values if value not in now.values]:
        drift.breaking.append(f"{name} does not take {', '.join(removed)} any more")
    if before.values and (added := [value for value in now.values if value not in before.values]):
        drift.harmless.append(f"{name} takes new names: {', '.join(added)}")
    if before.target and now.target and now.target != before.target:
        drift.breaking.append(f"{name} led to {before.target} and leads to {now.target}")


def _compare_mandatory(mapping: TableMapping, kept: TableSchema, live: TableSchema, drift: Drift) -> None:
    """A field that became mandatory breaks the mapping where the mapping does not write it."""
    missing = set(uncovered(mapping, live.fields))
    for name, now in live.fields.items():
        before = kept.fields.get(name)
        if now.mandatory and not (before and before.mandatory):
            if name in missing:
                drift.breaking.append(f"{mapping.resource}.{name} is mandatory now, and nothing is mapped to it")
            elif name in _fields(mapping):
                drift.harmless.append(f"{mapping.resource}.{name} is mandatory now")
    for name, then in kept.fields.items():
        after = live.fields.get(name)
        if then.mandatory and after is not None and not after.mandatory:
            drift.harmless.append(f"{mapping.resource}.{name} is not mandatory any more")


def _characters(length: int | None) -> str:
    return f"{length} characters at most" if length else "any number of characters"
