"""Holds mappings against the live systems, before anything runs: every misfit at once, guardrails as warnings."""

from dataclasses import dataclass

from config.ingress import IngressConfig, TableMapping
from config.model import Place
from connectors.errors import (
    ConnectorError,
    CredentialsRefused,
    HostKeyDiffers,
    Malformed,
    Refused,
    Stop,
    TableMissing,
    TrackingOff,
    TryAgain,
)
from control.mappings.live import SCHEMA_SECONDS
from sync.fitting.findings import Finding
from sync.fitting.judgement import judge_all
from sync.loading.loader import check_workflow, missing_folders
from sync.schemas import Schemas, TableSchema, read_schema
from sync.systems import Systems


@dataclass(frozen=True, slots=True)
class Misfit:
    """`place` leads to the mistake from the top of a configuration file: ("ingress", "tables", 0, "fields", 2)."""

    place: Place
    sentence: str


@dataclass(frozen=True, slots=True)
class Judgement:
    errors: tuple[Misfit, ...]  #: a start would fail, or records would be refused
    warnings: tuple[Misfit, ...]
    remark: str = ""  #: what else was seen: a sentence

    @property
    def fits(self) -> bool:
        return not self.errors


def judge(config: IngressConfig, systems: Systems) -> Judgement:
    """Asks both systems about every mapped table, and whether Campaign can import files of it where that is configured,
    which leaves an empty file in their folders for a moment. That nobody answers about imports is a warning, beside
    what the mappings came to. Raises TryAgain, and Stop for what concerns no table."""
    found, imports = judge_mappings(config, systems), _judge_imports(config, systems)
    return Judgement((*found.errors, *imports.errors), (*found.warnings, *imports.warnings))


def judge_mappings(config: IngressConfig, systems: Systems) -> Judgement:
    """The same without imports: asks Dynamics and Campaign alone, and leaves nothing anywhere."""
    known: dict[str, TableSchema] = {}
    errors: list[Misfit] = []
    for index, mapping in enumerate(config.tables):
        try:
            known[mapping.table] = read_schema(mapping, systems.dynamics, systems.campaign, SCHEMA_SECONDS)
        except (TableMissing, TrackingOff) as missing:
            key = "table" if missing.system == "dynamics" else "resource"
            errors.append(Misfit(("ingress", "tables", index, key), _finished(missing.sentence)))
        else:
            errors += _filter_misfits(index, mapping, systems)
    # What both systems know is judged all the same: every mistake at once.
    findings = judge_all(config, Schemas(known))
    return Judgement((*errors, *map(_misfit, findings.errors)), tuple(map(_misfit, findings.warnings)))


def within_table(config: IngressConfig, place: Place) -> Place:
    """The place with the table's name for the way there: ("contact", "fields", 2); others as they are."""
    match place:
        case ("ingress", "tables", int(index), *rest):
            return config.tables[index].table, *rest
    return place


def _filter_misfits(index: int, mapping: TableMapping, systems: Systems) -> list[Misfit]:
    """A key that is looked up needs its filter, which somebody makes in Campaign by hand."""
    key = mapping.key
    if key.address == "uri":
        return []
    try:
        if key.filter in systems.campaign.filters(mapping.resource, SCHEMA_SECONDS):
            return []
    except (Malformed, Refused):
        return []  # not every instance tells; a start meets it all the same
    sentence = (
        f"{mapping.table} -> {mapping.resource}: {mapping.resource} has no filter {key.filter}, by which "
        f"{key.field} is looked up; create it in Campaign and publish it, or correct the mapping's key.filter."
    )
    return [Misfit(("ingress", "tables", index, "key", "filter"), sentence)]


def _judge_imports(config: IngressConfig, systems: Systems) -> Judgement:
    """The first mistake of each import: what a start would fail of. Several may have one cause, which is told once.
    A folder that is not there may be a slip of the pen: Campaign would never take what the first load leaves in it."""
    errors: list[Misfit] = []
    warnings: list[Misfit] = []
    for index, mapping in enumerate(config.tables):
        if mapping.file_import is None or systems.sftp is None:
            continue
        here: Place = ("ingress", "tables", index, "file_import")
        try:
            missing = missing_folders(mapping, systems.sftp, SCHEMA_SECONDS)
            warnings += [Misfit((*here, key), _not_there(mapping, folder)) for key, folder in missing.items()]
            check_workflow(mapping, systems.campaign, SCHEMA_SECONDS)
        except TryAgain as error:
            sentence = f"{mapping.table}: whether files can be imported could not be asked: {error.sentence}"
            warnings.append(Misfit(here, _finished(sentence)))
        except (Stop, Refused) as error:
            if not (isinstance(error, TableMissing | Refused) or error.system == "sftp"):
                raise
            errors.append(Misfit(login_place(error) or here, _finished(error.sentence)))
    return Judgement(tuple(dict.fromkeys(errors)), tuple(warnings))


def _not_there(mapping: TableMapping, folder: str) -> str:
    return (
        f"{mapping.table}: the folder {folder} is not there on the SFTP server; the first load makes it. Is it the one "
        "that Campaign's workflow uses?"
    )


def login_place(error: ConnectorError) -> Place | None:
    """Where the configuration says what the SFTP server does not take of a login; None: it is something else."""
    match error:
        case HostKeyDiffers():
            return "connections", "sftp", "host_key"
        case CredentialsRefused() if error.system == "sftp":
            return "connections", "sftp", "private_key"
    return None


def _misfit(finding: Finding) -> Misfit:
    return Misfit(("ingress", *finding.place), _finished(finding.sentence))


def _finished(sentence: str) -> str:
    return f"{sentence.rstrip('.')}."
