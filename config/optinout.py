"""The opt-in/out workflow: which consent flags follow which columns, in which direction, and where they are read."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self, get_args

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from config.consent_flags import FLAGS, POLICIES, Flag, FlagPair, Policy, WireFlag, flag_named, wire_flag
from config.consent_sources import ConsentColumns, ConsentFiles, ConsentPoll, ExportWorkflow, FlagTimes
from config.model import Model, Number, Place, Whole, part, parts, with_relations, written
from config.objectives import Objectives
from config.tables import CampaignKey

__all__ = [
    "DIRECTIONS",
    "FLAGS",
    "POLICIES",
    "READING",
    "ConsentColumns",
    "ConsentFiles",
    "ConsentPoll",
    "Direction",
    "ExportWorkflow",
    "Flag",
    "FlagPair",
    "FlagTimes",
    "OptinoutConfig",
    "Policy",
    "WireFlag",
    "flag_named",
    "wire_flag",
]

Direction = Literal["disabled", "dynamics_to_campaign", "campaign_to_dynamics", "bidirectional"]
"""Which way consent travels."""

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)

#: The directions in which this workflow reads Campaign.
READING: tuple[Direction, ...] = ("campaign_to_dynamics", "bidirectional")


class OptinoutConfig(Model):
    """Which consent flags flow between the contacts of Dynamics and the profiles of Campaign, and which way."""

    direction: Direction = Field(
        description="Which way consent travels. `disabled`: it does not. `dynamics_to_campaign`: with the contacts, "
        "where ingress maps its columns; this workflow then moves nothing. `campaign_to_dynamics`: Campaign's flags "
        "are written to Dynamics. `bidirectional`: both ways.",
    )
    flags: tuple[FlagPair, ...] = Field(
        default=(), description="Which column and which flag say the same, pair by pair; each stands in one pair."
    )
    profile_key: CampaignKey = Field(
        default=CampaignKey(),
        description="The profile's field that holds the id of the contact, and how a profile is found by it; the same "
        "as the key of the contact's mapping in ingress.",
    )
    poll: ConsentPoll | None = Field(
        default=ConsentPoll(),
        description="How changed profiles are asked for, so that a change arrives within seconds. null: not at all, "
        "for an instance without a filter on the last change; consent is then read in files.",
    )
    files: ConsentFiles | None = Field(
        default=None,
        description="How files of Campaign's opt-out export are read; {} takes all defaults. null: none are.",
    )
    export_workflow: ExportWorkflow | None = Field(
        default=None, description="The workflow of Campaign that exports the files. null: it is left alone."
    )
    times: FlagTimes = Field(
        default=FlagTimes(), description="Which times count for the flags whose time Campaign does not tell plainly."
    )
    contact_limit_seconds: Number = Field(
        default=86_400,
        ge=0,
        allow_inf_nan=False,
        description="How many seconds a change waits for a contact that Dynamics does not have (yet); then it is set "
        "aside.",
    )
    objectives: Objectives | None = Field(
        default=None,
        description="How soon changes shall have arrived; {} takes all defaults. null: nothing is promised.",
    )
    retention_days: Whole = Field(
        default=730, ge=1, le=36_500, description="How many days the record of a decision is kept."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _parts_agree(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _mistakes)

    @property
    def reads_campaign(self) -> bool:
        """Whether changes of Campaign's flags are read here: whether this workflow moves anything."""
        return self.direction in READING

    @property
    def both_ways(self) -> bool:
        """Whether flags are written to Campaign, too."""
        return self.direction == "bidirectional"

    def pair_of(self, flag: str) -> FlagPair | None:
        """The pair in which this flag stands, by its name on the wire."""
        return next((pair for pair in self.flags if pair.campaign == flag), None)

    def time_columns(self, flag: WireFlag) -> tuple[str, ...]:
        """The columns of a file that hold the time of the flag's last change; the newest counts. Empty: none does."""
        unsaid = self.times.fields_of(flag)
        return self.files.columns.times_of(flag, unsaid) if self.files else unsaid


def _mistakes(value: object) -> Iterator[tuple[Place, str]]:
    pairs = parts(value, "flags")
    yield from _repeated(pairs)
    if part(value, "direction") in READING:
        yield from _unread(value, pairs)
    files = part(value, "files")
    if isinstance(files, dict | Model):
        yield from _shared_columns(files, pairs)
    elif files is None and part(value, "export_workflow") is not None:
        yield ("export_workflow",), "needs files, where what it exports is read: add files: {}, or take this away"


def _repeated(pairs: Sequence[object]) -> Iterator[tuple[Place, str]]:
    columns: set[str] = set()
    flags: set[str] = set()
    for index, pair in enumerate(pairs):
        column, flag = written(pair, "dynamics"), flag_named(written(pair, "campaign"))
        if column in columns:
            yield ("flags", index, "dynamics"), f"{column} is paired twice: a column goes with one flag"
        if flag in flags:
            yield ("flags", index, "campaign"), f"{flag} is paired twice: a flag goes with one column"
        columns |= {column} if column else set()
        flags |= {flag} if flag else set()


def _unread(value: object, pairs: Sequence[object]) -> Iterator[tuple[Place, str]]:
    """What a direction that reads Campaign cannot do without."""
    direction = part(value, "direction")
    if not pairs and not _mistyped(value, "flags"):
        yield ("flags",), f"must hold a pair with direction: {direction}; or say direction: disabled"
    unpolled = isinstance(value, Model | dict) and _says_null(value, "poll")
    if unpolled and part(value, "files") is None:
        yield ("poll",), f"must not be null without files: direction: {direction} reads Campaign by one of them"
    for index, pair in enumerate(pairs):
        if direction == "campaign_to_dynamics" and part(pair, "policy") in ("most_restrictive", "newest", "dynamics"):
            yield (
                ("flags", index, "policy"),
                "needs direction: bidirectional; with campaign_to_dynamics it is always Campaign's value that is "
                "written: remove the policy",
            )


def _mistyped(value: object, name: str) -> bool:
    """Whether something stands there that is no list: its type is the mistake."""
    return part(value, name) is not None and not isinstance(part(value, name), list | tuple)


def _says_null(value: object, name: str) -> bool:
    return value.get(name, ...) is None if isinstance(value, dict) else getattr(value, name) is None


def _shared_columns(files: object, pairs: Sequence[object]) -> Iterator[tuple[Place, str]]:
    """Paired flags that would be read in a column of something else."""
    said = part(files, "columns")
    columns = said if isinstance(said, dict | Model) else {}
    contact = written(columns, "contact") or ConsentColumns().contact
    taken = {contact: "the contact"}
    by_flag = {flag_named(key): (key, name) for key, name in _listed(columns, "flags")}
    for pair in pairs:
        flag = flag_named(written(pair, "campaign"))
        if flag is None:
            continue
        key, column = by_flag.get(flag, ("", flag))
        if taken.setdefault(column, flag) != flag:
            place = ("flags", key) if key else ("contact",) if column == contact else ("flags",)
            yield ("files", "columns", *place), f"{column} is the column of {taken[column]}, too"


def _listed(columns: object, name: str) -> list[tuple[str, str]]:
    found = part(columns, name)
    items = found.items() if isinstance(found, dict) else ()
    return [(key, column) for key, column in items if isinstance(key, str) and isinstance(column, str)]
