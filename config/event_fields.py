"""How an event of Campaign is understood: where its parts stand, and what their values mean."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, WithJsonSchema, model_validator

from config.model import Model, Place, Text, parts, with_relations

Kind = Literal["send", "open", "click", "bounce"]
"""What happened to an email."""

KINDS: tuple[Kind, ...] = ("send", "open", "click", "bounce")


_PATH = r"[^.]+(\.[^.]+)*"


def _path(text: str) -> str:
    if not re.fullmatch(_PATH, text):
        raise ValueError("must be the names that lead to a value, with a dot between two: data.externalId")
    return text


EventPath = Annotated[Text, AfterValidator(_path), WithJsonSchema({"type": "string", "pattern": f"^{_PATH}$"})]
"""Where a value stands in a JSON object; a dot leads into a nested object."""

_ID = Field(description="What tells this event from all others of its kind.")
_TYPE = Field(description="What happened; `types` says which values mean what.")
_CONTACT = Field(description="The profile's externalId: the id of the Dynamics contact.")
_TIME = Field(
    description="When it happened: ISO 8601 (without a zone in UTC), milliseconds since 1970, or one of `date_formats`."
)
_CAMPAIGN = Field(description="Id of the campaign. null: none is told.")
_DELIVERY = Field(description="Id of the delivery. null: none is told.")
_URL = Field(description="The address that was clicked. null: none is told.")
_MIRROR_PAGE = Field(description="Address of the mirror page. null: none is told.")
_FAILURE_TYPE = Field(
    description="Whether a failure is hard; `hard_failures` says which values mean so. null: it is not told."
)
_STATUS = Field(
    description="What became of a send, as delivery logs say it; `statuses` says which values mean what. "
    "null: it is not told, and every send is one."
)


class JournalFields(Model):
    """Where the parts of an event stand in the JSON objects of the journal; a dot leads into a nested object. Adobe
    does not document these events: compare the defaults with an event of yours."""

    id: Annotated[EventPath, _ID] = "id"
    type: Annotated[EventPath, _TYPE] = "type"
    contact: Annotated[EventPath, _CONTACT] = "data.externalId"
    time: Annotated[EventPath, _TIME] = "data.eventDate"
    campaign: Annotated[EventPath | None, _CAMPAIGN] = "data.campaignName"
    delivery: Annotated[EventPath | None, _DELIVERY] = "data.deliveryName"
    url: Annotated[EventPath | None, _URL] = "data.url"
    mirror_page: Annotated[EventPath | None, _MIRROR_PAGE] = "data.mirrorPageUrl"
    failure_type: Annotated[EventPath | None, _FAILURE_TYPE] = "data.failureType"
    status: Annotated[EventPath | None, _STATUS] = None


class FileFields(Model):
    """In which columns of a file the parts of an event stand, by the names in its first line. A file need not have the
    columns that may be null."""

    id: Annotated[Text, _ID] = "id"
    type: Annotated[Text, _TYPE] = "type"
    contact: Annotated[Text, _CONTACT] = "externalId"
    time: Annotated[Text, _TIME] = "eventDate"
    campaign: Annotated[Text | None, _CAMPAIGN] = "campaignName"
    delivery: Annotated[Text | None, _DELIVERY] = "deliveryName"
    url: Annotated[Text | None, _URL] = "url"
    mirror_page: Annotated[Text | None, _MIRROR_PAGE] = "mirrorPageUrl"
    failure_type: Annotated[Text | None, _FAILURE_TYPE] = "failureType"
    status: Annotated[Text | None, _STATUS] = "status"


class _Meanings(Model):
    """Lists of values, each list with its meaning: no value has two."""

    @model_validator(mode="wrap")
    @classmethod
    def _values_mean_one_thing(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, lambda value: _repeated(cls, value))


def _repeated(model: type[Model], value: object) -> Iterator[tuple[Place, str]]:
    """Values that are listed twice, those of lists that are left out to their defaults among them."""
    said = value if isinstance(value, dict) else {}
    fields = model.model_fields
    seen = {text.casefold(): name for name in fields if name not in said for text in fields[name].default}
    for name in (name for name in fields if name in said):
        for index, text in enumerate(parts(said, name)):
            if not isinstance(text, str):
                continue
            meaning = seen.setdefault(text.casefold(), name)
            if meaning != name:
                yield (name, index), f"{text} is listed under {meaning}, too: each value has one meaning"


class EventTypes(_Meanings):
    """What the values of `type` mean; capitals do not count. Any other value is not understood, and the event is set
    aside."""

    send: tuple[Text, ...] = Field(
        default=("com.adobe.campaign.email.send", "send"), description="An email was sent to the contact."
    )
    open: tuple[Text, ...] = Field(
        default=("com.adobe.campaign.email.open", "open", "2"),
        description="The contact opened an email. 2 is Campaign's number in tracking logs.",
    )
    click: tuple[Text, ...] = Field(
        default=("com.adobe.campaign.email.click", "click", "email click", "1", "10", "11"),
        description="The contact clicked a link. 1, 10 and 11 are Campaign's numbers in tracking logs.",
    )
    bounce: tuple[Text, ...] = Field(
        default=("com.adobe.campaign.email.bounce", "bounce"), description="An email came back."
    )
    ignore: tuple[Text, ...] = Field(
        default=("opt-out", "3", "mirror page", "6"),
        description="Something that is not shown on the timeline: the event is left out.",
    )


class EventStatuses(_Meanings):
    """What the values of `status` mean for a send; capitals do not count. Any other value is not understood, and the
    event is set aside."""

    sent: tuple[Text, ...] = Field(
        default=("sent", "delivered", "taken into account by the service provider", "1"),
        description="It was sent.",
    )
    failed: tuple[Text, ...] = Field(
        default=("failed", "2"),
        description="It failed: a bounce if the failure is hard; if not, the event is left out.",
    )
    not_sent: tuple[Text, ...] = Field(
        default=("pending", "prepared", "ignored", "not applicable", "delivery canceled", "6", "0"),
        description="It was not sent, or not yet: the event is left out.",
    )


#: Both halves of the day and each of the numbers differ, so that a format which confuses two of them is found out.
_SAMPLE = datetime(2024, 11, 23, 17, 45, 58)  # noqa: DTZ001  # formats are tried without a zone


def _date_format(text: str) -> str:
    if "%Z" in text:
        raise ValueError("must not hold %Z: names of time zones do not say how far they are from UTC; %z does")
    try:
        found = datetime.strptime(_SAMPLE.strftime(text.replace("%z", "+0000")), text)  # noqa: DTZ007
    except ValueError:
        raise ValueError("is not a format of dates as strptime takes it, such as %d/%m/%Y %H:%M:%S") from None
    told = _SAMPLE.replace(second=0), _SAMPLE.replace(minute=0, second=0), _SAMPLE.replace(hour=0, minute=0, second=0)
    if found.replace(tzinfo=None) not in (_SAMPLE, *told):
        raise ValueError("must tell the whole date, %Y %m %d, and the hour by %H, or by %I with %p")
    return text


DateFormats = tuple[Annotated[Text, AfterValidator(_date_format)], ...]
"""Formats of dates, each one such that a date and time written by it can be read back."""
