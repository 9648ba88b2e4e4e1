"""The pretend organisation: its tables and how they hang together, its users' names, its change-tracking memory."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sandbox.clock import Clock
from sandbox.consent.journal import ConsentJournal
from sandbox.dynamics.activities import ACTIVITY_KINDS, POINTER, activity_columns, email_columns
from sandbox.dynamics.activity_journal import ActivityJournal
from sandbox.dynamics.activity_tables import ActivityTable, PointerTable
from sandbox.dynamics.columns import ACCOUNT, CONTACT, CUSTOM, Column, common_columns
from sandbox.dynamics.computed import CURRENCY_ID
from sandbox.dynamics.custom import INVOICE, INVOICE_LINE, MEMBERSHIP
from sandbox.dynamics.making import MAKERS, made_rows
from sandbox.dynamics.tables import Table, Tombstone, Versions
from sandbox.people import Rows, Values
from sandbox.switches import Switches
from sandbox.tokens import Credentials

_SETTINGS = (
    *(column for column in common_columns("organizationid") if column.name in ("organizationid", "versionnumber")),
    Column("name", "String", length=160),
    Column("expirechangetrackingindays", "Integer", minimum=0, maximum=365),
)


class Organization:
    """One Dataverse environment with contacts, accounts, three custom tables and four tables of activities.

    `row_counts` says how many made-up rows a table begins with, by logical name; none where it says nothing.
    """

    def __init__(
        self,
        clock: Clock,
        switches: Switches,
        credentials: Credentials,
        seed: int,
        row_counts: Mapping[str, int],
        consent: ConsentJournal,
    ) -> None:
        self.clock = clock
        self.switches = switches
        self.credentials = credentials
        self.root_url = ""
        self.versions = Versions()
        self.delta_floor = 0
        self.contacts = self._table("contact", "fullname", "Contact", 2, CONTACT)
        self.accounts = self._table("account", "name", "Account", 1, ACCOUNT)
        invoices = self._table("new_invoice", "new_name", "new_Invoice", 10_012, INVOICE)
        lines = self._table("new_invoiceline", "new_name", "new_InvoiceLine", 10_013, INVOICE_LINE, "Invoice Line")
        memberships = self._table("new_membership", "new_name", "new_Membership", 10_011, MEMBERSHIP)
        tables = (self.accounts, self.contacts, invoices, lines, memberships)
        self._lasting = tables
        self.activity_journal = ActivityJournal()
        self.consent = consent
        self._settings = self._table("organization", "name", "Organization", 1019, _SETTINGS)
        self._furnish_activities()
        self._populate(seed, row_counts)

    def use(self, switches: Switches) -> None:
        """Take new switches; other names for the activity tables empty these."""
        names = self.switches.activity_names
        self.switches = switches
        if switches.activity_names != names:
            self._furnish_activities()

    def _furnish_activities(self) -> None:
        names = self.switches.activity_names
        shared = (self.versions, self.clock)
        members: list[Table] = []
        for kind in ACTIVITY_KINDS:
            name = names.get(kind.table, kind.table)
            set_name = names.get(f"{kind.table}s", f"{name}s")
            members.append(
                ActivityTable(
                    *(name, set_name, "activityid", "subject", name, kind.type_code, email_columns(kind, names)),
                    *(*shared, kind.label),
                    activity=True,
                    vendor=True,
                    journal=self.activity_journal,
                    user=self.credentials.user_id,
                )
            )
        self.pointers = PointerTable(
            *(POINTER, "activitypointers", "activityid", "subject", "ActivityPointer", 4200, activity_columns(POINTER)),
            *(*shared, "Activity"),
            activity=True,
            members=members,
        )
        tables = (*self._lasting, *members, self.pointers)
        self.by_name = {table.name: table for table in tables}
        self.tables = {table.set_name: table for table in tables}
        self.relate()

    def _table(
        self, name: str, primary_name: str, schema: str, code: int, columns: tuple[Column, ...], label: str = ""
    ) -> Table:
        shown = label or schema.removeprefix(CUSTOM)
        return Table(
            *(name, f"{name}s", f"{name}id", primary_name, schema, code, columns, self.versions, self.clock, shown)
        )

    def _populate(self, seed: int, row_counts: Mapping[str, int]) -> None:
        """Made-up rows; a child has a lower version than its parent, so that no order of reading favours parents."""
        made: dict[str, Rows] = {}
        for name in ("account", "contact", "new_membership", "new_invoice", "new_invoiceline"):
            parents = list(made.get(MAKERS[name].parent, ()))
            user = self.credentials.user_id
            made[name] = made_rows(self.by_name[name], seed, row_counts.get(name, 0), parents, user)
        for name in ("new_invoiceline", "new_invoice", "new_membership", "account", "contact"):
            self.by_name[name].load(made[name], 0.0)
        #: How many rows of each table were ever made up: the next one gets the next number.
        self.made = {name: len(rows) for name, rows in made.items()}
        settings: Values = {"organizationid": self.credentials.organization_id, "name": "sandbox"}
        self._settings.load({self.credentials.organization_id: settings}, 0.0)

    def relate(self) -> None:
        """Work out anew which tables hang together how; to be called when lookups have changed."""
        #: (parent table, its collection-valued navigation property) -> child table and its lookup.
        self.collections: dict[tuple[str, str], tuple[Table, Column]] = {}
        self._dependents: dict[str, list[tuple[Table, Column]]] = {}
        for child in self.by_name.values():
            for navigation, (column, target) in child.navigations.items():
                self.collections[target, collection_name(child, navigation)] = (child, column)
                if column.on_delete and child is not self.pointers:
                    self._dependents.setdefault(target, []).append((child, column))

    @property
    def settings(self) -> Table:
        """The table `organization`: one row, with what the switches say now. It is no table that one could map."""
        days = math.ceil(self.switches.expire_change_tracking_days)
        for row in self._settings.rows.values():
            row.values["expirechangetrackingindays"] = days
        return self._settings

    def delete(self, table: Table, row_id: str) -> Tombstone:
        """Delete a row and do to its children what their relationship says, children first; KeyError if unknown."""
        for child, column in self._dependents.get(table.name, ()):
            ends = column.on_delete == "Cascade" and self.switches.cascade == "delete"
            for child_id in child.pointing(column.wire, row_id):
                if ends:
                    self.delete(child, child_id)
                else:
                    child.put(child_id, {column.wire: None, f"{column.wire}@table": None}, self.credentials.user_id)
        return table.delete(row_id)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside, or, with an exception, none of them."""
        tables = [table for table in self.by_name.values() if table is not self.pointers]
        written, consented = len(self.activity_journal), len(self.consent.writes)
        for table in tables:
            table.begin()
        try:
            yield
        except BaseException:
            for table in tables:
                table.rollback()
            self.activity_journal.cut(written)
            self.consent.cut(consented)
            raise
        for table in tables:
            table.commit()

    def is_tracked(self, table: Table) -> bool:
        if table is self.pointers:
            return False
        return table.name in self.by_name and self.switches.change_tracking.get(table.name, not table.activity)

    def keys(self, table: Table) -> dict[str, tuple[str, ...]]:
        """The active alternate keys: schema name -> columns."""
        if table is self.accounts and self.switches.account_key:
            return {"sandbox_AccountNumber": ("accountnumber",)}
        return {}

    def name_of(self, table: str, row_id: str) -> str | None:
        """The primary name of the row a lookup points to."""
        if table in self.by_name:
            found = self.by_name[table]
            row = found.rows.get(row_id)
            return None if row is None else str(row.values.get(found.primary_name, ""))
        if row_id == self.credentials.user_id:
            return "# Sandbox application"
        return "US Dollar" if row_id == CURRENCY_ID else None

    def expire_delta_tokens(self) -> None:
        """Every delta token issued so far becomes too old."""
        self.delta_floor = self.versions.next()


def collection_name(child: Table, navigation: str) -> str:
    """The relationship's schema name, which is also the collection-valued navigation property of the parent."""
    if (child.name, navigation) == ("contact", "parentcustomerid_account"):
        return "contact_customer_accounts"
    column, target = child.navigations[navigation]
    if child.activity and column.name == "regardingobjectid":
        return f"{target.capitalize()}_ActivityPointers" if child.name == POINTER else f"{target}_{child.name}s"
    prefix = "" if target.startswith(CUSTOM) else CUSTOM
    return f"{prefix}{target}_{child.name}_{column.name}" if column.is_custom else f"{child.name}_{navigation}"
