"""An installation on which egress runs: events of Campaign become activities of Dynamics."""

from pathlib import Path
from typing import Any

import requests

from sync.egress import STREAM
from tests.end_to_end import documents, event_truth
from tests.end_to_end.documents import Plain
from tests.end_to_end.event_truth import TABLES, Row, Travels, table_of
from tests.end_to_end.installation import Installation
from tests.sandboxes import Sandbox


class EventStage(Installation):
    """The journal asks to be patient for a fifth of a second only, so that tests are short."""

    name = "egress"
    stream = STREAM
    systems = {  # noqa: RUF012  # never changed
        **dict.fromkeys(("dynamics", "campaign", "journal"), "client_secret"),
        "sftp": "private_key",
    }

    def __init__(self, sandbox: Sandbox, home: Path, **settings: Any) -> None:
        super().__init__(sandbox, home, **settings)
        self.part = documents.egress()
        self.travels: Travels = lambda event: True
        self.touched = False  #: whether somebody else writes to the activity tables, too
        self.owner = self._application_user()
        self.switch(journal_retry_after_seconds=0.2)

    @property
    def streams(self) -> list[str]:
        return [STREAM]

    def _application_user(self) -> str:
        url, headers = f"{self.sandbox.dynamics_api}/WhoAmI", self.sandbox.dynamics_headers()
        user: str = requests.get(url, headers=headers, timeout=30).json()["UserId"]
        return user

    # what an operator does

    def configure(self) -> int:
        return self.save(documents.egress())

    def save(self, part: Plain) -> int:
        """Saves an egress part, by which the two sides are judged from now on; its revision."""
        return self._save(part)

    # what happens in Campaign

    def switch(self, **switches: object) -> None:
        """The sandbox's switches."""
        self.admin.put("/switches", switches)

    def faults(self, seed: int = 1, **systems: Plain) -> None:
        """The sandbox's faults, by system; none ends them all."""
        self.admin.put("/faults", {"seed": seed, **systems} if systems else {})

    def campaign(self, **plan: Any) -> dict[str, Any]:
        """Makes up a campaign, of 100 emails unless the plan says otherwise: what came of it."""
        return self.sandbox.campaign(**{"sends": 100, **plan})

    def deliver(self, *events: Plain) -> None:
        """Puts events into the journal as they are; the truth does not know them."""
        self.admin.post("/events/journal", {"events": list(events)})

    def truth(self) -> list[dict[str, Any]]:
        return self.sandbox.truth()

    # what a tester looks at

    def activities(self, kind: str) -> list[Row]:
        """The rows of the table in which events of this kind are shown."""
        found: list[Row] = self.admin.get(f"/dynamics/tables/{table_of(self.part, kind)}")["value"]
        return found

    def counts(self) -> dict[str, Any]:
        """Of the sandbox's journal of activities."""
        found: dict[str, Any] = self.admin.get("/dynamics/activities/counts")
        return found

    def calls(self, system: str) -> int:
        """How many requests a system of the sandbox has taken; for SFTP logins and operations."""
        return sum(self.admin.get("/calls")[system].values())

    def statuses(self, system: str) -> dict[str, int]:
        """How often it has answered in which way."""
        found: dict[str, int] = self.admin.get("/calls")["statuses"][system]
        return found

    def dealt(self, system: str) -> dict[str, int]:
        """How often each fault was dealt out."""
        found: dict[str, int] = self.admin.get("/faults")[system]["dealt"]
        return found

    def writes(self) -> int:
        return int(self.counts()["writes"])

    def differences(self) -> list[str]:
        contacts = self.admin.contacts()
        wanted = event_truth.wanted(self.part, self.truth(), contacts, self.travels, self.owner)
        shown = event_truth.shown(self.part, {kind: self.activities(kind) for kind in TABLES})
        return event_truth.differences(wanted, shown, None if self.touched else self.counts())

    def wait_for_calls(self, system: str, count: int) -> None:
        self.wait_until(lambda: self.calls(system) >= count, f"{system} has taken {count} requests")

    def wait_until_read(self, count: int) -> None:
        """Until so many events were read since the installation began, each time that one was read."""
        self.wait_until(lambda: self.totals()["read"] >= count, f"{count} events were read")
