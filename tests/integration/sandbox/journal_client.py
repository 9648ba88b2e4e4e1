"""A small client of the I/O Events journal: pages, and the links between them."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import requests

from tests.sandboxes import Sandbox


class JournalClient:
    """Nothing but requests: what it understands, any client can."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.journal_url
        self.session = requests.Session()
        self._sandbox = sandbox
        self.pass_time(0)

    def pass_time(self, seconds: float) -> None:
        """Move the sandbox's clock, and get a token that is good then."""
        self._sandbox.admin.post("/clock", {"advance": seconds})
        self.session.headers.update(self._sandbox.journal_headers())

    def get(self, url: str | None = None, **params: Any) -> requests.Response:
        return self.session.get(url or self.url, params=params, timeout=30)

    def next_of(self, answer: requests.Response) -> str:
        return urljoin(answer.url, answer.links["next"]["url"])

    def pages(self, **params: Any) -> Iterator[requests.Response]:
        """Page after page, until there is nothing new."""
        answer = self.get(**params)
        while answer.status_code == 200:
            yield answer
            answer = self.get(self.next_of(answer))
        assert answer.status_code == 204, answer.text

    def entries(self, **params: Any) -> list[Any]:
        return [entry for page in self.pages(**params) for entry in page.json()["events"]]

    def events(self, **params: Any) -> list[Any]:
        return [entry["event"] for entry in self.entries(**params)]
