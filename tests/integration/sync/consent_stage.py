"""The target of consent on a sandbox and a real store: people change either side, notices are written, all is told."""

from collections.abc import Callable, Sequence
from typing import Any

from config.consent_flags import FlagPair
from config.optinout import OptinoutConfig
from config.tables import CampaignKey
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from store.decisions import Decision
from store.record_queue import Lane, Leased
from store.store import WorkflowStore
from sync.consent.memory_bytes import unpack
from sync.consent.news import is_news_of_profile
from sync.consent.payload import OF_DYNAMICS, of_campaign, profile_state
from sync.consent.target import ConsentTarget
from sync.streams import Answer, Send
from tests.sandboxes import Admin

PAIRS = (
    FlagPair(dynamics="donotemail", campaign="blackListEmail"),
    FlagPair(dynamics="followemail", campaign="blackListMobile", opted_out=False),
)


class ConsentStage:
    def __init__(self, dynamics: Dynamics, campaign: Campaign, admin: Admin, store: WorkflowStore) -> None:
        self.dynamics, self.campaign, self.admin, self.store = dynamics, campaign, admin, store
        self.table = dynamics.table("contact", 10)
        self.ids = sorted(admin.contacts())
        self.config = OptinoutConfig(direction="bidirectional", flags=PAIRS)
        self.versions = 0
        self.asked: list[str] = []
        for name in ("current", "update_all"):
            self._count(dynamics, name)
        for name in ("profile_by_key", "update"):
            self._count(campaign, name)

    def _count(self, system: Any, name: str) -> None:
        real = getattr(system, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            self.asked.append(name)
            return real(*arguments, **options)

        setattr(system, name, counted)

    def hook(self, system: Any, name: str, before: Callable[[], None] | None = None,
             after: Callable[[], None] | None = None) -> None:  # fmt: skip
        """Something happens once, just before or after the next request of this kind."""
        real = getattr(system, name)

        def once(*arguments: Any, **options: Any) -> Any:
            setattr(system, name, real)
            if before:
                before()
            answer = real(*arguments, **options)
            if after:
                after()
            return answer

        setattr(system, name, once)

    # People.

    def profile(self, contact: str, **flags: bool) -> None:
        """A profile for the contact, or a change of it."""
        found = self._profiles(contact)
        if found:
            self.campaign.update("profile", found[0]["PKey"], flags, 10)
        else:
            self.campaign.create("profile", {"externalId": contact, "email": "a@example.com", **flags}, 10)
        self.asked.clear()

    def contact(self, contact: str, **columns: bool) -> None:
        row = self.dynamics.current(self.table, [contact], ["donotemail"], 10)[contact]
        self.dynamics.update(self.table, contact, columns, row.etag, 10)
        self.asked.clear()

    def wait(self, seconds: float) -> None:
        self.admin.post("/clock", {"advance": seconds})

    def _profiles(self, contact: str) -> list[dict[str, Any]]:
        return self.campaign.profile_by_key(CampaignKey(), contact, 10)

    def flags(self, contact: str) -> tuple[bool, bool]:
        """Opted out of email, in Dynamics and in Campaign."""
        [profile] = [one for one in self.admin.profiles() if one["externalId"] == contact]
        return bool(self.admin.contacts()[contact]["donotemail"]), profile["blackListEmail"]

    # Readers.

    def told(self, contact: str) -> bytes:
        """What the profile says now, as a reader queues it."""
        [profile] = self._profiles(contact)
        self.asked.clear()
        return of_campaign(profile_state(self.config, profile, self.store.now_ms()))

    def is_news(self, contact: str) -> bool:
        [profile] = self._profiles(contact)
        self.asked.clear()
        [kept] = self.store.consent.memories([contact])
        state = profile_state(self.config, profile, self.store.now_ms())
        return is_news_of_profile(self.config, unpack(kept) if kept else None, state)

    # The writer.

    def target(self) -> ConsentTarget:
        return ConsentTarget(self.dynamics, self.campaign, self.table, self.config, self.store.consent, 2)

    def write(self, *notices: tuple[str, bytes]) -> Sequence[Answer]:
        target = self.target()
        sends: list[Send] = []
        for contact, payload in notices:
            self.versions += 1
            record = Leased(contact, self.versions, self.store.now_ms(), Lane.LIVE, payload, 0, 0)
            send = target.prepare(record, None)
            assert isinstance(send, Send)
            sends.append(send)
        return target.send(sends, lambda: 10.0)

    def changed_in_dynamics(self, contact: str) -> Answer:
        [answer] = self.write((contact, OF_DYNAMICS))
        return answer

    def changed_in_campaign(self, contact: str, payload: bytes | None = None) -> Answer:
        [answer] = self.write((contact, payload if payload is not None else self.told(contact)))
        return answer

    def decisions(self, contact: str) -> list[Decision]:
        """Oldest first."""
        return self.store.consent.of_contact(contact)[::-1]
