"""Opt-in/out: do its pairs fit both systems, does the workflow that exports files run, are the clocks close."""

import time
from collections.abc import Iterator

from config.ingress import IngressConfig
from config.optinout import ExportWorkflow, OptinoutConfig
from config.secrets import SecretMissing
from connectors.campaign_workflows import Standing, WorkflowState
from connectors.clocks import between
from connectors.errors import ConnectorError, Refused, TableMissing
from control.doctor.checks import Check, Colour
from control.mappings.live import SCHEMA_SECONDS
from control.optinout import judge_optinout
from control.status.consent import SKEW_MS, skew_sentence
from control.together import nothing_moves
from control.words import counted, finished
from sync.systems import Systems


def consent_checks(
    workflow: str, config: OptinoutConfig, systems: Systems, ingress: IngressConfig | None = None
) -> Iterator[Check]:
    """`ingress`: what is known of it, which carries consent where opt-in/out does not."""
    name = f"{workflow} pairs"
    if still := nothing_moves(config, ingress):
        yield Check(name, Colour.GREEN, still)
        return
    yield from _pair_checks(name, config, systems)
    if config.export_workflow:
        yield from _export_checks(f"{workflow} export", config.export_workflow, systems)
    yield from _clock_checks(f"{workflow} clocks", systems)


def _pair_checks(name: str, config: OptinoutConfig, systems: Systems) -> Iterator[Check]:
    """Also whether Campaign has the filters, the workflow that exports files, and its signal."""
    try:
        found = judge_optinout(config, systems)
    except (ConnectorError, SecretMissing) as error:
        yield Check(name, Colour.RED, finished(str(error)))
        return
    for misfit in found.errors:
        yield Check(name, Colour.RED, misfit.sentence)
    for misfit in found.warnings:
        yield Check(name, Colour.YELLOW, misfit.sentence)
    if found.fits:
        fits = "The pair fits" if len(config.flags) == 1 else f"{counted(len(config.flags), 'pair')} fit"
        yield Check(name, Colour.GREEN, f"{fits} both schemas.")


def _export_checks(name: str, export: ExportWorkflow, systems: Systems) -> Iterator[Check]:
    try:
        state = systems.campaign.workflows.state(export.id, SCHEMA_SECONDS)
    except (TableMissing, Refused):
        return  # that it is not there is told with the pairs
    except (ConnectorError, SecretMissing) as error:
        yield Check(name, Colour.RED, finished(str(error)))
        return
    yield export_check(name, export, state)


def export_check(name: str, export: ExportWorkflow, state: WorkflowState) -> Check:
    """Whether the workflow of Campaign that writes the files runs."""
    which = f"The workflow {export.id} of Campaign"
    match state.standing:
        case Standing.RUNNING:
            return Check(name, Colour.GREEN, f"{which} runs.")
        case Standing.STOPPED if export.start:
            return Check(
                name,
                Colour.YELLOW,
                f"{which} is stopped; optinout starts it when it looks next.",
                "See that optinout runs: d365acs workflow start optinout",
            )
        case Standing.STOPPED:
            return Check(
                name,
                Colour.RED,
                f"{which} is stopped, and no files are written.",
                "Start it in Campaign, or say export_workflow.start: true.",
            )
        case Standing.PAUSED:
            return Check(name, Colour.YELLOW, f"{which} is paused, and no files are written.", "Resume it in Campaign.")
        case Standing.UNKNOWN:
            told = f"says {state.state}" if state.state else "does not say how it stands"
            return Check(name, Colour.YELLOW, f"{which} {told}.", "Look at it in Campaign.")


def _clock_checks(name: str, systems: Systems) -> Iterator[Check]:
    """By the answers of the checks before."""
    now = time.time()
    apart = between(systems.campaign.clock.skew(now), systems.dynamics.clock.skew(now))
    if apart is None:
        return
    if abs(apart.ms) > SKEW_MS:
        yield Check(name, Colour.YELLOW, skew_sentence(apart.ms))
    else:
        away, true_to = abs(apart.ms) / 1000, apart.within_ms / 1000
        yield Check(name, Colour.GREEN, f"Those of both systems are {away:.1f} s apart, true to {true_to:.1f} s.")
