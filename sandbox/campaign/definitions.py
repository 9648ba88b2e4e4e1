"""Resources as they are published: their fields and links, where they stand, and what a publication changes."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from sandbox.campaign import profile
from sandbox.campaign.fields import PUBLISHABLE, Field, text

PLAIN, EXT, OTHER = "profileAndServices", "profileAndServicesExt", "customResources"
APIS = (PLAIN, EXT, OTHER)

#: From what is shown, the record's secret bytes and the day of today: the values that are computed.
Computed = Callable[[dict[str, Any], bytes, date], dict[str, Any]]


class Definition:
    """One resource. `word` names a single record and `schema` the resource in errors; `apis` hold it, the one that
    shows every field last.
    """

    def __init__(
        self,
        name: str,
        schema: str,
        word: str,
        label: str,
        apis: tuple[str, ...],
        fields: Iterable[Field],
        computed: Computed,
    ) -> None:
        self.name = name
        self.schema = schema
        self.word = word
        self.label = label
        self.apis = apis
        self.computed = computed
        self.column = schema.replace(":", "")
        self._take({field.name: field for field in fields})

    def _take(self, fields: dict[str, Field]) -> None:
        self.fields = fields
        everything = fields.values()
        self.links = tuple(field for field in everything if field.type == "link")
        self.collections = tuple(field for field in everything if field.type == "collection")
        self.extension = tuple(field.name for field in everything if field.extension)
        self.mandatory = tuple(field.name for field in everything if field.mandatory)
        self.blanks = {field.name: field.blank for field in everything if field.type not in ("element", "collection")}
        self.stamps: dict[str, tuple[str, ...]] = {}
        if self.name == "profile":
            self.blanks["location"] = profile.BLANK_LOCATION
            if "thumbnail" in fields:
                self.blanks["thumbnail"] = profile.THUMBNAIL
            self.stamps = profile.STAMPS_OF_FLAG

    def publish(self, add: list[dict[str, Any]], remove: list[str], change: dict[str, dict[str, Any]]) -> None:
        """Take the new fields, all or none. ValueError says which is wrong."""
        fields = dict(self.fields)
        for name in remove:
            self._must_be_changeable(name)
            del fields[name]
        for name, given in change.items():
            self._must_be_changeable(name)
            if name not in fields:
                raise ValueError(f"{name} is both changed and removed.")
            fields[name] = _changed(fields[name], given)
        for given in add:
            field = self._new(given)
            if field.name in fields:
                raise ValueError(f"{field.name} is a field of {self.name} already; name it under `change`.")
            fields[field.name] = field
        for link in fields.values():
            if link.type == "link" and link.by and link.by not in fields:
                raise ValueError(f"{link.by} carries the link {link.name}; remove both.")
        self._take(fields)

    def drop(self, name: str) -> None:
        """Leave a field out, whatever it is: a collection goes with the link it comes from."""
        self._take({other: field for other, field in self.fields.items() if other != name})

    def _must_be_changeable(self, name: str) -> None:
        field = self.fields.get(name)
        if field is None:
            raise ValueError(f"{name} is not a field of {self.name}.")
        if field.type in ("collection", "element") or name in _BUILT_IN:
            raise ValueError(f"{name} is built into {self.name} and cannot be changed or removed.")

    def _new(self, given: dict[str, Any]) -> Field:
        name, kind = given.get("name"), given.get("type")
        if not isinstance(name, str) or not name.isidentifier() or len(name) > 33:
            raise ValueError(f"{name!r} is not a name of a field; give `name`, at most 30 characters after cus.")
        if self.name == "profile" and not name.startswith("cus"):
            raise ValueError(f"{name}: what is added to a profile starts with cus.")
        known = {"name", "type", "extension"}
        extension = given.get("extension", EXT in self.apis and len(self.apis) > 1)
        plain = Field(name, "string", extension=bool(extension))
        length = {"length": 255} if kind == "string" and "length" not in given else {}
        rest = {member: value for member, value in given.items() if member not in known}
        return _changed(plain, {"type": kind, **length, **rest})


#: What the instance itself writes. Custom resources share the names of their audit fields with profiles.
_BUILT_IN = frozenset({*profile.FLAGS, "acsId", *(field.name for field in profile.PROFILE if field.read_only)})
_CHANGEABLE: dict[str, type | tuple[type, ...]] = {
    "length": (int, type(None)),
    "type": str,
    "values": list,
    "mandatory": bool,
    "read_only": bool,
}


def _changed(field: Field, given: dict[str, Any]) -> Field:
    for member, value in given.items():
        if member not in _CHANGEABLE:
            raise ValueError(f"{field.name}.{member} is not known; give {', '.join(_CHANGEABLE)}.")
        if not isinstance(value, _CHANGEABLE[member]):
            raise ValueError(f"{field.name}.{member} is of the wrong kind.")
    if given.get("type", "string") not in PUBLISHABLE:
        raise ValueError(f"{field.name}.type must be one of {', '.join(PUBLISHABLE)}.")
    if field.type == "link" and given.keys() - {"read_only"}:
        raise ValueError(f"{field.name} is a link; only its read_only can change.")
    members = {**given, "values": tuple(given["values"])} if "values" in given else dict(given)
    if given.get("type", "enumeration") != "enumeration" and "values" not in given:
        members["values"] = ()
    changed = replace(field, **members)
    if (changed.type == "enumeration") is not bool(changed.values):
        raise ValueError(f"{field.name}: an enumeration has `values`, its default first, and nothing else has.")
    return changed


def _titled(key: str, name: str) -> Computed:
    """`<name> (<key>)`, as services have it."""

    def computed(shown: dict[str, Any], _secret: bytes, _today: date) -> dict[str, Any]:
        known, called = str(shown.get(key, "")), str(shown.get(name, ""))
        return {"title": f"{called} ({known})" if called else known}

    return computed


def _own(*fields: Field) -> tuple[Field, ...]:
    """A custom resource's fields: its own, the audit fields and the title."""
    audit = (Field("created", "datetime", read_only=True), Field("lastModified", "datetime", read_only=True))
    return (*text(100, "crmId"), *fields, *audit, *text(255, "title", read_only=True))


