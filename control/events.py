"""What egress needs of the live systems: activity tables in Dynamics, and a source of events that answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from config.egress import EgressConfig, EventSwitches
from config.event_fields import KINDS, Kind
from config.model import Place
from config.remote_files import RemoteFiles
from connectors.errors import FolderMissing, Stop
from connectors.journal import RETENTION_SECONDS
from connectors.sftp import Sftp
from control.mappings.judging import Judgement, Misfit, login_place
from control.mappings.live import SCHEMA_SECONDS
from control.sampling import sample
from control.words import counted, finished
from sync.events.shapes import read_shapes
from sync.fitting.findings import Misfitting
from sync.systems import Systems


@dataclass(frozen=True, slots=True)
class Activity:
    """A custom activity table of Dynamics."""

    name: str
    set_name: str  #: as it stands in addresses
    label: str
    events: tuple[str, ...]  #: kinds of events that the saved configuration writes there


def activities(systems: Systems, config: EgressConfig | None) -> list[Activity]:
    """By name. Raises ConnectorError."""
    return [
        Activity(one.name, one.set_name, one.label, tuple(_written_to(one.name, config)))
        for one in systems.dynamics.activities(SCHEMA_SECONDS)
    ]


def _written_to(table: str, config: EgressConfig | None) -> Iterator[str]:
    for kind in KINDS:
        if config is not None and config.events.on(kind) and config.activities.of(kind).table == table:
            yield kind


def judge_events(config: EgressConfig, systems: Systems) -> Judgement:
    """Asks Dynamics for the activity tables, and the source for some events. Raises TryAgain, and Stop for what
    concerns neither."""
    errors = list(activity_misfits(config, systems))
    try:
        found = sample(config, systems, SCHEMA_SECONDS)
    except Stop as stop:
        misfit = Misfit(_place_of(stop, config), finished(str(stop)))
        return Judgement((*errors, misfit), ())
    remark = finished(found.seen[0].upper() + found.seen[1:])
    return Judgement((*errors, *found.errors), found.warnings, remark)


def _place_of(stop: Stop, config: EgressConfig) -> Place:
    """Where the configuration says what the source does not bear."""
    match stop:
        case FolderMissing():
            return "egress", "files", "folder"
    return login_place(stop) or ("connections", "journal" if config.source == "journal" else "sftp")


def activity_misfits(config: EgressConfig, systems: Systems) -> Iterator[Misfit]:
    """Tables and columns that are not there. Raises TryAgain, Stop."""
    for kind in KINDS:
        if not config.events.on(kind):
            continue
        # Kind by kind, so that the place of what is wrong is known.
        alone = EventSwitches(**{f"{other}s": other == kind for other in KINDS})
        try:
            read_shapes(config.model_copy(update={"events": alone}), systems.dynamics, SCHEMA_SECONDS)
        except Misfitting as misfits:
            for sentence in misfits.sentences:
                yield _misfit(kind, sentence)


def _misfit(kind: Kind, sentence: str) -> Misfit:
    """A sentence about a column begins with its key."""
    place: Place = ("egress", "activities", kind)
    key, _, rest = sentence.removeprefix(f"{'.'.join(map(str, place))}.").partition(": ")
    if rest and key in type(EgressConfig().activities.of(kind)).model_fields:
        return Misfit((*place, key), finished(rest))
    return Misfit((*place, "table"), finished(sentence))


def ask_source(config: EgressConfig, systems: Systems, timeout: float) -> str:
    """One look at the source of events: what is to be known of it. Raises TryAgain, Stop."""
    if config.source == "journal":
        assert systems.journal is not None
        systems.journal.first(timeout, limit=1)
        return f"it keeps events for {RETENTION_SECONDS // 86_400} days"
    assert systems.sftp is not None
    return ask_folder(config.files, systems.sftp, timeout)


def ask_folder(files: RemoteFiles, sftp: Sftp, timeout: float) -> str:
    """One look at a folder of the SFTP server: how many files of it would be read. Raises TryAgain, Stop."""
    found = sftp.files(files.folder, timeout)
    fitting = sum(fnmatchcase(file.name, files.pattern) for file in found)
    return f"{files.folder} has {counted(fitting, 'file')} like {files.pattern}"
