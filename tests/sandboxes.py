"""Sandboxes for tests: one subprocess for the whole run, put back to its beginning before every test."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent


class Admin:
    """The sandbox's admin API: paths in, parsed JSON out; a refusal is an AssertionError with its sentence."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def get(self, path: str) -> Any:
        return self._send("GET", path, None)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._send("POST", path, body)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        return self._send("PUT", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self._send("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path, None)

    def rows(self, table: str) -> dict[str, dict[str, Any]]:
        """All rows of a table as they lie in it, by id."""
        return {row[f"{table}id"]: row for row in self.get(f"/dynamics/tables/{table}")["value"]}

    def records(self, resource: str) -> list[dict[str, Any]]:
        """All records of a resource as the Ext API shows them, oldest first; hidden ones are marked."""
        found: list[dict[str, Any]] = self.get(f"/campaign/resources/{resource}")["value"]
        return found

    def contacts(self) -> dict[str, dict[str, Any]]:
        """All contacts as they lie in the table, by id."""
        return self.rows("contact")

    def profiles(self) -> list[dict[str, Any]]:
        """All profiles as the Ext API shows them, oldest first."""
        return self.records("profile")

    def close(self) -> None:
        self._session.close()

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        answer = self._session.request(method, self._url + path, json=body, timeout=30)
        assert answer.ok, f"{method} {path}: {answer.text}"
        return answer.json()


class Sandbox:
    """One running sandbox. `info` is the JSON line it printed; extra arguments go to `sandbox up`."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "up", "-o", "json", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.stdout.close()
            raise RuntimeError(f"The sandbox ended with exit code {self.process.wait(10)} before it was up.")
        self.info: dict[str, dict[str, str]] = json.loads(line)
        self.admin = Admin(self.info["admin"]["url"])

    @property
    def dynamics_api(self) -> str:
        return self.info["dynamics"]["url"] + "/api/data/v9.2"

    @property
    def profiles_api(self) -> str:
        return self.info["campaign"]["url"] + "/campaign/profileAndServicesExt/profile"

    def dynamics_headers(self) -> dict[str, str]:
        """Authorization with a fresh Entra token."""
        of = self.info["dynamics"]
        return {"Authorization": f"Bearer {self._token(of, of['url'] + '/.default')}"}

    def campaign_headers(self) -> dict[str, str]:
        """Authorization with a fresh IMS token, and the API key."""
        of = self.info["campaign"]
        token = self._token(of, "openid,AdobeID,campaign_sdk,additional_info.projectedProductContext")
        return {"Authorization": f"Bearer {token}", "X-Api-Key": of["client_id"]}

    @property
    def journal_url(self) -> str:
        """The registration's address: what `connections.journal.url` names."""
        return self.info["journal"]["url"]

    def journal_headers(self) -> dict[str, str]:
        """Authorization with a fresh IMS token for I/O Management, the API key and the organisation."""
        of = self.info["journal"]
        token = self._token(of, "openid,AdobeID,adobeio_api,read_organizations")
        return {"Authorization": f"Bearer {token}", "x-api-key": of["client_id"], "x-ims-org-id": of["org_id"]}

    @property
    def sftp_port(self) -> int:
        return int(self.info["sftp"]["port"])

    def campaign(self, **plan: Any) -> dict[str, Any]:
        """Make up a campaign (docs/sandbox.md, "Campaigns"): what came of it, counted."""
        told: dict[str, Any] = self.admin.post("/events/campaign", plan)
        return told

    def truth(self) -> list[dict[str, Any]]:
        """Every event of the campaigns made up so far, and whether Dynamics is to show it (`expected`)."""
        told: list[dict[str, Any]] = self.admin.get("/events/truth")["value"]
        return told

    def _token(self, of: dict[str, str], scope: str) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": of["client_id"],
            "client_secret": of["client_secret"],
            "scope": scope,
        }
        answer = requests.post(of["token_url"], data=form, timeout=30)
        answer.raise_for_status()
        token: str = answer.json()["access_token"]
        return token

    def close(self) -> int:
        """End it with SIGTERM; its exit code."""
        self.admin.close()
        self.process.terminate()
        code = self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@pytest.fixture(scope="session")
def start_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Start a sandbox with arguments of one's own: `start_sandbox("--contacts", "5000")`; ended with the session."""
    started: list[Sandbox] = []

    def start(*arguments: str) -> Sandbox:
        sandbox = Sandbox(*arguments)
        started.append(sandbox)
        return sandbox

    yield start
    for sandbox in started:
        if sandbox.process.poll() is None:
            sandbox.close()


@pytest.fixture(scope="session")
def shared_sandbox(start_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """The one that `sandbox` puts back to its beginning; a module may have another in its place."""
    return start_sandbox("--contacts", "200", "--accounts", "20")


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """200 contacts, 20 accounts, no profiles, no faults, default switches, whatever ran before."""
    shared_sandbox.admin.post("/reset")
    return shared_sandbox
