"""An import workflow as its operator sees it: files put in its folder, what set it off, what became of them."""

import csv
import io
from typing import Any

import requests

from tests.integration.sandbox.campaign_client import CampaignClient
from tests.sandboxes import Sandbox

FOLDER = "d365_loads/imports"


class Imports:
    """One workflow of the sandbox; files by their names alone."""

    def __init__(self, sandbox: Sandbox, id_: str = "WKF201") -> None:
        self.admin = sandbox.admin
        self.campaign = CampaignClient(sandbox)
        self.id = id_

    def put(self, name: str, text: str) -> None:
        self.admin.put(f"/sftp/files/{FOLDER}/{name}", {"text": text})

    def set(self, **settings: Any) -> None:
        self.admin.patch(f"/imports/{self.id}", settings)

    def signal(self, file: str) -> requests.Response:
        return self.campaign.signal({"source": "API", "parameters": {"file": file}}, self.id)

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = self.admin.get(f"/imports/{self.id}")
        return found

    def ended(self) -> dict[str, Any]:
        """The newest run, as soon as it has ended."""
        while True:
            told = self.told()
            if told["runs"] and not told["waiting"] and told["runs"][-1]["ended_at"] is not None:
                run: dict[str, Any] = told["runs"][-1]
                return run

    def import_(self, text: str, name: str = "profile_1.csv") -> dict[str, Any]:
        """Put it there, signal, and wait for its end: the run."""
        self.put(name, text)
        answer = self.signal(name)
        assert answer.status_code == 200, answer.text
        return self.ended()

    def files(self) -> list[str]:
        """Of both folders, as paths below the first."""
        paths = [file["path"] for file in self.admin.get("/sftp/files")["value"]]
        return [path.removeprefix(f"{FOLDER}/") for path in paths if path.startswith(f"{FOLDER}/")]

    def result(self, kind: str, base: str = "profile_1") -> list[list[str]]:
        """The lines of a result that is there, header first."""
        told = self.admin.get(f"/sftp/files/{FOLDER}/results/{base}.{kind}.csv")
        return list(csv.reader(io.StringIO(told["text"], newline="")))


def rows(count: int, first: int = 1) -> str:
    """A file of so many profiles, k-1 and on."""
    lines = [f"k-{number},k{number}@example.com,v{number}\n" for number in range(first, first + count)]
    return "".join(["externalId,email,cusVersion\n", *lines])
