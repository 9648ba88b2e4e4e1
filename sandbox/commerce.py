"""Made-up memberships, invoices and invoice lines; their parents are chosen at random."""

import random

from sandbox.clock import dataverse_stamp
from sandbox.people import EARLIEST, SPAN, Values

_TIERS = {1: "Bronze", 2: "Silver", 3: "Gold"}
_GOODS = (
    *("Concert ticket", "City guide", "Espresso beans", "Gift card", "Guitar strings", "Hiking boots", "Olive oil"),
    *("Running shoes", "Season pass", "Tea sampler", "Travel pillow", "Yoga mat"),
)
_NOTES = ("Deliver to the neighbour.", "Gift, please wrap.", "Second try.\nRing twice.", "Wartet auf Größe 42.")


def membership_values(source: random.Random, number: int, contact_ids: list[str]) -> Values:
    """The written columns of one made-up membership; some have no tier, no interests, no sponsor."""
    tier = source.choice((1, 1, 1, 2, 2, 3, None))
    values: Values = {
        "new_name": f"{_TIERS.get(tier or 0, 'Trial')} membership {number}",
        "new_number": f"M-{number:06d}",
        "new_since": f"{source.randrange(2005, 2025)}-{source.randrange(1, 13):02d}-{source.randrange(1, 29):02d}",
        "new_points": source.randrange(50_000),
        "new_active": source.random() < 0.85,
        "new_discount": source.randrange(0, 3_000, 25) / 100,
        "new_score": source.randrange(100_000) / 100_000,
    }
    if tier is not None:
        values["new_tier"] = tier
    interests = sorted(source.sample((1, 2, 3, 4), source.randrange(4)))
    if interests:
        values["new_interests"] = ",".join(map(str, interests))
    if contact_ids:
        values["_new_contactid_value"] = source.choice(contact_ids)
        if source.random() < 0.3:
            values["_new_sponsorid_value"] = source.choice(contact_ids)
    return values


def invoice_values(source: random.Random, number: int, membership_ids: list[str]) -> Values:
    """The written columns of one made-up invoice."""
    values: Values = {
        "new_name": f"INV-{number:07d}",
        "new_total": source.randrange(500, 90_000) / 100,
        "new_issuedon": dataverse_stamp(EARLIEST + source.randrange(SPAN)),
        "new_paid": source.random() < 0.8,
    }
    if membership_ids:
        values["_new_membershipid_value"] = source.choice(membership_ids)
    return values


def line_values(source: random.Random, number: int, invoice_ids: list[str]) -> Values:
    """The written columns of one made-up line of an invoice."""
    values: Values = {
        "new_name": f"{source.choice(_GOODS)} {number}",
        "new_quantity": source.randrange(1, 13),
        "new_price": source.randrange(50, 50_000) / 100,
        "new_weight": source.randrange(1, 4_000) / 128,
    }
    if source.random() < 0.4:
        values["new_note"] = source.choice(_NOTES)
    if invoice_ids:
        values["_new_invoiceid_value"] = source.choice(invoice_ids)
    return values
