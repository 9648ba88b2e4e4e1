"""What a field of a resource can be: its type and limits, and what it reads as while it is unset."""

from dataclasses import dataclass

#: Bits of the whole numbers.
WHOLE = {"byte": 8, "short": 16, "long": 32, "int64": 64}
DECIMAL = ("float", "double")
NUMBERS = (*WHOLE, *DECIMAL)
#: Types that a publication can give to a field (Campaign Standard: configuring the resource's data structure).
PUBLISHABLE = ("string", "memo", "enumeration", "boolean", "date", "datetime", *NUMBERS)

_BLANK: dict[str, object] = {"boolean": False, "link": None, **dict.fromkeys(NUMBERS, 0)}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a resource.

    `values` names an enumeration's values, its default first. `extension`: on the Ext API only. A link leads to the
    resource `target`, by its primary key, or from this resource's field `by` to the target's field `of`; `required`
    is cardinality 1. A collection leads back from `target`, whose link is `back`.
    """

    name: str
    type: str
    length: int | None = None
    values: tuple[str, ...] = ()
    read_only: bool = False
    extension: bool = False
    data_policy: str = ""
    mandatory: bool = False
    target: str = ""
    required: bool = False
    by: str = ""
    of: str = ""
    back: str = ""

    @property
    def blank(self) -> object:
        """What an unset value reads as."""
        return self.values[0] if self.type == "enumeration" else _BLANK.get(self.type, "")

    @property
    def is_scalar(self) -> bool:
        return self.type not in ("link", "collection", "element")


def text(length: int, *names: str, policy: str = "", read_only: bool = False) -> list[Field]:
    """Text fields of one length, in characters."""
    return [Field(name, "string", length, data_policy=policy, read_only=read_only) for name in names]
