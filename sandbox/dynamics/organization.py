"""The pretend organisation: its tables, its users' names, its change-tracking memory."""

import random

from sandbox.clock import Clock
from sandbox.dynamics.columns import ACCOUNT, CONTACT
from sandbox.dynamics.tables import CURRENCY_ID, Table, Versions
from sandbox.people import accounts, contact_values, contacts, new_id
from sandbox.switches import Switches
from sandbox.tokens import Credentials


class Organization:
    """One Dataverse environment with contacts and accounts."""

    def __init__(
        self,
        clock: Clock,
        switches: Switches,
        credentials: Credentials,
        seed: int,
        contact_count: int,
        account_count: int,
    ) -> None:
        self.clock = clock
        self.switches = switches
        self.credentials = credentials
        self.root_url = ""
        self.versions = Versions()
        self.delta_floor = 0
        user = credentials.user_id
        self.contacts = Table(
            "contact", "contacts", "contactid", "fullname", "Contact", 2, CONTACT, self.versions, clock
        )
        self.accounts = Table(
            *("account", "accounts", "accountid", "name", "Account"), 1, ACCOUNT, self.versions, clock
        )
        self.tables = {table.set_name: table for table in (self.accounts, self.contacts)}
        self.by_name = {table.name: table for table in self.tables.values()}
        account_rows = accounts(seed, account_count, _defaults(self.accounts), user)
        self.accounts.load(account_rows, 0.0)
        people = contacts(seed, contact_count, _defaults(self.contacts), list(account_rows), user)
        self.contacts.load(people, 0.0)
        self._made = contact_count

    def is_tracked(self, table: Table) -> bool:
        if table is self.contacts:
            return self.switches.contact_change_tracking
        return self.switches.account_change_tracking

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

    def change_contacts(self, count: int, seed: object) -> list[str]:
        """Change `count` contacts in columns that people map: job, phone, city, consent; their ids."""
        source = random.Random(f"change:{seed}")
        chosen = source.sample(self.contacts.ids, min(count, len(self.contacts.ids)))
        for row_id in chosen:
            fresh = contact_values(source, source.randrange(10**9), [])
            old = self.contacts.rows[row_id].values
            names = (
                "jobtitle",
                "mobilephone",
                "address1_line1",
                "address1_city",
                "numberofchildren",
                "emailaddress1",
            )
            changed: dict[str, object] = {name: fresh[name] for name in source.sample(names, 2)}
            # Whatever else is mapped, one column that every mapping has surely differs.
            changed["lastname"] = _other(str(old.get("lastname", "")), str(fresh["lastname"]))
            self.contacts.put(row_id, changed, self.credentials.user_id)
        return chosen

    def create_contacts(self, count: int, seed: object) -> list[str]:
        source = random.Random(f"create:{seed}:{self._made}")
        made = []
        for _ in range(count):
            self._made += 1
            row_id = new_id(source)
            values = contact_values(source, self._made, self.accounts.ids)
            self.contacts.put(row_id, values, self.credentials.user_id)
            made.append(row_id)
        return made

    def delete_contacts(self, count: int, seed: object) -> list[str]:
        source = random.Random(f"delete:{seed}")
        chosen = source.sample(self.contacts.ids, min(count, len(self.contacts.ids)))
        for row_id in chosen:
            self.contacts.delete(row_id)
        return chosen


def _other(old: str, new: str) -> str:
    return new if new != old else f"{new}-Jones"


def _defaults(table: Table) -> dict[str, object]:
    return {column.wire: column.default for column in table.columns if column.default is not None}
