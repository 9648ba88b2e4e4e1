"""An installation on which ingress runs: rows of Dynamics become records of Campaign."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.end_to_end import documents
from tests.end_to_end.documents import BY_ADDRESS, PAIRS, Plain
from tests.end_to_end.installation import Installation
from tests.end_to_end.truth import Row, Travels, differences, orphans
from tests.sandboxes import Sandbox


class Stage(Installation):
    name = "ingress"
    stream = "contact"
    systems = {"dynamics": "client_secret", "campaign": "client_secret"}  # noqa: RUF012  # never changed

    def __init__(self, sandbox: Sandbox, home: Path, **settings: Any) -> None:
        super().__init__(sandbox, home, **settings)
        self.part = documents.ingress(documents.contacts())
        self.travels: Travels = {}
        self.stays: set[str] = set()  #: keys of records that Campaign keeps although they do not travel

    @property
    def streams(self) -> list[str]:
        """The mapped tables."""
        return [mapping["table"] for mapping in self.part["tables"]]

    def configure(
        self,
        key: dict[str, Any] = BY_ADDRESS,
        fields: Iterable[tuple[str, str]] = PAIRS,
    ) -> int:
        """Saves a configuration of contacts alone; its revision."""
        return self.save(documents.ingress(documents.contacts(key, fields)))

    def save(self, part: Plain, travels: Travels | None = None) -> int:
        """Saves an ingress part, by which the two sides are judged from now on; its revision.

        `travels` says in Python once more what its filters say; without it every row travels.
        """
        saved = self._save(part)
        self.travels = travels or {}
        return saved

    def rows(self, table: str) -> dict[str, Row]:
        """Dynamics' rows of a table by id."""
        return self.admin.rows(table)

    def records(self, resource: str) -> dict[str, Row]:
        """Campaign's records of a resource by key, hidden ones too."""
        key = "externalId" if resource == "profile" else "crmId"
        return {record[key]: record for record in self.admin.records(resource)}

    def differences(self) -> list[str]:
        rows = {table: self.rows(table) for table in self.streams}
        records = {mapping["resource"]: self.admin.records(mapping["resource"]) for mapping in self.part["tables"]}
        return differences(self.part, rows, records, self.travels, self.stays)

    def orphans(self) -> list[str]:
        return orphans(self.admin.get("/journal"))

    def writes(self) -> int:
        """How many engine calls Campaign has counted."""
        return int(self.admin.get("/calls")["engine_calls"])
