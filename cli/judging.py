"""Holds a configuration against the live systems and tells what does not fit, each at its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.context import Context

if TYPE_CHECKING:
    from config.document import Document
    from config.model import Place
    from config.problems import Problem
    from control.mappings.judging import Misfit


_EGRESS_FITS = "The activity tables of egress are there with their columns, and its source answers."
_OPTINOUT_FITS = "The pairs of optinout are there in both live systems, and its sources answer."
_OPTINOUT_RESTS = "optinout moves nothing, and none of it was held against the live systems."


def judge_file(context: Context, file: Path | None, document: Document, output: str) -> None:
    """Tells how a configuration fits the live systems; `file`: where it stands, None: in the store."""
    from cli.problems import tell_found, tell_good
    from control.events import judge_events
    from control.mappings.judging import judge
    from control.mappings.live import systems_of
    from control.optinout import judge_optinout

    judgements, good = [], []
    with systems_of(document.connections, context.store) as systems:
        if document.ingress is not None:
            judgements.append(judge(document.ingress, systems))
            good.append(_mappings_fit(len(document.ingress.tables)))
        if document.egress is not None:
            judgements.append(judge_events(document.egress, systems))
            good.append(f"{_EGRESS_FITS} {judgements[-1].remark}".rstrip())
        if document.optinout is not None:
            judgements.append(judge_optinout(document.optinout, systems, document.ingress))
            good.append(_OPTINOUT_FITS if document.optinout.reads_campaign else _OPTINOUT_RESTS)
    errors = _problems([misfit for one in judgements for misfit in one.errors], file, document)
    warnings = _problems([misfit for one in judgements for misfit in one.warnings], file, document)
    if errors:
        tell_found(errors, warnings, output)
        raise click.exceptions.Exit(1)
    tell_good("\n".join(good) or "Nothing is mapped.", output, warnings)


def _mappings_fit(count: int) -> str:
    return f"{f'{count} mappings fit' if count != 1 else 'The mapping fits'} both live systems."


def _problems(misfits: Sequence[Misfit], file: Path | None, document: Document) -> list[Problem]:
    """In the order of the configuration. Nobody has the saved one before them: the table is named, not a line."""
    from config.document import dump
    from config.problems import Problem
    from config.yaml_lines import read_tree
    from control.mappings.judging import within_table

    tree = read_tree(file.read_text(encoding="utf-8-sig") if file else dump(document))
    ordered = sorted(misfits, key=lambda one: tree.line(one.place))
    if file:
        return [Problem(str(file), tree.line(one.place), _path(one.place), one.sentence) for one in ordered]
    places = [within_table(document.ingress, one.place) if document.ingress else one.place for one in ordered]
    return [Problem("", None, _path(place), one.sentence) for place, one in zip(places, ordered, strict=True)]


def _path(place: Place) -> str:
    return ".".join(map(str, place))