def published() -> tuple[Definition, ...]:
    """The resources of a new instance. Memberships hang on profiles, invoices on memberships, lines on invoices."""
    return (
        Definition("profile", "nms:recipient", "Profile", "Profiles", (PLAIN, EXT), profile.PROFILE, profile.computed),
        Definition(
            "cusMembership",
            "cus:membership",
            "Membership",
            "Memberships",
            (EXT,),
            _own(
                *text(20, "number"),
                Field("tier", "enumeration", values=("none", "bronze", "silver", "gold")),
                *text(255, "interests"),
                Field("since", "date"),
                Field("points", "long"),
                Field("active", "boolean"),
                Field("discount", "double"),
                Field("score", "float"),
                Field("holder", "link", target="profile", required=True),
                Field("sponsor", "link", target="profile"),
                Field("invoiceslink", "collection", read_only=True, target="cusInvoice", back="membershiplink"),
            ),
            _titled("crmId", "number"),
        ),
        Definition(
            "cusInvoice",
            "cus:invoice",
            "Invoice",
            "Invoices",
            (EXT,),
            _own(
                *text(30, "number"),
                Field("total", "double"),
                Field("issued", "datetime"),
                Field("paid", "boolean"),
                *text(100, "membershipId"),
                Field("membershiplink", "link", target="cusMembership", required=True, by="membershipId", of="crmId"),
                Field("lineslink", "collection", read_only=True, target="cusInvoiceLine", back="invoice"),
            ),
            _titled("crmId", "number"),
        ),
        Definition(
            "cusInvoiceLine",
            "cus:invoiceLine",
            "InvoiceLine",
            "Invoice lines",
            (EXT,),
            _own(
                Field("label", "string", 100, mandatory=True),
                Field("quantity", "long"),
                Field("price", "double"),
                Field("weight", "float"),
                *text(255, "note"),
                Field("invoice", "link", target="cusInvoice", required=True),
            ),
            _titled("crmId", "label"),
        ),
        Definition(
            "cusStore",
            "cus:store",
            "Store",
            "Stores",
            (OTHER,),
            _own(*text(100, "name"), *text(50, "city")),
            _titled("crmId", "name"),
        ),
    )
