"""Made-up rows of every table: the same seed makes the same rows, whatever their number."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.commerce import invoice_values, line_values, membership_values
from sandbox.dynamics.computed import compute
from sandbox.dynamics.tables import Table
from sandbox.people import Rows, Values, account_values, contact_values, new_id, stamps


@dataclass(frozen=True)
class Maker:
    """How rows of one table are made up: `values(generator, number, ids of the parent table)`.

    `changing` are the columns that a change picks from; `always` is the text that every change changes.
    """

    plural: str
    parent: str
    values: Callable[[random.Random, int, list[str]], Values]
    changing: tuple[str, ...]
    always: str
    inactive: float = 0.0


MAKERS = {
    "account": Maker("accounts", "", account_values, ("telephone1", "address1_line1", "address1_city"), "name"),
    "contact": Maker(
        "contacts",
        "account",
        contact_values,
        ("jobtitle", "mobilephone", "address1_line1", "address1_city", "numberofchildren", "emailaddress1"),
        "lastname",
        inactive=0.03,
    ),
    "new_membership": Maker(
        "memberships",
        "contact",
        membership_values,
        ("new_tier", "new_interests", "new_since", "new_points", "new_active", "new_discount", "new_score"),
        "new_name",
        inactive=0.03,
    ),
    "new_invoice": Maker(
        "invoices", "new_membership", invoice_values, ("new_total", "new_issuedon", "new_paid"), "new_name"
    ),
    "new_invoiceline": Maker(
        "lines", "new_invoice", line_values, ("new_quantity", "new_price", "new_weight", "new_note"), "new_name"
    ),
}


def made_rows(table: Table, seed: int, count: int, parents: list[str], user: str) -> Rows:
    """`count` rows by id, complete with defaults, stamps and computed columns."""
    maker = MAKERS[table.name]
    source = random.Random(f"{maker.plural}:{seed}")
    rows: Rows = {}
    for number in range(1, count + 1):
        row_id = new_id(source)
        values = table.defaults | maker.values(source, number, parents)
        if maker.inactive and source.random() < maker.inactive:
            values |= {"statecode": 1, "statuscode": 2}
        values |= stamps(source, user)
        values[table.primary_id] = row_id
        compute(table.name, values, table.money)
        rows[row_id] = values
    return rows
