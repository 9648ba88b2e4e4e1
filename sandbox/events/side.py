"""The event side as a whole: journal, SFTP folder, the campaigns made up so far."""

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.events.folder import Folder
from sandbox.events.journal import EventJournal
from sandbox.events.journal_api import JournalApi
from sandbox.events.log_files import LogFiles, LogFilesPlan
from sandbox.events.mailing import Mailing
from sandbox.events.plan import CampaignPlan
from sandbox.events.recipients import recipients_of
from sandbox.events.seal import Seal
from sandbox.events.sftp import SftpServer
from sandbox.events.sftp_keys import USER, SftpKeys
from sandbox.events.texts import MailingTexts
from sandbox.faults import FaultSource
from sandbox.http import Answer, Request
from sandbox.journal import Calls
from sandbox.switches import Switches
from sandbox.tokens import Credentials, TokenRegister

#: Of so many events at a time the truth is told.
_STRETCH = 10_000

Contacts = Callable[[], Mapping[str, str]]
Profiles = Callable[[], list[tuple[str, str]]]


class EventSide:
    """`contacts` tells email by id, `profiles` (external id, email), both as they are at that moment."""

    def __init__(
        self,
        clock: Clock,
        seed: int,
        credentials: Credentials,
        tokens: TokenRegister,
        faults: FaultSource,
        calls: Calls,
        switches: Switches,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._credentials = credentials
        self._seal = Seal(seed)
        self.path = _registration(seed)
        self.api = JournalApi(clock, tokens, credentials, self._seal, self.path, switches)
        self.keys = SftpKeys.made_up(seed)
        self.folder = Folder()
        self.sftp = SftpServer(self.folder, self.keys, faults, calls, switches)

    def furnish(self, switches: Switches, contacts: Contacts, profiles: Profiles) -> None:
        """Back to the beginning: an empty journal, no files but the folders, no campaign."""
        self.contacts, self.profiles = contacts, profiles
        self.journal = EventJournal(self._clock, self._seed)
        self._campaigns: list[tuple[MailingTexts, set[int]]] = []
        self.folder.clear()
        self.use(switches)

    def use(self, switches: Switches) -> None:
        """Take new switches; what lies in the journal already keeps its order and its duplicates."""
        self.switches = switches
        self.api.switches = switches
        self.sftp.use(switches)
        for texts, _ in self._campaigns:
            texts.switches = switches

    def answer(self, request: Request) -> Answer:
        return self.api.answer(request, self.journal)

    def run_campaign(self, given: dict[str, Any]) -> dict[str, Any]:
        """Make up a campaign and deliver its events to journal, files or both; what came of it. ValueError."""
        plan = CampaignPlan.from_json(given)
        files_plan = LogFilesPlan.from_json(plan.files or {})
        people = {name.lower(): email for name, email in self.contacts().items()}
        recipients = recipients_of(plan, people, self.profiles(), self._seal)
        begin = plan.beginning(self._clock.now())
        mailing = Mailing(len(self._campaigns) + 1, plan, recipients, begin)
        texts = MailingTexts(mailing, self._seal, self._credentials.organization, self.switches)
        if "journal" in plan.places:
            self.journal.add_campaign(texts, texts.arrivals(), range(len(mailing)), self.switches)
        hidden: set[int] = set()
        written: list[str] = []
        if "files" in plan.places:
            files = LogFiles(files_plan, texts, self.folder)
            hidden, written = files.hidden, files.write()
        self._campaigns.append((texts, hidden))
        counts = Counter(mailing.kind)
        return {
            "campaign": plan.campaign,
            "number": mailing.number,
            "emails": mailing.emails,
            "events": len(mailing),
            **{name: counts[kind] for kind, name in enumerate(("sends", "opens", "clicks", "bounces"))},
            "files": written,
        }

    @property
    def events(self) -> int:
        """How many events were made up so far."""
        return sum(len(texts.mailing) for texts, _ in self._campaigns)

    def truth(self, campaign: int | None, begin: int, count: int | None) -> Iterator[dict[str, Any]]:
        """What the made-up campaigns hold, event by event, oldest campaign first; `campaign` by its number."""
        for texts, hidden in self._campaigns:
            if campaign not in (None, texts.mailing.number):
                continue
            here = range(len(texts.mailing))[begin:]
            begin = max(0, begin - len(texts.mailing))
            if count is not None:
                here = here[:count]
                count -= len(here)
            for at in range(0, len(here), _STRETCH):
                yield from texts.truth(here[at : at + _STRETCH], hidden)

    def launch_info(self, origin: str, token_url: str, sftp_port: int) -> dict[str, dict[str, str]]:
        """The members `journal` and `sftp` of what the launcher prints; all of them are text."""
        credentials, keys = self._credentials, self.keys
        return {
            "journal": {
                "url": origin + self.path,
                "org_id": credentials.org_id,
                "client_id": credentials.campaign_client_id,
                "client_secret": credentials.campaign_client_secret,
                "token_url": token_url,
            },
            "sftp": {
                "host": "127.0.0.1",
                "port": str(sftp_port),
                "user": USER,
                "private_key": keys.user,
                "host_key": keys.host_public,
            },
        }


def _registration(seed: int) -> str:
    made = hashlib.sha256(f"{seed}:registration".encode()).digest()
    organization, integration = (int.from_bytes(made[at : at + 2]) + 10_000 for at in (0, 2))
    registration = uuid.UUID(bytes=made[4:20], version=4)
    return f"/events/organizations/{organization}/integrations/{integration}/{registration}"
