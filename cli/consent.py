"""d365acs consent: what was decided about consent, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands import Group, option, output_option
from cli.context import Context, pass_context
from cli.moments import moment
from cli.output import draw, say, stream_out, warn, write

if TYPE_CHECKING:
    from control.consent.explaining import Explanation


@click.group(
    cls=Group,
    example="d365acs consent explain 5d6c7f1e-0f0b-4b0e-9a58-000000000001\n"
    "d365acs consent export --since 30d > consent.csv",
)
def consent() -> None:
    """See what optinout would write, what it has decided about consent, and why; hand it out as a file.

    Every decision is on record with what both systems said and since when: for two years, unless retention_days says
    otherwise.
    """


@consent.command(
    example="d365acs consent explain 5d6c7f1e-0f0b-4b0e-9a58-000000000001\n"
    "d365acs consent explain 5d6c7f1e-0f0b-4b0e-9a58-000000000001 -o json"
)
@click.argument("contact", metavar="CONTACT")
@option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="How many decisions, the newest first.",
)
@output_option("table", "json", "yaml")
@pass_context
def explain(context: Context, contact: str, limit: int, output: str) -> None:
    """Explain one contact: each decision in sentences, what was seen last, and what still waits.

    CONTACT is the id of the contact in Dynamics, which its profile has as externalId. Where queued records are
    encrypted, the keys are needed here, too (D365ACS_PAYLOAD_KEYS_FILE).
    """
    from cli.consent_views import as_data, explained
    from control.consent.explaining import explain as known

    found: Explanation = known(context.unsealed, _contact(contact), limit)
    if output != "table":
        write(as_data(found), output)
        return
    draw(*explained(found))
    if found.more:
        say(f"There are older decisions; see more with: --limit {limit * 10}")


def _contact(text: str) -> str:
    """Raises BadParameter."""
    from control.consent.explaining import contact_id

    try:
        return contact_id(text)
    except ValueError:
        raise click.BadParameter(
            f"{text} is not the id of a contact; one looks like 5d6c7f1e-0f0b-4b0e-9a58-000000000001.",
            param_hint="CONTACT",
        ) from None


@consent.command(example="d365acs consent preview d365acs.yaml\nd365acs consent preview --limit 10000 -o json")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@option("--limit", type=click.IntRange(min=1), metavar="N", help="Read about so many profiles. Default: all.")
@output_option("table", "json", "yaml")
@pass_context
def preview(context: Context, file: Path | None, limit: int | None, output: str) -> None:
    """Count what optinout would write if it looked at everybody now: by pair, direction and rule. Writes nothing.

    Of FILE before it is applied, or of what is saved. Both systems are read, all profiles of Campaign and their
    contacts. With direction: dynamics_to_campaign it counts what ingress would write over the flags of Campaign.
    """
    from cli.consent_preview import preview_data, preview_parts, warnings
    from control.consent.previewing import previewed

    found = previewed(context.unsealed, file, limit)
    if output != "table":
        write(preview_data(found), output)
    else:
        draw(*preview_parts(found))
    for sentence in warnings(found):
        warn(sentence)


@consent.command(
    example="d365acs consent export --since 2026-01-01 --until 2026-07-01 > consent.csv\n"
    "d365acs consent export --since 1d -o jsonl"
)
@option("--since", metavar="TIME", help="Decisions closed since then. Default: all that are kept.")
@option("--until", metavar="TIME", help="Decisions closed before then. Default: until now.")
@output_option("csv", "jsonl")
@pass_context
def export(context: Context, since: str | None, until: str | None, output: str) -> None:
    """Write decisions as a file, however many there are: one line each, in the order in which they were closed.

    TIME is a date (2026-11-20, its beginning), a time in ISO 8601 (2026-11-21T12:00+01:00), or so long ago (6h, 2d,
    1w); without a zone it is UTC. The columns are in docs/consent.md. Decisions whose end is not known yet come last,
    with `closed` empty; one that ends meanwhile may come twice, and the later line counts.
    """
    from control.consent.record import COLUMNS, between

    store = context.unsealed
    now_ms = store.now_ms()
    since_ms, until_ms = moment("--since", since or "1970-01-01", now_ms), moment("--until", until, now_ms)
    # A moment later: what is closed in this very millisecond is in.
    until_ms = now_ms + 1 if until_ms is None else until_ms
    if since_ms >= until_ms:
        raise click.UsageError("Nothing lies between --since and --until; the earlier time is that of --since.")
    stream_out(COLUMNS, between(store, since_ms, until_ms), output)


@consent.command(example="d365acs consent stats\nd365acs consent stats -o json")
@output_option()
@pass_context
def stats(context: Context, output: str) -> None:
    """Count the decisions: how many are kept and since when, by which rules, how they ended, what they take."""
    from cli.consent_views import amount_data, amount_parts
    from control.consent.record import amount

    found = amount(context.store)
    if output != "table":
        write(amount_data(found), output)
        return
    draw(*amount_parts(found, context.store.now_ms()))
