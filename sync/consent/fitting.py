"""Whether the pairs of consent fit the two live systems, and what is known of both for a whole run.

Asked at a start, when a configuration is held against the live systems, and again while the workflow runs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from config.optinout import OptinoutConfig, WireFlag
from connectors.campaign import Campaign
from connectors.campaign_metadata import CampaignResource
from connectors.dynamics import Dynamics
from connectors.dynamics_metadata import DynamicsColumn, DynamicsTable
from connectors.errors import Malformed, Refused
from sync.fitting.findings import Finding, Misfitting
from sync.schemas import TOKEN_DAYS

CONTACT = "contact"
PROFILE = "profile"
#: When a row of Dynamics changed last.
MODIFIED = "modifiedon"
#: When a profile changed last.
LAST_MODIFIED = "lastModified"


@dataclass(frozen=True, slots=True)
class ConsentShapes:
    """What a run must know of contacts and profiles; empty for a direction in which nothing moves."""

    set_name: str = ""  #: of contacts, as it stands in addresses
    primary_id: str = ""
    columns: tuple[str, ...] = ()  #: the paired ones, all of them Boolean
    #: By paired flag: the fields of a profile that tell its time.
    times: Mapping[WireFlag, tuple[str, ...]] = field(default_factory=dict)
    token_days: float = TOKEN_DAYS  #: how long a change token of Dynamics lives

    def table(self) -> DynamicsTable:
        """Contacts as the connector asks for their rows: the paired columns, and when they changed last."""
        columns = {name: DynamicsColumn(name, "Boolean", name) for name in self.columns}
        columns[MODIFIED] = DynamicsColumn(MODIFIED, "DateTime", MODIFIED)
        return DynamicsTable(CONTACT, self.set_name, self.primary_id, change_tracking=True, columns=columns)

    def fields(self, key: str) -> tuple[str, ...]:
        """The fields of a profile that are read: its key, when it changed last, the paired flags and their times."""
        told = [name for flag, times in self.times.items() for name in (flag, *times)]
        return tuple(dict.fromkeys((key, LAST_MODIFIED, *told)))


class Examined(NamedTuple):
    """What both systems say to a configuration. Places lead from it on: ("flags", 2, "dynamics")."""

    shapes: ConsentShapes
    """As far as what is configured is there."""
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def read_shapes(config: OptinoutConfig, dynamics: Dynamics, campaign: Campaign, timeout: float) -> ConsentShapes:
    """Asks both systems; `timeout`, in seconds, is for each question.

    Raises Misfitting with a sentence for each thing that is not there, or not as it must be; TableMissing, TryAgain,
    Stop.
    """
    found = examine(config, dynamics, campaign, timeout)
    if found.errors:
        raise Misfitting([error.sentence for error in found.errors])
    return found.shapes


def examine(config: OptinoutConfig, dynamics: Dynamics, campaign: Campaign, timeout: float) -> Examined:
    """As `read_shapes`, with everything that is found. Where nothing moves, nobody is asked.

    Raises TableMissing, TryAgain, Stop.
    """
    if not config.reads_campaign:
        return Examined(ConsentShapes(), (), ())
    table = dynamics.table(CONTACT, timeout)
    profile = campaign.resource(PROFILE, timeout)
    errors = (
        *_tracking_errors(config, table),
        *_column_errors(config, table),
        *_flag_errors(config, profile),
        *_key_errors(config, profile),
        *_filter_errors(config, campaign, timeout),
    )
    shapes = ConsentShapes(
        table.set_name,
        table.primary_id,
        tuple(pair.dynamics for pair in config.flags),
        {pair.campaign: _times(config, pair.campaign, profile) for pair in config.flags},
        (dynamics.token_days(timeout) or TOKEN_DAYS) if config.both_ways else TOKEN_DAYS,
    )
    return Examined(shapes, errors, tuple(_time_warnings(config, shapes)))


def _tracking_errors(config: OptinoutConfig, table: DynamicsTable) -> Iterator[Finding]:
    if config.both_ways and not table.change_tracking:
        yield Finding(
            ("direction",),
            f"direction: bidirectional reads the changes of {CONTACT}, and change tracking is off: switch on "
            "'Track changes' in the table's settings, or say direction: campaign_to_dynamics.",
        )


def _column_errors(config: OptinoutConfig, table: DynamicsTable) -> Iterator[Finding]:
    booleans = sorted(name for name, column in table.columns.items() if column.type == "Boolean")
    for index, pair in enumerate(config.flags):
        column = table.columns.get(pair.dynamics)
        if column is not None and column.type == "Boolean":
            continue
        fault = f"is of type {column.type}, and consent is Yes or No" if column else "is not there"
        yield Finding(
            ("flags", index, "dynamics"),
            f"The column {pair.dynamics} of {CONTACT}, paired with {pair.campaign}, {fault}; take another pair, or "
            f"correct it: columns of type Boolean are {_some(booleans)}.",
        )


#: The most names that a sentence lists.
_MOST_NAMES = 20


def _some(names: list[str]) -> str:
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return ", ".join([*names[:_MOST_NAMES], *more]) or "none"


def _flag_errors(config: OptinoutConfig, profile: CampaignResource) -> Iterator[Finding]:
    for index, pair in enumerate(config.flags):
        known = profile.fields.get(pair.campaign)
        fault = ""
        if known is None:
            fault = "is not there in this instance; remove the pair, or have the field added in Campaign"
        elif config.both_ways and known.read_only:
            fault = "cannot be written in this instance; say direction: campaign_to_dynamics, or remove the pair"
        if fault:
            sentence = f"The flag {pair.campaign} of {PROFILE}, paired with {pair.dynamics}, {fault}."
            yield Finding(("flags", index, "campaign"), sentence)


def _key_errors(config: OptinoutConfig, profile: CampaignResource) -> Iterator[Finding]:
    name = config.profile_key.field
    if name not in profile.fields:
        yield Finding(
            ("profile_key", "field"),
            f"The key field {name} of {PROFILE} is not there; correct profile_key.field, or add the field in Campaign.",
        )


def _filter_errors(config: OptinoutConfig, campaign: Campaign, timeout: float) -> Iterator[Finding]:
    """Filters are made in Campaign by hand."""
    key = config.profile_key
    wanted: list[tuple[str, str, str]] = []
    if config.poll is not None:
        instead = "say poll: null" if config.files else "read files instead"
        use = f"by which changed profiles are found; create it on {LAST_MODIFIED} and publish it, {instead}"
        wanted.append(("poll", config.poll.filter, use))
    if key.address == "filter":
        use = f"by which a profile is looked up; create it on {key.field} and publish it"
        wanted.append(("profile_key", key.filter, use))
    if not wanted:
        return
    try:
        known = campaign.filters(PROFILE, timeout)
    except (Malformed, Refused):
        return  # not every instance tells; a start meets it all the same
    for part, name, use in wanted:
        if name not in known:
            yield Finding(
                (part, "filter"), f"The resource {PROFILE} has no filter {name}, {use}, or correct {part}.filter."
            )


def _times(config: OptinoutConfig, flag: WireFlag, profile: CampaignResource) -> tuple[str, ...]:
    return tuple(name for name in config.times.fields_of(flag) if name in profile.fields)


def _time_warnings(config: OptinoutConfig, shapes: ConsentShapes) -> Iterator[Finding]:
    """Without a flag's time a conflict is decided in doubt."""
    for index, pair in enumerate(config.flags):
        wanted = config.times.fields_of(pair.campaign)
        if wanted and not shapes.times[pair.campaign]:
            yield Finding(
                ("flags", index, "campaign"),
                f"The resource {PROFILE} has no {' or '.join(wanted)}: when {pair.campaign} changed cannot be told "
                "there, and where both systems differ opted out wins.",
            )


def dump(shapes: ConsentShapes) -> bytes:
    """Packed, to be kept as what is known."""
    return orjson.dumps(shapes, option=orjson.OPT_SORT_KEYS)


def load(packed: bytes) -> ConsentShapes:
    """The other way round."""
    found = orjson.loads(packed)
    times = {flag: tuple(fields) for flag, fields in found["times"].items()}
    return ConsentShapes(**{**found, "columns": tuple(found["columns"]), "times": times})
