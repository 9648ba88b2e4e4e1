"""What opt-in/out needs of the live systems, and what is to be done where ingress carries consent in its place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from config.filters import Scalar
from config.ingress import FieldMapping, IngressConfig
from config.model import Place
from config.optinout import FlagPair, OptinoutConfig
from connectors.errors import Refused, Stop, TableMissing
from control.configuration import Applied, newest_document
from control.consent.polarity import doubtful
from control.errors import ControlError, NoConfiguration, PairedTwice
from control.events import ask_folder
from control.mappings.judging import Judgement, Misfit
from control.mappings.live import SCHEMA_SECONDS
from control.mappings.saved import Saved
from control.together import OPTINOUT, OVER_CAMPAIGN, nothing_moves, profile_flags
from control.words import finished
from store.store import Store
from sync.consent.fitting import PROFILE, examine
from sync.systems import Systems


@dataclass(frozen=True, slots=True)
class Added:
    """What has become of the pairs in a mapping of ingress, by flag."""

    applied: Applied
    added: tuple[str, ...]
    there: tuple[str, ...]  #: written by this mapping before, and left as they were


def judge_optinout(config: OptinoutConfig, systems: Systems, ingress: IngressConfig | None = None) -> Judgement:
    """Asks both systems for what is paired, and the sources for what is there. Where nothing moves, nobody is asked.

    `ingress`: what is known of it. Raises TryAgain, and Stop for what concerns none of them.
    """
    if still := nothing_moves(config, ingress):
        return Judgement((), (Misfit((OPTINOUT, "direction"), still),))
    try:
        found = examine(config, systems.dynamics, systems.campaign, SCHEMA_SECONDS)
    except TableMissing as missing:
        key = "dynamics" if missing.system == "dynamics" else "campaign"
        return Judgement((Misfit(("connections", key), finished(missing.sentence)),), ())
    errors = [_misfit(error.place, error.sentence) for error in found.errors]
    return Judgement(
        (*errors, *_source_misfits(config, systems)),
        (
            *(_misfit(warning.place, warning.sentence) for warning in found.warnings),
            *_polarity_misfits(config),
            *_unpaired_misfits(config),
        ),
    )


def _polarity_misfits(config: OptinoutConfig) -> Iterator[Misfit]:
    for index, pair in enumerate(config.flags):
        if sentence := doubtful(pair):
            yield _misfit(("flags", index, "dynamics"), sentence)


def _unpaired_misfits(config: OptinoutConfig) -> Iterator[Misfit]:
    """Columns of files that nobody reads: their flags stand in no pair."""
    columns = config.files.columns if config.files else None
    for name, flags in (("flags", columns.flags), ("times", columns.times)) if columns else ():
        for flag in flags:
            if config.pair_of(flag) is None:
                sentence = f"{flag} stands in no pair, so that its column is not read; pair it, or take it away"
                yield _misfit(("files", "columns", name), sentence)


def _misfit(place: Place, sentence: str) -> Misfit:
    return Misfit((OPTINOUT, *place), finished(sentence))


def _source_misfits(config: OptinoutConfig, systems: Systems) -> Iterator[Misfit]:
    """The folder of the files, and the workflow that writes them."""
    if config.files is not None:
        assert systems.sftp is not None
        try:
            ask_folder(config.files, systems.sftp, SCHEMA_SECONDS)
        except Stop as stop:
            yield Misfit(("connections", "sftp"), finished(str(stop)))
    export = config.export_workflow
    if export is None:
        return
    try:
        state = systems.campaign.workflows.state(export.id, SCHEMA_SECONDS)
    except (TableMissing, Refused) as error:
        yield _misfit(("export_workflow", "id"), error.sentence)
        return
    if export.signal is not None and export.signal not in state.signals:
        there = ", ".join(state.signals) or "none"
        yield _misfit(
            ("export_workflow", "signal"),
            f"The workflow {export.id} has no external signal {export.signal}; correct it, or say signal: null for a "
            f"workflow with a schedule. External signals that are there: {there}.",
        )


def add_flags(store: Store, before: Saved, table: str, by: str, why: str = "") -> Added:
    """Adds the pairs of opt-in/out to a mapping of ingress, as a new revision; those that it has already stay.

    `before`: what is saved of ingress. A flag whose column means the opposite, `opted_out: false`, has its values
    replaced. Raises UnknownTable, NoConfiguration, EditedMeanwhile, PairedTwice for a direction in which opt-in/out
    writes the flags itself, ControlError for a mapping that leads elsewhere and for no pairs.
    """
    mapping = before.mapping(table)
    document = newest_document(store.workflow(OPTINOUT))
    config = document.optinout if document else None
    if config is None:
        raise NoConfiguration(f"{OPTINOUT} has no configuration yet; save one with: d365acs config apply FILE")
    if mapping.resource != PROFILE:
        raise ControlError(f"{table} is mapped to {mapping.resource}, and consent flags are those of {PROFILE}.")
    if config.reads_campaign:
        raise PairedTwice(
            f"{OPTINOUT} writes these flags itself, with direction: {config.direction}; to let ingress carry them, say "
            f"direction: dynamics_to_campaign with: d365acs workflow edit {OPTINOUT}"
        )
    if not config.flags:
        raise ControlError(f"{OPTINOUT} has no pairs; add them under flags with: d365acs workflow edit {OPTINOUT}")
    written = profile_flags(mapping)
    new = [pair for pair in config.flags if pair.campaign not in written]
    changed = mapping.model_copy(update={"fields": (*mapping.fields, *map(_field, new))})
    tables = tuple(changed if one.table == table else one for one in before.ingress.tables)
    applied = before.save(before.with_tables(tables), by, why or f"consent flags added to the mapping of {table}")
    if new:
        applied = replace(applied, warnings=(*applied.warnings, OVER_CAMPAIGN))
    there = tuple(pair.campaign for pair in config.flags if pair.campaign in written)
    return Added(applied, tuple(pair.campaign for pair in new), there)


def _field(pair: FlagPair) -> FieldMapping:
    opposite: dict[str, Scalar] = {} if pair.opted_out else {"true": False, "false": True}
    return FieldMapping(source=pair.dynamics, target=pair.campaign, replace=opposite)
