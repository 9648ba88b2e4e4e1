"""Rehearsals as plain data for programs."""

from typing import Any

from control.rehearsal.counting import Fate, Rehearsal, Tally
from control.rehearsal.previewing import FieldPreview, Preview


def rehearsal_data(found: Rehearsal) -> dict[str, Any]:
    return {
        "tables": [tally_data(tally) for tally in found.tallies],
        "engine_calls": found.engine_calls,
        "requests": found.requests,
        "seconds": round(found.estimate.seconds, 1) if found.estimate else 0.0,
        "basis": found.estimate.basis if found.estimate else None,
    }


def tally_data(tally: Tally) -> dict[str, Any]:
    looked = tally.looked
    return {
        "table": tally.table,
        "resource": tally.resource,
        "reads": tally.reads,
        "records": tally.rows,
        "expected": tally.expected,
        "whole": tally.is_whole,
        "waiting": tally.waiting,
        "queued": tally.queued,
        **{fate.value: tally.fates[fate] for fate in Fate},
        "examples": {fate.value: ids for fate, ids in tally.examples.items()},
        "reasons": dict(tally.reasons.most_common()),
        "engine_calls": tally.engine_calls,
        "requests": tally.requests,
        "looked_up": {
            "records": looked.records,
            "there": looked.there,
            "doubles": looked.doubles,
            "fields": dict(looked.fields.most_common()),
        }
        if looked
        else None,
        "notes": tally.notes,
    }


def preview_data(found: Preview) -> dict[str, Any]:
    return {
        "saved": found.is_saved,
        "reads_anew": found.reads_anew,
        **tally_data(found.tally),
        "fields": [_field(one) for one in found.fields],
    }


def _field(one: FieldPreview) -> dict[str, Any]:
    example = one.example
    return {
        "from": one.source,
        "to": one.target,
        "filled": one.filled,
        "replaced": one.replaced,
        "unfit": one.unfit,
        "value": example.value if example else None,
        "written": example.result if example else None,
        "misfit": one.misfit or None,
    }
