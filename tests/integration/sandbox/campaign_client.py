"""A client of the pretend Campaign that knows nothing but HTTP."""

from typing import Any

import requests

from tests.sandboxes import Sandbox


class CampaignClient:
    """Paths below the Ext API's profiles, or whole links; answers as they come."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.root = sandbox.info["campaign"]["url"] + "/campaign"
        self.ext = sandbox.profiles_api
        self.plain = self.ext.replace("profileAndServicesExt", "profileAndServices")
        self.headers = sandbox.campaign_headers()

    def send(self, method: str, url: str, body: object = None, **parameters: str) -> requests.Response:
        target = url if url.startswith("http") else self.ext + url
        return requests.request(method, target, json=body, params=parameters, headers=self.headers, timeout=10)

    def create(self, **values: Any) -> dict[str, Any]:
        answer = self.send("POST", "", values)
        assert answer.status_code == 201, answer.text
        record: dict[str, Any] = answer.json()
        return record

    def workflow(self, id_: str = "WKF123") -> requests.Response:
        return self.send("GET", f"{self.root}/workflow/execution/{id_}")

    def command(self, method: str, id_: str = "WKF123") -> requests.Response:
        return self.send("POST", f"{self.root}/workflow/execution/{id_}/commands", {"method": method})

    def signal(self, body: object = None, id_: str = "WKF123") -> requests.Response:
        """Through the link that the workflow tells."""
        link = self.workflow(id_).json()["activities"]["activity"]["signal1"]["trigger"]["href"]
        return self.send("POST", link, {"source": "API"} if body is None else body)
