"""The activity tables of Dynamics in which events are shown on a contact's timeline, one for each kind of event."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from config.event_fields import KINDS, Kind
from config.model import Model, Place, YesNo, part, with_relations, written
from config.names import LogicalName

#: Columns that every activity has and that are written always, beside those that are named here.
OWN_COLUMNS = frozenset({"activityid", "subject", "regardingobjectid", "ownerid", "statecode", "statuscode"})

_TABLE = Field(description="Activity table, by its logical name.")
_DATE = Field(description="Column for when it happened.")
_CAMPAIGN = Field(description="Column for the campaign's id. null: it is not written.")
_DELIVERY = Field(description="Column for the delivery's id. null: it is not written.")
_MIRROR_PAGE = Field(description="Column for the address of the mirror page. null: it is not written.")
_URL = Field(description="Column for the address that was clicked. null: it is not written.")


class ActivityMapping(Model):
    """One kind of event in one activity table. Subject, contact and owner are written by themselves."""

    table: Annotated[LogicalName, _TABLE]
    date: Annotated[LogicalName, _DATE]
    campaign: Annotated[LogicalName | None, _CAMPAIGN] = "adobe_campaignname"
    delivery: Annotated[LogicalName | None, _DELIVERY] = "adobe_deliveryname"
    mirror_page: Annotated[LogicalName | None, _MIRROR_PAGE] = "adobe_mirrorpageurl"

    @model_validator(mode="wrap")
    @classmethod
    def _columns_differ(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, lambda value: _clashes(cls, value))

    @property
    def columns(self) -> dict[str, str]:
        """What is written to which column: the names here -> the columns."""
        found = {name: getattr(self, name) for name in type(self).model_fields if name != "table"}
        return {name: column for name, column in found.items() if column is not None}


def _clashes(model: type[Model], value: object) -> Iterator[tuple[Place, str]]:
    said = value if isinstance(value, dict) else {}
    names = [name for name in model.model_fields if name != "table"]
    seen: dict[str, str] = {}
    for name in sorted(names, key=lambda name: name in said):
        column = said[name] if name in said else model.model_fields[name].default
        if not isinstance(column, str):
            continue
        if column in OWN_COLUMNS:
            yield (name,), f"{column} is written by itself: name another column"
        elif column in seen:
            yield (name,), f"{column} takes {seen[column]} already: each column takes one thing"
        seen.setdefault(column, name)


class SendActivity(ActivityMapping):
    """Sends. The names of this table are those of Adobe's solution."""

    table: Annotated[LogicalName, _TABLE] = "adobe_emailsend"
    date: Annotated[LogicalName, _DATE] = "adobe_senton"


class OpenActivity(ActivityMapping):
    """Opens. The names are assumed, after those of sends."""

    table: Annotated[LogicalName, _TABLE] = "adobe_emailopen"
    date: Annotated[LogicalName, _DATE] = "adobe_openedon"


class ClickActivity(ActivityMapping):
    """Clicks. The names are assumed, after those of sends."""

    table: Annotated[LogicalName, _TABLE] = "adobe_emailurlclick"
    date: Annotated[LogicalName, _DATE] = "adobe_clickedon"
    url: Annotated[LogicalName | None, _URL] = "adobe_trackingurl"


class BounceActivity(ActivityMapping):
    """Hard bounces. The names are assumed, after those of sends."""

    table: Annotated[LogicalName, _TABLE] = "adobe_emailbounce"
    date: Annotated[LogicalName, _DATE] = "adobe_bouncedon"


class Activities(Model):
    """The activity tables, one for each kind of event. Adobe publishes the names of the send table alone: compare the
    others with yours. A start says which of these names Dynamics does not have."""

    send: SendActivity = Field(default=SendActivity(), description="Where sends are written.")
    open: OpenActivity = Field(default=OpenActivity(), description="Where opens are written.")
    click: ClickActivity = Field(default=ClickActivity(), description="Where clicks are written.")
    bounce: BounceActivity = Field(default=BounceActivity(), description="Where hard bounces are written.")
    complete: YesNo = Field(
        default=True,
        description="Whether activities are created as completed. If not, they are open, as new ones are by default.",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _tables_differ(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _mistakes)

    def of(self, kind: Kind) -> ActivityMapping:
        """The table for events of this kind."""
        found: ActivityMapping = getattr(self, kind)
        return found


def _mistakes(value: object) -> Iterator[tuple[Place, str]]:
    said = {kind: table for kind in KINDS if (table := written(part(value, kind), "table")) is not None}
    seen = {_default_table(kind): kind for kind in KINDS if kind not in said}
    for kind, table in said.items():
        other = seen.setdefault(table, kind)
        if other != kind:
            yield (kind, "table"), f"{table} takes the {other} events already: each kind has a table of its own"


def _default_table(kind: Kind) -> str:
    mapping: ActivityMapping = Activities.model_fields[kind].default
    return mapping.table
