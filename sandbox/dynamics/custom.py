"""The custom tables: memberships of contacts, their invoices, and the lines of these.

Spelled as the platform spells what a maker adds: logical names in lower case, navigation properties as the maker wrote
them (learn.microsoft.com, Web API navigation properties). The lookup to the parent is a parental relationship, every
other one a referential (learn.microsoft.com, table relationship behavior).
"""

from sandbox.dynamics.columns import Column, common_columns

_SYSTEM = (
    *("statecode", "statuscode", "createdon", "modifiedon", "overriddencreatedon", "versionnumber"),
    *("importsequencenumber", "timezoneruleversionnumber", "utcconversiontimezonecode"),
    *("ownerid", "createdby", "modifiedby", "createdonbehalfby", "modifiedonbehalfby"),
    *("owningbusinessunit", "owninguser", "owningteam"),
)
_CURRENCY = ("exchangerate", "transactioncurrencyid")
INT = 2_147_483_647
DECIMAL = 100_000_000_000


def _system(key: str, money: bool = False) -> list[Column]:
    wanted = {key, *_SYSTEM, *(_CURRENCY if money else ())}
    return [column for column in common_columns(key) if column.name in wanted]


def _whole(name: str, label: str) -> Column:
    return Column(name, "Integer", minimum=-INT, maximum=INT, label=label)


def _decimal(name: str, label: str, precision: int) -> Column:
    return Column(name, "Decimal", minimum=-DECIMAL, maximum=DECIMAL, precision=precision, label=label)


def _double(name: str, label: str) -> Column:
    return Column(name, "Double", minimum=-DECIMAL, maximum=DECIMAL, precision=5, label=label)


def _parent(name: str, navigation: str, table: str, label: str) -> Column:
    return Column(name, "Lookup", targets={navigation: table}, label=label, on_delete="Cascade")


MEMBERSHIP: tuple[Column, ...] = (
    *_system("new_membershipid"),
    Column("new_name", "String", length=100, required="ApplicationRequired", label="Name"),
    Column("new_number", "String", length=20, label="Number"),
    Column("new_tier", "Picklist", options={1: "Bronze", 2: "Silver", 3: "Gold"}, label="Tier"),
    Column(
        "new_interests",
        "MultiSelect",
        options={1: "Sports", 2: "Music", 3: "Travel", 4: "Food"},
        label="Interests",
    ),
    Column("new_since", "DateOnly", label="Since"),
    _whole("new_points", "Points"),
    Column("new_active", "Boolean", default=True, label="Active"),
    _decimal("new_discount", "Discount", 2),
    _double("new_score", "Score"),
    _parent("new_contactid", "new_ContactId", "contact", "Holder"),
    Column(
        *("new_sponsorid", "Lookup"),
        targets={"new_SponsorId": "contact"},
        label="Sponsor",
        on_delete="RemoveLink",
    ),
)

INVOICE: tuple[Column, ...] = (
    *_system("new_invoiceid", money=True),
    Column("new_name", "String", length=100, required="ApplicationRequired", label="Number"),
    Column("new_total", "Money", minimum=-DECIMAL, maximum=DECIMAL, label="Total"),
    Column("new_total_base", "Money", read_only=True, label="Total (Base)"),
    Column("new_issuedon", "DateTime", label="Issued On"),
    Column("new_paid", "Boolean", default=False, label="Paid"),
    _parent("new_membershipid", "new_MembershipId", "new_membership", "Membership"),
)

INVOICE_LINE: tuple[Column, ...] = (
    *_system("new_invoicelineid"),
    Column("new_name", "String", length=100, required="ApplicationRequired", label="Label"),
    _whole("new_quantity", "Quantity"),
    _decimal("new_price", "Price", 4),
    _double("new_weight", "Weight"),
    Column("new_note", "Memo", length=2000, label="Note"),
    _parent("new_invoiceid", "new_InvoiceId", "new_invoice", "Invoice"),
)
