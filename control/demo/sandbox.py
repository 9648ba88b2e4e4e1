"""The pretend systems of the demonstration: another program on loopback, filled, and changed through its admin side."""

import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import requests

from config.connections import CampaignConnection, Connections, DynamicsConnection
from config.journal_connection import JournalConnection
from control.errors import DemoFailed

#: Seconds: for the sandbox to come up, and for one answer of its admin side.
SANDBOX_PATIENCE, ADMIN_PATIENCE = 60.0, 30.0


class Sandbox:
    """`rows`: by option of the sandbox (contacts, memberships, ...), how many there are at first."""

    def __init__(self, rows: dict[str, int], log: Path) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between us and our own loopback
        filled = [word for name, count in rows.items() for word in (f"--{name}", str(count))]
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", "up", "-o", "json", *filled],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches us first; what uses the sandbox ends before it
            )
        try:
            self.info: dict[str, dict[str, str]] = orjson.loads(self._first_line())
        except (orjson.JSONDecodeError, queue.Empty):
            self.stop()
            raise DemoFailed(f"The sandbox did not come up; {log} says why.") from None

    def _first_line(self) -> bytes:
        lines: queue.Queue[bytes] = queue.Queue()
        stdout = self._process.stdout
        assert stdout is not None
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        return lines.get(timeout=SANDBOX_PATIENCE)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request to the admin side. Raises DemoFailed."""
        url = self.info["admin"]["url"] + path
        try:
            answer = self._session.request(method, url, json=body, timeout=ADMIN_PATIENCE)
            answer.raise_for_status()
            return orjson.loads(answer.content) if answer.content else None
        except (requests.RequestException, orjson.JSONDecodeError) as error:
            raise DemoFailed(f"The sandbox did not answer {method} {path} ({type(error).__name__}).") from None

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table of Dynamics. Raises DemoFailed."""
        found: list[dict[str, Any]] = self.ask("GET", f"/dynamics/tables/{table}")["value"]
        return found

    def records(self, resource: str) -> list[dict[str, Any]]:
        """All records of a resource of Campaign, hidden ones too. Raises DemoFailed."""
        found: list[dict[str, Any]] = self.ask("GET", f"/campaign/resources/{resource}")["value"]
        return found

    def stop(self) -> None:
        self._session.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def connections_to(info: dict[str, dict[str, str]], secrets: Mapping[str, str]) -> Connections:
    """How a sandbox is reached that says this of itself; `secrets`: by system, the variable with its client secret."""
    dynamics, campaign = info["dynamics"], info["campaign"]
    return Connections(
        dynamics=DynamicsConnection(
            url=dynamics["url"],
            tenant=dynamics["tenant"],
            client_id=dynamics["client_id"],
            client_secret=f"${{env:{secrets['dynamics']}}}",
            token_url=dynamics["token_url"],
        ),
        campaign=CampaignConnection(
            url=campaign["url"],
            client_id=campaign["client_id"],
            client_secret=f"${{env:{secrets['campaign']}}}",
            org_id=campaign["org_id"],
            token_url=campaign["token_url"],
        ),
        journal=JournalConnection(url=info["journal"]["url"]),
    )
