"""Real dashboards over a real server, as browsers and attackers reach them."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from redis import Redis

from config.load import load
from config.settings import Settings
from control import configuration
from dashboard.users import Role, write_user
from store.client import connect
from store.embedded import EmbeddedServer
from store.outcomes import Reason, Refused
from store.records import Change
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import CONFIGURATION
from tests.sandboxes import ROOT

#: Seconds within which a dashboard is up on a busy machine with two cores.
UP = 60.0

Start = Callable[..., "Served"]


class Served:
    """One process `d365acs dashboard`, with the home folder of its own that was given."""

    def __init__(self, redis_url: str, home: Path, arguments: Sequence[str], environment: dict[str, str]) -> None:
        self.home = home
        self.log = home / "dashboard.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).parent / "d365acs"), "dashboard", "--port=0", *arguments],
                cwd=ROOT,
                env={**ours(redis_url, home), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        give_up = time.monotonic() + UP
        while not (found := re.search(r"The Workflows page: (\S+)", self.log.read_text())):
            assert self.process.poll() is None and time.monotonic() < give_up, self.log.read_text()
            time.sleep(0.03)
        self.page = found[1]
        parts = urlsplit(self.page)
        self.origin = f"{parts.scheme}://{parts.netloc}"

    def visit(self, user: tuple[str, str] | None = None) -> "Visit":
        return Visit(self.page, user)

    def operate(self) -> "Visit":
        """As whoever has the key of the home folder."""
        visit = self.visit()
        key = (self.home / "dashboard.key").read_text()
        assert visit.get("/enter", params={"key": key}).status_code == 200
        return visit

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class Visit:
    """A browser's part of it: cookies, a password, the token of the forms."""

    def __init__(self, page: str, user: tuple[str, str] | None) -> None:
        self._page = page
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = user

    def get(self, path: str = "", **more: object) -> requests.Response:
        return self.session.get(self._page + path, timeout=30, **more)  # type: ignore[arg-type]

    def text(self, path: str = "") -> str:
        """What is written on a page, without its markup."""
        answer = self.get(path)
        assert answer.status_code == 200, words(answer.text)
        return words(answer.text)

    def press(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> requests.Response:
        """Posts a form as the page has it, with its token; the page that it leads to."""
        self.get()
        token = {"_xsrf": self.session.cookies["_xsrf"]}
        return self.session.post(self._page + path, data=token | fields, headers=headers, timeout=60)

    def pressed(self, path: str, **fields: str) -> str:
        """The sentence that is told of it on the next page."""
        answer = self.press(path, None, **fields)
        found = re.search(r'class="wf-notice[^>]*>(.*?)</p>', answer.text, re.S)
        assert found, f"{answer.status_code}: {words(answer.text)}"
        return words(found[1])


def words(page: str) -> str:
    """Text and values as a person reads them."""
    return " ".join(unescape(re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.S)).split())


def ours(redis_url: str, home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("D365ACS_", "FLOWER_"))}
    given = {"REDIS_URL": redis_url, "HOME": str(home), "ACTOR": "ann", "CONTEXTS": str(home / "contexts.yaml")}
    return inherited | {f"D365ACS_{name}": value for name, value in given.items()}


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """One server is enough here: what scripts do on which server is told elsewhere."""
    with tempfile.TemporaryDirectory(prefix="d365acs-") as folder, EmbeddedServer(Path(folder)) as server:
        yield server.url


def run(redis_url: str, home: Path) -> Iterator[Served]:
    served = Served(redis_url, home, (), {})
    yield served
    served.close()


@pytest.fixture(scope="session")
def with_key(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A dashboard of this machine, where nobody logs in."""
    yield from run(redis_url, tmp_path_factory.mktemp("key"))


#: Everybody here has the same password.
PASSWORD = "correct horse"
OLIVIA, VERA = ("olivia", PASSWORD), ("vera", PASSWORD)


@pytest.fixture(scope="session")
def with_users(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A dashboard for users: olivia operates, vera looks."""
    home = tmp_path_factory.mktemp("users")
    write_user(home / "dashboard.users", "olivia", Role.OPERATE, PASSWORD)
    write_user(home / "dashboard.users", "vera", Role.VIEW, PASSWORD)
    yield from run(redis_url, home)


@pytest.fixture
def start(redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """start("--basic-auth=a:b", FLOWER_PORT="1") runs one of one's own, in the folder of the test."""
    started: list[Served] = []

    def one(*arguments: str, **environment: str) -> Served:
        started.append(Served(redis_url, tmp_path, arguments, environment))
        return started[-1]

    yield one
    for served in started:
        served.close()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with connect(redis_url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def store(redis: Redis) -> Store:
    """Somebody has acknowledged how privacy requests are made."""
    store = Store(redis, Settings.model_fields["instance"].default)
    store.privacy.record("ann", store.now_ms())
    return store


@pytest.fixture
def ingress(store: Store) -> WorkflowStore:
    return store.workflow("ingress")


@pytest.fixture
def configured(store: Store, ingress: WorkflowStore) -> WorkflowStore:
    """ingress with a configuration, never started."""
    configuration.apply(store, load(CONFIGURATION, "test.yaml"), "ann", "the first")
    return ingress


@pytest.fixture
def running(configured: WorkflowStore) -> WorkflowStore:
    """ingress as it runs, with its stream."""
    configured.lifecycle.start("ann", "go", 1)
    configured.lifecycle.add_streams(["contact"])
    assert configured.lifecycle.run(configured.lifecycle.read().generation, "start-up checks", "both systems answer")
    return configured


def set_aside(workflow: WorkflowStore, *ids: str, kind: str = "unmappable") -> None:
    """Has these records refused, as a writer would."""
    queue, generation = workflow.queue("contact"), workflow.lifecycle.read().generation
    put(workflow, *ids)
    batch = queue.lease(generation, len(ids), 30_000)
    reason = Reason(kind, "birthdate does not fit birthDate: it is no date", "campaign")
    queue.settle(batch.number, [Refused(record.id, reason) for record in batch.records])


def put(workflow: WorkflowStore, *ids: str) -> None:
    """Has these records wait, as a reader would."""
    number, generation = workflow.cursor("contact").number, workflow.lifecycle.read().generation
    workflow.queue("contact").put_page(generation, number, [Change(one, 1, b'{"a":1}') for one in ids], "")
