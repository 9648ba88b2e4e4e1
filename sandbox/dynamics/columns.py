"""Columns: kinds, lengths, choices, lookups; those of contact and account (learn.microsoft.com, table reference)."""

from dataclasses import dataclass, field
from typing import Literal

LOOKUP_KINDS = frozenset({"Lookup", "Customer", "Owner"})
CHOICE_KINDS = frozenset({"Picklist", "State", "Status"})
#: The prefix of the publisher whose tables and columns are custom ones.
CUSTOM = "new_"

_AttributeType = {"DateOnly": "DateTime", "MultiSelect": "Virtual"}

EDM = {
    "String": "Edm.String",
    "Memo": "Edm.String",
    "Integer": "Edm.Int32",
    "BigInt": "Edm.Int64",
    "Decimal": "Edm.Decimal",
    "Double": "Edm.Double",
    "Money": "Edm.Decimal",
    "Boolean": "Edm.Boolean",
    "DateTime": "Edm.DateTimeOffset",
    "DateOnly": "Edm.Date",
    "Picklist": "Edm.Int32",
    "MultiSelect": "Edm.String",
    "State": "Edm.Int32",
    "Status": "Edm.Int32",
    "Lookup": "Edm.Guid",
    "Customer": "Edm.Guid",
    "Owner": "Edm.Guid",
    "Uniqueidentifier": "Edm.Guid",
    "EntityName": "Edm.String",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `wire` is its name in rows: lookups travel as `_x_value`. `targets` maps navigation name to table.

    `on_delete` says what the end of the row that a lookup leads to does to this one; without it the lookup dangles.
    `vendor` says that somebody else's solution brought it along: it is custom whatever its prefix.
    """

    name: str
    kind: str
    length: int | None = None
    options: dict[int, str] = field(default_factory=dict)
    true_label: str = "Yes"
    false_label: str = "No"
    default: object = None
    read_only: bool = False
    create_only: bool = False
    update_only: bool = False
    targets: dict[str, str] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    required: str = "None"
    precision: int | None = None
    label: str = ""
    on_delete: Literal["", "Cascade", "RemoveLink"] = ""
    vendor: bool = False

    @property
    def wire(self) -> str:
        return f"_{self.name}_value" if self.kind in LOOKUP_KINDS else self.name

    @property
    def attribute_type(self) -> str:
        return _AttributeType.get(self.kind, self.kind)

    @property
    def schema_name(self) -> str:
        """`Lastname`, `new_Tier`; a custom lookup is spelled as its navigation property is."""
        if self.is_custom and len(self.targets) == 1:
            return next(iter(self.targets))
        return self.name if self.vendor else schema_name(self.name)

    @property
    def is_custom(self) -> bool:
        return self.vendor or self.name.startswith(CUSTOM)

    @property
    def display_name(self) -> str:
        return self.label or self.schema_name


def schema_name(name: str) -> str:
    """A logical name as its maker would have spelled it: `lastname` is `Lastname`, `new_tier` is `new_Tier`."""
    prefix = CUSTOM if name.startswith(CUSTOM) else ""
    own = name.removeprefix(prefix)
    return prefix + own[:1].upper() + own[1:]


def _strings(length: int, *names: str, kind: str = "String", read_only: bool = False) -> list[Column]:
    return [Column(name, kind, length=length, read_only=read_only) for name in names]


def _flags(true_label: str, false_label: str, default: bool, *names: str) -> list[Column]:
    return [Column(n, "Boolean", true_label=true_label, false_label=false_label, default=default) for n in names]


def _choice(name: str, *labels: str, first: int = 1, default: int | None = None) -> Column:
    return Column(name, "Picklist", options=dict(enumerate(labels, first)), default=default)


def _lookup(name: str, kind: str = "Lookup", read_only: bool = False, **targets: str) -> Column:
    return Column(name, kind, targets=targets, read_only=read_only)


def _address(block: int, name_length: int, primary_length: int) -> list[Column]:
    def named(*names: str) -> tuple[str, ...]:
        return tuple(f"address{block}_{name}" for name in names)

    first = block == 1
    types = ("Bill To", "Ship To", "Primary", "Other") if first else ("Default Value",)
    freight = ("FOB", "No Charge") if first else ("Default Value",)
    latitude, longitude, offset = named("latitude", "longitude", "utcoffset")
    kind, terms, method = named("addresstypecode", "freighttermscode", "shippingmethodcode")
    return [
        *_strings(250, *named("line1", "line2", "line3")),
        *_strings(80, *named("city", "country")),
        *_strings(50, *named("county", "stateorprovince", "telephone1", "telephone2", "telephone3", "fax")),
        *_strings(20, *named("postalcode", "postofficebox")),
        *_strings(name_length, *named("name")),
        *_strings(primary_length, *named("primarycontactname")),
        *_strings(4, *named("upszone")),
        *_strings(1000, *named("composite"), kind="Memo", read_only=True),
        Column(offset, "Integer", minimum=-1500, maximum=1500),
        Column(latitude, "Double", minimum=-90, maximum=90),
        Column(longitude, "Double", minimum=-180, maximum=180),
        _choice(kind, *types),
        _choice(terms, *freight),
        _choice(method, "Default Value"),
        Column(f"address{block}_addressid", "Uniqueidentifier"),
    ]


def common_columns(key: str) -> list[Column]:
    return [
        Column(key, "Uniqueidentifier", create_only=True, required="SystemRequired"),
        Column("statecode", "State", options={0: "Active", 1: "Inactive"}, default=0),
        Column("statuscode", "Status", options={1: "Active", 2: "Inactive"}, default=1),
        Column("createdon", "DateTime", read_only=True),
        Column("modifiedon", "DateTime", read_only=True),
        Column("overriddencreatedon", "DateTime", create_only=True),
        Column("lastonholdtime", "DateTime"),
        Column("versionnumber", "BigInt", read_only=True),
        Column("exchangerate", "Decimal", read_only=True),
        Column("importsequencenumber", "Integer"),
        Column("timezoneruleversionnumber", "Integer"),
        Column("utcconversiontimezonecode", "Integer"),
        Column("onholdtime", "Integer", read_only=True),
        Column("processid", "Uniqueidentifier"),
        Column("stageid", "Uniqueidentifier"),
        Column("traversedpath", "String", length=1250),
        _lookup("ownerid", "Owner", ownerid="systemuser"),
        _lookup("createdby", read_only=True, createdby="systemuser"),
        _lookup("modifiedby", read_only=True, modifiedby="systemuser"),
        _lookup("createdonbehalfby", read_only=True, createdonbehalfby="systemuser"),
        _lookup("modifiedonbehalfby", read_only=True, modifiedonbehalfby="systemuser"),
        _lookup("owningbusinessunit", read_only=True, owningbusinessunit="businessunit"),
        _lookup("owninguser", read_only=True, owninguser="systemuser"),
        _lookup("owningteam", read_only=True, owningteam="team"),
        _lookup("transactioncurrencyid", transactioncurrencyid="transactioncurrency"),
        _lookup("preferredsystemuserid", preferredsystemuserid="systemuser"),
    ]


def _money(*names: str, read_only: bool = False) -> list[Column]:
    found = []
    for name in names:
        found.append(Column(name, "Money", read_only=read_only, minimum=0, maximum=1e14))
        found.append(Column(f"{name}_base", "Money", read_only=True))
    return found


_CONTACT_METHODS = ("Any", "Email", "Phone", "Fax", "Mail")

CONTACT: tuple[Column, ...] = (
    *common_columns("contactid"),
    *_strings(50, "firstname", "middlename"),
    Column("lastname", "String", length=50, required="ApplicationRequired"),
    *_strings(160, "fullname", read_only=True),
    *_strings(100, "nickname", "salutation", "jobtitle", "department", "assistantname", "managername", "spousesname"),
    *_strings(10, "suffix"),
    *_strings(100, "emailaddress1", "emailaddress2", "emailaddress3"),
    *_strings(50, "telephone1", "telephone2", "telephone3", "mobilephone", "fax", "pager", "business2", "home2"),
    *_strings(50, "callback", "company", "assistantphone", "managerphone", "employeeid", "governmentid"),
    *_strings(50, "externaluseridentifier"),
    *_strings(200, "websiteurl", "ftpsiteurl"),
    *_strings(255, "childrensnames"),
    *_strings(150, "yomifirstname", "yomilastname", "yomimiddlename"),
    *_strings(450, "yomifullname", read_only=True),
    *_strings(2000, "description", kind="Memo"),
    *_address(1, 200, 100),
    *_address(2, 100, 100),
    *_address(3, 100, 150),
    *_flags("Do Not Allow", "Allow", False, "donotemail", "donotphone", "donotfax", "donotpostalmail"),
    *_flags("Do Not Allow", "Allow", False, "donotbulkemail"),
    *_flags("Yes", "No", False, "donotbulkpostalmail"),
    *_flags("Do Not Send", "Send", False, "donotsendmm"),
    *_flags("Allow", "Do Not Allow", True, "followemail"),
    *_flags("Yes", "No", False, "creditonhold", "isbackofficecustomer", "marketingonly", "participatesinworkflow"),
    Column("merged", "Boolean", default=False, read_only=True),
    _choice("gendercode", "Male", "Female"),
    _choice("familystatuscode", "Single", "Married", "Divorced", "Widowed"),
    _choice("preferredcontactmethodcode", *_CONTACT_METHODS, default=1),
    _choice("accountrolecode", "Decision Maker", "Employee", "Influencer"),
    _choice("paymenttermscode", "Net 30", "2% 10, Net 30", "Net 45", "Net 60"),
    _choice(
        "preferredappointmentdaycode",
        *("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
        first=0,
    ),
    _choice("preferredappointmenttimecode", "Morning", "Afternoon", "Evening"),
    _choice("customertypecode", "Default Value", default=1),
    _choice("customersizecode", "Default Value", default=1),
    _choice("educationcode", "Default Value", default=1),
    _choice("haschildrencode", "Default Value", default=1),
    _choice("leadsourcecode", "Default Value", default=1),
    _choice("territorycode", "Default Value", default=1),
    _choice("shippingmethodcode", "Default Value", default=1),
    Column("birthdate", "DateOnly"),
    Column("anniversary", "DateOnly"),
    Column("lastusedincampaign", "DateTime", update_only=True),
    *_money("annualincome", "creditlimit"),
    *_money("aging30", "aging60", "aging90", read_only=True),
    Column("numberofchildren", "Integer", minimum=0, maximum=1_000_000_000),
    _lookup("parentcustomerid", "Customer", parentcustomerid_account="account", parentcustomerid_contact="contact"),
    _lookup("accountid", read_only=True, accountid="account"),
    _lookup("parentcontactid", read_only=True, parentcontactid="contact"),
    _lookup("masterid", read_only=True, masterid="contact"),
)

ACCOUNT: tuple[Column, ...] = (
    *common_columns("accountid"),
    Column("name", "String", length=160, required="ApplicationRequired"),
    *_strings(20, "accountnumber"),
    *_strings(100, "emailaddress1", "emailaddress2", "emailaddress3"),
    *_strings(50, "telephone1", "telephone2", "telephone3", "fax"),
    *_strings(200, "websiteurl", "ftpsiteurl"),
    *_strings(20, "sic", "tickersymbol"),
    *_strings(160, "yominame"),
    *_strings(2000, "description", kind="Memo"),
    *_address(1, 200, 100),
    *_address(2, 200, 100),
    *_flags("Do Not Allow", "Allow", False, "donotemail", "donotphone", "donotfax", "donotpostalmail"),
    *_flags("Do Not Allow", "Allow", False, "donotbulkemail"),
    *_flags("Yes", "No", False, "donotbulkpostalmail"),
    *_flags("Do Not Send", "Send", False, "donotsendmm"),
    *_flags("Allow", "Do Not Allow", True, "followemail"),
    *_flags("Yes", "No", False, "creditonhold", "marketingonly", "participatesinworkflow"),
    Column("merged", "Boolean", default=False, read_only=True),
    _choice("accountcategorycode", "Preferred Customer", "Standard"),
    _choice("industrycode", "Accounting", "Agriculture", "Broadcasting", "Brokers", "Building Supply Retail"),
    _choice("ownershipcode", "Public", "Private", "Subsidiary", "Other"),
    _choice("preferredcontactmethodcode", *_CONTACT_METHODS, default=1),
    *_money("revenue", "creditlimit", "marketcap"),
    Column("numberofemployees", "Integer", minimum=0, maximum=1_000_000_000),
    Column("sharesoutstanding", "Integer", minimum=0, maximum=1_000_000_000),
    _lookup("parentaccountid", parentaccountid="account"),
    _lookup("primarycontactid", primarycontactid="contact"),
    _lookup("masterid", read_only=True, masterid="account"),
)
