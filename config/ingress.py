"""The ingress workflow: which Dynamics tables flow into which Campaign resources, field by field."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from config.model import Model, Place, Text, YesNo, list_with_relations, written


def _logical_name(text: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", text):
        raise ValueError(
            "is not a logical name of Dynamics: those are made of lower-case letters, digits and underscores"
        )
    return text


def _campaign_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError("is not a name of Campaign: those are made of letters, digits and underscores")
    return text


def _campaign_path(text: str) -> str:
    for part in text.split("."):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", part):
            raise ValueError("is not a field of Campaign: it looks like email, or location.city for a nested one")
    return text


LogicalName = Annotated[Text, AfterValidator(_logical_name)]
CampaignName = Annotated[Text, AfterValidator(_campaign_name)]
CampaignPath = Annotated[Text, AfterValidator(_campaign_path)]


class CampaignKey(Model):
    """The Campaign field that holds the Dynamics record's id, and how a record is found by it."""

    field: CampaignName = Field(
        default="externalId", description="Campaign field that holds the id of the Dynamics record."
    )
    unique: YesNo = Field(
        default=False, description="Whether the instance itself enforces that no two records share a key."
    )
    address: Literal["uri", "filter"] = Field(
        default="filter",
        description="How one record is addressed: `filter` looks it up through a custom filter; `uri` puts the key "
        "into the address and saves a call, but takes a custom identification key, which Adobe documents for "
        "profiles only.",
    )
    filter: CampaignName = Field(
        default="byExternalId",
        description="Name of the custom filter on the key field, as it stands in the address.",
    )
    parameter: CampaignName = Field(default="externalId_parameter", description="Name of that filter's parameter.")

    @model_validator(mode="after")
    def _address_fits_key(self) -> Self:
        if self.address == "uri" and not self.unique:
            raise ValueError("address: uri needs unique: true, because an address must name one record only")
        if self.address == "filter" and self.field != "externalId":
            missing = [name for name in ("filter", "parameter") if name not in self.model_fields_set]
            if missing:
                raise ValueError(
                    f"a key other than externalId must say how it is looked up: add {' and '.join(missing)}"
                )
        return self


class FieldMapping(Model):
    """One Dynamics column that is written to one Campaign field."""

    source: LogicalName = Field(
        validation_alias="from",
        serialization_alias="from",
        description="Dynamics column, by its logical name.",
    )
    target: CampaignPath = Field(
        validation_alias="to",
        serialization_alias="to",
        description="Campaign field; a dot leads into a nested one, as in location.city.",
    )


class TableMapping(Model):
    """One Dynamics table that flows into one Campaign resource."""

    table: LogicalName = Field(description="Dynamics table, by its logical name, such as contact.")
    resource: CampaignName = Field(description="Campaign resource, such as profile or cusVehicle.")
    key: CampaignKey = Field(description="The key field in Campaign. It takes the id of the Dynamics record.")
    fields: tuple[FieldMapping, ...] = Field(
        description="Which column is written to which field. The key is not listed here: it is always written."
    )
    apply_deletes: YesNo = Field(
        default=False,
        description="Whether a record that is deleted in Dynamics is deleted in Campaign. If not, it stays.",
    )

    @field_validator("fields", mode="wrap")
    @classmethod
    def _fields_agree(cls, value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        key = info.data.get("key")
        key_field = key.field if isinstance(key, CampaignKey) else None
        return list_with_relations(value, handler, lambda items: _clashes(items, key_field))

    @property
    def stream(self) -> str:
        """The name of this mapping's stream of records: its table."""
        return self.table


def _clashes(items: Sequence[object], key_field: str | None) -> Iterator[tuple[Place, str]]:
    """Campaign fields that are written twice, as a whole and in part, or although they are the key."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        target = written(item, "to", "target")
        if target is None:
            continue
        place = (index, "to")
        parts = target.split(".")
        above = {".".join(parts[:depth]) for depth in range(1, len(parts))}
        if target == key_field:
            yield place, f"{target} is the key, which always takes the record's id: remove this line"
        elif target in seen:
            yield place, f"{target} is written twice: one Campaign field takes one Dynamics column"
        elif above & seen or any(other.startswith(f"{target}.") for other in seen):
            yield place, f"{target} and another field above overlap: map the whole field or its parts"
        seen.add(target)


class IngressConfig(Model):
    """What flows from Dynamics to Campaign."""

    tables: tuple[TableMapping, ...] = Field(
        description="The tables that flow, one by one. With an empty list, [], the workflow moves nothing."
    )

    @field_validator("tables", mode="wrap")
    @classmethod
    def _tables_agree(cls, value: object, handler: ValidatorFunctionWrapHandler) -> Any:
        return list_with_relations(value, handler, _repeated_tables)


def _repeated_tables(items: Sequence[object]) -> Iterable[tuple[Place, str]]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        table = written(item, "table")
        if table is not None and table in seen:
            yield (index, "table"), f"{table} is mapped twice: a table is mapped once, to one resource"
        if table is not None:
            seen.add(table)
