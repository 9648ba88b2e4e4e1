"""What the demonstration found, in the end: as tables for people, as data for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from cli.consent_views import as_data, explained
from cli.output import draw, table, write
from control.words import counted, rate

if TYPE_CHECKING:
    from control.consent.explaining import Explanation
    from control.demo.campaign import Told
    from control.demo.consent import Conflict, Settled
    from control.demo.stage import Part

    #: What two people did, and why it came out as it did.
    Conflicts: TypeAlias = tuple[tuple[Conflict, Explanation], tuple[Conflict, Explanation]]

#: Calls to Campaign that the hosted app spends on an insert, an update and a delete.
THEIRS = {"insert": "1", "update": "2", "delete": "1"}


@dataclass(frozen=True)
class Result:
    first: Part  #: records: the first run, then changes
    then: Part
    told: Told  #: events: for the first time, then many again
    again: Told
    looked: Settled  #: consent: when it was looked at for the first time, then when it changed
    changed: Settled
    conflicts: Conflicts
    seconds: float

    @property
    def agrees(self) -> bool:
        return self.then.agreement.agrees and self.again.timelines.agrees and self.changed.consents.agrees


def report(result: Result, output: str) -> None:
    if output == "table":
        draw("", _records(result.first, result.then), "", _events(result.again), "", _consent(result), "")
        for conflict, explanation in result.conflicts:
            click.echo(f"Somebody {conflict.told}. What became of it, as d365acs consent explain shows it:")
            draw("", *explained(explanation), "")
        for name, fact in _facts(result):
            click.echo(f"{name:14}{fact}")
    else:
        write(_data(result), output)


def _facts(result: Result) -> list[tuple[str, str]]:
    first, then, told, again = result.first, result.then, result.told, result.again
    return [
        ("First run", f"{rate(first.per_second)} records/s, {counted(first.reads, 'call')} to Dynamics"),
        ("Changes", f"in Campaign {then.seconds:.1f} s after they were made in Dynamics"),
        ("Events", f"{rate(told.per_second)} activities/s, {counted(told.batches, '$batch request')} to Dynamics"),
        ("Again", f"{again.delivered:,} events delivered, {again.created:,} of them new"),
        ("Consent", f"both systems agreed {result.changed.seconds:.1f} s after people had changed their minds"),
        ("Comparison", then.agreement.sentence()),
        ("", again.timelines.sentence()),
        ("", result.changed.consents.sentence()),
        ("Whole demo", f"{result.seconds:.0f} s"),
    ]


def _records(first: Part, then: Part) -> Any:
    records, looked_up = first.records + then.records, first.calls["GET"] + then.calls["GET"]
    rows = [
        ("insert", f"{first.inserts:,}", _calls(first.calls["POST"], first.inserts), THEIRS["insert"]),
        ("update", f"{then.updates:,}", _calls(then.calls["PATCH"], then.updates), THEIRS["update"]),
        ("delete", f"{then.deletes:,}", _calls(then.calls["DELETE"], then.deletes), THEIRS["delete"]),
        # Custom resources take no key in the address, and links take a PKey: Campaign is asked for it.
        ("look-up", f"{records:,}", _calls(looked_up, records), "-"),
    ]
    return table([("WHAT", "left"), ("RECORDS", "right"), ("CALLS EACH", "right"), ("HOSTED APP", "right")], rows)


def _calls(calls: int, records: int) -> str:
    return f"{calls / records:.2f}" if records else "-"


def _events(told: Told) -> Any:
    kinds = told.timelines.kinds
    rows = [(one.kind, f"{one.events:,}", f"{one.left_out:,}", f"{one.found:,}") for one in kinds]
    columns = [("EVENT", "left"), ("IN THE JOURNAL", "right"), ("SOFT, LEFT OUT", "right"), ("ON TIMELINES", "right")]
    return table(columns, rows)


def _consent(result: Result) -> Any:
    flags = result.changed.consents.flags
    rows = [(f"{one.flag}, {one.column}", f"{one.contacts:,}", f"{one.opted_out:,}") for one in flags]
    return table([("CONSENT", "left"), ("CONTACTS", "right"), ("OPTED OUT IN BOTH", "right")], rows)


def _data(result: Result) -> dict[str, Any]:
    return {
        "agree": result.agrees,
        "seconds": round(result.seconds, 1),
        "first_run": _part(result.first),
        "changes": _part(result.then),
        "events": _told(result.told),
        "again": _told(result.again),
        "consent": _settled(result.looked),
        "minds": _settled(result.changed),
        "conflicts": [as_data(explanation) for _, explanation in result.conflicts],
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "inserts": part.inserts,
        "updates": part.updates,
        "deletes": part.deletes,
        "seconds": round(part.seconds, 2),
        "records_per_second": round(part.per_second, 1),
        "campaign_calls": part.calls,
        "dynamics_calls": part.reads,
        "tables": [
            {
                "table": one.table,
                "dynamics": one.wanted,
                "campaign": one.found,
                "missing": len(one.missing),
                "orphaned": len(one.orphaned),
                "doubled": len(one.doubled),
                "hidden": len(one.hidden),
                "differing": len(one.differing),
            }
            for one in part.agreement.comparisons
        ],
    }


def _told(told: Told) -> dict[str, Any]:
    return {
        "delivered": told.delivered,
        "created": told.created,
        "batches": told.batches,
        "seconds": round(told.seconds, 2),
        "activities_per_second": round(told.per_second, 1),
        "kinds": [
            {
                "kind": one.kind,
                "journal": one.events,
                "left_out": one.left_out,
                "dynamics": one.found,
                "missing": one.missing,
                "doubled": one.doubled,
                "strange": one.strange,
            }
            for one in told.timelines.kinds
        ],
    }


def _settled(settled: Settled) -> dict[str, Any]:
    return {
        "seconds": round(settled.seconds, 2),
        "written": dict(settled.written),
        "flags": [
            {
                "flag": one.flag,
                "column": one.column,
                "contacts": one.contacts,
                "opted_out": one.opted_out,
                "differing": len(one.differing),
            }
            for one in settled.consents.flags
        ],
    }
