"""Where changed consent flags of Campaign are read: in profiles that are polled, and in files of its opt-out export."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, WithJsonSchema, model_validator

from config.consent_flags import SPELLINGS, Flag, WireFlag
from config.event_fields import DateFormats
from config.model import Model, NotEmpty, Number, Place, Text, Whole, YesNo, part, parts, with_relations
from config.names import CampaignName
from config.remote_files import Pattern, RemoteFiles


class ConsentPoll(Model):
    """Changed profiles, asked for through a custom filter of the profile on `lastModified`, which an administrator
    defines: `lastModified` greater than or equal to a parameter."""

    filter: CampaignName = Field(
        default="byLastModified", description="Name of the custom filter, as it stands in the address."
    )
    parameter: CampaignName = Field(default="lastModified_parameter", description="Name of that filter's parameter.")
    every_seconds: Number = Field(
        default=1,
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="How many seconds after an answer Campaign is asked again for what has changed just now.",
    )
    overlap_seconds: Number = Field(
        default=10,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="By how many seconds changes may show later than their own time says. A second question, asked "
        "that often, looks back twice as long, and finds them nevertheless. What was seen already costs nothing more.",
    )
    page_size: Whole = Field(default=200, ge=1, le=1000, description="How many profiles one answer holds.")


class ConsentColumns(Model):
    """In which columns of a file the parts of a record stand, by the names in its first line."""

    contact: Text = Field(default="externalId", description="The profile's externalId: the id of the Dynamics contact.")
    modified: Text | None = Field(
        default="lastModified",
        description="When the profile changed last. null: it is not told. A file need not have this column.",
    )
    flags: dict[Flag, Text] = Field(
        default={},
        description="Column of each flag. A flag that is not listed stands in the column of its own name. A file must "
        "have the columns of all paired flags.",
    )
    times: dict[Flag, Text | None] = Field(
        default={},
        description="Column with the time of each flag's last change. null: it is not told. A flag that is not listed "
        "has the columns that are named as the profile's fields, such as blackListEmailLastModified. A file need not "
        "have these columns.",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _each_flag_once(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _two_spellings)

    def of(self, flag: WireFlag) -> str:
        """The column in which the flag's value stands."""
        return self.flags.get(flag, flag)

    def times_of(self, flag: WireFlag, unsaid: tuple[str, ...]) -> tuple[str, ...]:
        """The columns in which the time of the flag's last change stands, `unsaid` if this does not say which; the
        newest counts. Empty: it is not told."""
        if flag not in self.times:
            return unsaid
        column = self.times[flag]
        return () if column is None else (column,)


def _two_spellings(value: object) -> Iterator[tuple[Place, str]]:
    for name in ("flags", "times"):
        listed = part(value, name)
        seen: set[str] = set()
        for key in listed if isinstance(listed, dict) else ():
            flag = SPELLINGS.get(key)
            if flag is not None and flag in seen:
                yield (name, key), f"{flag} is listed twice, by both its spellings: keep one"
            elif flag is not None:
                seen.add(flag)


class ConsentFiles(RemoteFiles):
    """Files of Campaign's opt-out export: a line of column names first, then a line for each profile whose flags have
    changed. Names that end in .gz are unpacked."""

    pattern: Pattern = Field(
        default="optout_*.csv*",
        description="Which files of the folder are read: `*` stands for any characters, `?` for one, `[0-9]` for one "
        "of these. Capitals count.",
    )
    columns: ConsentColumns = Field(
        default=ConsentColumns(), description="In which columns the parts of a record stand."
    )
    true_values: Annotated[tuple[Text, ...], NotEmpty] = Field(
        default=("1", "true", "yes"),
        description="Values of a flag that mean opted out; capitals do not count.",
        json_schema_extra={"minItems": 1},
    )
    false_values: Annotated[tuple[Text, ...], NotEmpty] = Field(
        default=("0", "false", "no"),
        description="Values of a flag that mean not opted out; capitals do not count. Any other value is not "
        "understood: nothing is written because of it, and opted out stands.",
        json_schema_extra={"minItems": 1},
    )
    date_formats: DateFormats = Field(
        default=(),
        description="Formats of times that are tried before ISO 8601, as Python's strptime takes them, such as "
        "`%d/%m/%Y %H:%M:%S`. Without a zone (`%z`) the time is UTC.",
    )

    @classmethod
    def mistakes(cls, value: object) -> Iterator[tuple[Place, str]]:
        yield from super().mistakes(value)
        written_last, other = "true_values", "false_values"
        if part(value, other) is not None:
            written_last, other = other, written_last
        others = {token.casefold() for token in _tokens(cls, value, other) if isinstance(token, str)}
        for index, token in enumerate(_tokens(cls, value, written_last)):
            if isinstance(token, str) and token.casefold() in others:
                yield (written_last, index), f"{token} is listed under {other}, too: each value has one meaning"


def _tokens(model: type[Model], value: object, name: str) -> Sequence[object]:
    default: Sequence[object] = model.model_fields[name].default
    return default if part(value, name) is None else parts(value, name)


def _workflow_id(text: str) -> str:
    if not all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in text):
        raise ValueError("is not the ID of a workflow, such as WKF123: letters, digits, _ and -")
    return text


WorkflowId = Annotated[
    Text, AfterValidator(_workflow_id), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})
]
"""The ID of a workflow of Campaign, as its properties show it."""


class ExportWorkflow(Model):
    """The workflow of Campaign that exports the files, if it is to be driven from here."""

    id: WorkflowId = Field(description="Its ID, as its properties show it, such as WKF123.")
    signal: CampaignName | None = Field(
        default=None,
        description="The External signal activity that begins an export, by its name, such as signal1; it is triggered "
        "every `every_seconds`. null: the workflow has a schedule of its own.",
    )
    start: YesNo = Field(
        default=True, description="Whether the workflow is started when it is found stopped. If not, status says so."
    )
    every_seconds: Whole = Field(
        default=600,
        ge=600,
        description="How many seconds pass between two looks at the workflow, and between two signals. (A signal of "
        "Campaign fires once in ten minutes.)",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _does_something(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _nothing_to_do)


def _nothing_to_do(value: object) -> Iterator[tuple[Place, str]]:
    if part(value, "start") is False and part(value, "signal") is None:
        yield ("start",), "must be true where no signal is named: nothing else would be done with the workflow"


AllChannels = Literal["newer", "blackListLastModified", "blackListAllLastModified"]
PushTime = Literal["seen", "modified", "none"]


class FlagTimes(Model):
    """Which times count for the two flags whose time Campaign does not tell plainly."""

    all_channels: AllChannels = Field(
        default="newer",
        description="The time of blackList, for which profiles have two fields: the newer of both, or one of them.",
    )
    push: PushTime = Field(
        default="seen",
        description="The time of blackListPushnotification, which has no field. `seen`: with another value than "
        "before, between the last change of the profile seen before and its last change. `modified`: the last change "
        "of the profile, whatever changed. `none`: it cannot be told, and opted out wins.",
    )

    def fields_of(self, flag: WireFlag) -> tuple[str, ...]:
        """The fields of a profile that hold the time of the flag's last change; the newest counts. Empty: none does."""
        if flag == "blackListPushnotification":
            return ()
        if flag != "blackList":
            return (f"{flag}LastModified",)
        both = ("blackListLastModified", "blackListAllLastModified")
        return both if self.all_channels == "newer" else (self.all_channels,)
