"""What the demonstration carries: contacts, memberships, invoices, invoice lines; and what Campaign must then hold.

The mappings and the truth are written down apart from each other, so that one can prove the other.
"""

from collections.abc import Callable
from datetime import datetime

from config.defaults import default_contact_mapping
from config.ingress import CampaignKey, FieldMapping, LinkMapping, TableMapping
from control.demo.comparison import Row, Truth


def _key() -> CampaignKey:
    return CampaignKey(field="crmId", unique=True, filter="byCrmId", parameter="crmId_parameter")


def _fields(**pairs: str) -> tuple[FieldMapping, ...]:
    """Column -> Campaign field."""
    return tuple(FieldMapping(source=source, target=target) for source, target in pairs.items())


def mappings() -> tuple[TableMapping, ...]:
    """The mapping out of the box, with keys in the address, and the three custom tables; deletions are applied."""
    contact = default_contact_mapping().model_copy(
        update={"key": CampaignKey(field="externalId", unique=True, address="uri"), "apply_deletes": True}
    )
    membership = TableMapping(
        table="new_membership",
        resource="cusMembership",
        key=_key(),
        apply_deletes=True,
        links=(
            LinkMapping(source="new_contactid", target="holder", table="contact", required=True),
            LinkMapping(source="new_sponsorid", target="sponsor", table="contact"),
        ),
        fields=(
            FieldMapping(
                source="new_tier", target="tier", replace={"1": "bronze", "2": "silver", "3": "gold", "": "none"}
            ),
            *_fields(
                new_number="number",
                new_interests="interests",
                new_since="since",
                new_points="points",
                new_active="active",
                new_discount="discount",
                new_score="score",
            ),
        ),
    )
    invoice = TableMapping(
        table="new_invoice",
        resource="cusInvoice",
        key=_key(),
        apply_deletes=True,
        links=(LinkMapping(source="new_membershipid", target="membershipId", table="new_membership", required=True),),
        fields=_fields(new_name="number", new_total="total", new_issuedon="issued", new_paid="paid"),
    )
    line = TableMapping(
        table="new_invoiceline",
        resource="cusInvoiceLine",
        key=_key(),
        apply_deletes=True,
        links=(LinkMapping(source="new_invoiceid", target="invoice", table="new_invoice", required=True),),
        fields=_fields(
            new_name="label", new_quantity="quantity", new_price="price", new_weight="weight", new_note="note"
        ),
    )
    return contact, membership, invoice, line


def _value(column: str) -> Callable[[Row], object]:
    return lambda row: row.get(column)


def _named(column: str, names: dict[int, str], nothing: str) -> Callable[[Row], object]:
    return lambda row: names.get(row.get(column) or 0, nothing)


def _moment(column: str) -> Callable[[Row], object]:
    return lambda row: datetime.fromisoformat(row[column]) if row.get(column) else None


def _number(column: str) -> Callable[[Row], object]:
    return lambda row: row.get(column) or 0.0


TRUTHS = (
    Truth(
        "contact",
        "contactid",
        "profile",
        "externalId",
        {
            "email": _value("emailaddress1"),
            "firstName": _value("firstname"),
            "lastName": _value("lastname"),
            "birthDate": _value("birthdate"),
            "phone": _value("telephone1"),
            "mobilePhone": _value("mobilephone"),
            "location.address1": _value("address1_line1"),
            "location.city": _value("address1_city"),
            "location.zipCode": _value("address1_postalcode"),
            "gender": _named("gendercode", {1: "male", 2: "female"}, "unknown"),
        },
    ),
    Truth(
        "new_membership",
        "new_membershipid",
        "cusMembership",
        "crmId",
        {
            "number": _value("new_number"),
            "tier": _named("new_tier", {1: "bronze", 2: "silver", 3: "gold"}, "none"),
            "interests": _value("new_interests"),
            "since": _value("new_since"),
            "points": _number("new_points"),
            "active": _value("new_active"),
            "discount": _number("new_discount"),
            "score": _number("new_score"),
        },
        {"holder": ("_new_contactid_value", "contact"), "sponsor": ("_new_sponsorid_value", "contact")},
    ),
    Truth(
        "new_invoice",
        "new_invoiceid",
        "cusInvoice",
        "crmId",
        {
            "number": _value("new_name"),
            "total": _number("new_total"),
            "issued": _moment("new_issuedon"),
            "paid": _value("new_paid"),
            "membershipId": _value("_new_membershipid_value"),
        },
        {"membershiplink": ("_new_membershipid_value", "new_membership")},
    ),
    Truth(
        "new_invoiceline",
        "new_invoicelineid",
        "cusInvoiceLine",
        "crmId",
        {
            "label": _value("new_name"),
            "quantity": _number("new_quantity"),
            "price": _number("new_price"),
            "weight": _number("new_weight"),
            "note": _value("new_note"),
        },
        {"invoice": ("_new_invoiceid_value", "new_invoice")},
    ),
)
