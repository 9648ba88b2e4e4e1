"""One Dynamics table that flows into one Campaign resource: its key, its fields, its links."""

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from config.file_import import FileImport
from config.filters import Exact, Filter, Scalar
from config.model import Model, Place, YesNo, part, parts, with_relations, written
from config.names import CampaignName, CampaignPath, LogicalName


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


class FieldMapping(Exact):
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
    apply_updates: YesNo | None = Field(
        default=None,
        description="Whether a change in Dynamics is written. If not, only the first run and a replay write this "
        "field. Left out: as the table says.",
    )
    technical_value: YesNo | None = Field(
        default=None,
        description="Whether a choice (picklist) travels as its number; if not, as its display label. "
        "Left out: as technical_values of the table says.",
    )
    replace: dict[str, Scalar] = Field(
        default={},
        description="Values that are replaced on their way, `existing: new`. The existing one is the value that "
        'would travel; "" stands for no value. What is not listed travels as it is.',
    )


class LinkMapping(Model):
    """One lookup of Dynamics that becomes a link of Campaign, from a child to its parent."""

    source: LogicalName = Field(
        validation_alias="from",
        serialization_alias="from",
        description="Lookup column of the child, by its logical name.",
    )
    target: CampaignPath = Field(
        validation_alias="to",
        serialization_alias="to",
        description="Link of the Campaign resource; or the text field by which Campaign joins, "
        "which then takes the parent's id.",
    )
    table: LogicalName = Field(description="Dynamics table of the parent; it is mapped, too.")
    required: YesNo = Field(
        default=False,
        description="Whether the child cannot be without this parent: cardinality 1 in Campaign, "
        "which hides a child whose parent is missing.",
    )


class TableMapping(Model):
    """One Dynamics table that flows into one Campaign resource."""

    table: LogicalName = Field(description="Dynamics table, by its logical name, such as contact.")
    resource: CampaignName = Field(description="Campaign resource, such as profile or cusVehicle.")
    key: CampaignKey = Field(description="The key field in Campaign. It takes the id of the Dynamics record.")
    apply_updates: YesNo = Field(
        default=True,
        description="Whether changes in Dynamics are written. If not, only the first run and a replay write the "
        "fields. A field may say otherwise.",
    )
    technical_values: YesNo = Field(
        default=True,
        description="Whether choices (picklists) travel as their numbers; if not, as their display labels. "
        "A field may say otherwise.",
    )
    apply_deletes: YesNo = Field(
        default=False,
        description="Whether a record that is deleted in Dynamics is deleted in Campaign. If not, it stays.",
    )
    delete_filtered_out: YesNo = Field(
        default=False,
        description="Whether a record that stops matching the filter is deleted in Campaign. If not, it stays.",
    )
    file_import: FileImport | None = Field(
        default=None,
        description="How many new records at once travel to Campaign in files. null: each record is written singly.",
    )
    filter: Filter | None = Field(
        default=None, description="Which records travel. Left out: every record of the table."
    )
    links: tuple[LinkMapping, ...] = Field(
        default=(), description="Which lookups become links to other mapped tables, from the child to its parents."
    )
    fields: tuple[FieldMapping, ...] = Field(
        default=(),
        description="Which column is written to which field. The key is not listed here: it is always written.",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _parts_agree(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _mistakes)

    @property
    def stream(self) -> str:
        """The name of this mapping's stream of records: its table."""
        return self.table

    def updates(self, field: FieldMapping) -> bool:
        """Whether changes of this field are written, not its first value alone."""
        return self.apply_updates if field.apply_updates is None else field.apply_updates

    def technical(self, field: FieldMapping) -> bool:
        """Whether a choice travels to this field as its number; if not, as its display label."""
        return self.technical_values if field.technical_value is None else field.technical_value


def _mistakes(mapping: object) -> Iterator[tuple[Place, str]]:
    yield from _clashes(mapping)
    yield from _own_parents(mapping)


def _clashes(mapping: object) -> Iterator[tuple[Place, str]]:
    """Campaign fields that are written twice, as a whole and in part, or although they are the key."""
    key = part(mapping, "key")
    unsaid = isinstance(key, dict) and "field" not in key
    key_field = CampaignKey.model_fields["field"].default if unsaid else written(key, "field")
    seen: set[str] = set()
    for kind in ("links", "fields"):
        for index, item in enumerate(parts(mapping, kind)):
            target = written(item, "to", "target")
            if target is None:
                continue
            place = (kind, index, "to")
            steps = target.split(".")
            above = {".".join(steps[:depth]) for depth in range(1, len(steps))}
            if target == key_field:
                yield place, f"{target} is the key, which always takes the record's id: remove this line"
            elif target in seen:
                yield place, f"{target} is written twice: one Campaign field takes one Dynamics column"
            elif above & seen or any(other.startswith(f"{target}.") for other in seen):
                yield place, f"{target} and another field above overlap: map the whole field or its parts"
            seen.add(target)


def _own_parents(mapping: object) -> Iterator[tuple[Place, str]]:
    """Links that make a record of a table wait for another one of the same table, and the first one for ever."""
    table = written(mapping, "table")
    for index, link in enumerate(parts(mapping, "links")):
        if part(link, "required") is True and table is not None and written(link, "table") == table:
            yield (
                ("links", index, "required"),
                f"must be false: the link leads to {table} itself, whose first record could never be written",
            )
