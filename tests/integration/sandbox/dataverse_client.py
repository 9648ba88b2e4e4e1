"""A client of the pretend Dataverse that knows nothing but HTTP."""

from typing import Any

import requests

from tests.sandboxes import Sandbox


class Dataverse:
    """Paths below the API root, or whole links; answers as they come."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.api = sandbox.dynamics_api
        self.headers = sandbox.dynamics_headers()

    def send(self, method: str, path: str, body: object = None, prefer: str = "", **headers: str) -> requests.Response:
        url = path if path.startswith("http") else f"{self.api}/{path}"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if prefer:
            given["Prefer"] = prefer
        return requests.request(method, url, json=body, headers={**self.headers, **given}, timeout=30)

    def get(self, path: str, prefer: str = "") -> Any:
        """The parsed body of a good answer."""
        answer = self.send("GET", path, prefer=prefer)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, prefer: str = "") -> tuple[int, str, str]:
        """(status, code, text) of an answer that is an error."""
        answer = self.send("GET", path, prefer=prefer)
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["message"]

    def scan(self, path: str, prefer: str = "") -> tuple[list[dict[str, Any]], str]:
        """(elements of all pages, deltaLink or an empty text)."""
        found: list[dict[str, Any]] = []
        while True:
            body = self.get(path, prefer)
            found += body["value"]
            if "@odata.nextLink" not in body:
                return found, body.get("@odata.deltaLink", "")
            path = body["@odata.nextLink"]

    def delta_link(self, set_name: str, select: str = "") -> str:
        """Where the changes from now on are read."""
        return self.scan(set_name + (f"?$select={select}" if select else ""), "odata.track-changes")[1]


def stored(sandbox: Sandbox, table: str) -> dict[str, dict[str, Any]]:
    """All rows of a table as they lie there, by id."""
    rows = sandbox.admin.get(f"/dynamics/tables/{table}")["value"]
    return {row[f"{table}id"]: row for row in rows}
