"""One campaign's events as columns of numbers: a million of them in some 30 MB, made in seconds."""

import random
from array import array
from math import log
from typing import NamedTuple

from sandbox.events.plan import CampaignPlan

SEND, OPEN, CLICK, BOUNCE = range(4)
KINDS = ("send", "open", "click", "bounce")

_HOUR, _DAY = 3600.0, 86_400.0

#: Emails leave within so long, or within a tenth of a shorter campaign.
_SENDING_SECONDS = 2 * _HOUR

#: Links in an email.
URLS = 12


class Recipient(NamedTuple):
    external_id: str
    email: str
    #: Whether a contact of Dynamics has this id.
    known: bool


class Failure(NamedTuple):
    """Nature and reason: labels and the numbers of the enumerations (ACS, indicator calculation)."""

    nature: str
    reason: str
    nature_value: str
    reason_value: str


FAILURES = (
    Failure("", "", "0", "0"),
    Failure("Hard", "User unknown", "2", "1"),
    Failure("Hard", "Account disabled", "2", "4"),
    Failure("Soft", "Mailbox full", "1", "5"),
    Failure("Soft", "Unreachable", "1", "3"),
    Failure("Soft", "Refused", "1", "20"),
)
_HARD, _SOFT = (1, 2), (3, 4, 5)


class Mailing:
    """Events by number, in the order of their times. `email[n]`: which email of the campaign event n is about."""

    def __init__(self, number: int, plan: CampaignPlan, recipients: list[Recipient], begin: float) -> None:
        """`number`: which campaign of the sandbox this is, from 1 on; recipients may be fewer than emails."""
        self.number = number
        self.plan = plan
        self.recipients = recipients
        self.deliveries = plan.delivery_names
        self.begin, self.end = begin, begin + plan.hours * _HOUR
        self._kinds: array[int] = array("B")
        self._times: array[float] = array("d")
        self._emails: array[int] = array("I")
        self._details: array[int] = array("B")
        self.emails = self._make()
        order = sorted(range(len(self._times)), key=self._times.__getitem__)
        self.kind = array("B", [self._kinds[at] for at in order])
        self.time = array("d", [self._times[at] for at in order])
        self.email = array("I", [self._emails[at] for at in order])
        #: Of a click, which link; of a bounce, which failure.
        self.detail = array("B", [self._details[at] for at in order])
        del self._kinds, self._times, self._emails, self._details

    def __len__(self) -> int:
        return len(self.kind)

    def recipient(self, email: int) -> Recipient:
        return self.recipients[email % len(self.recipients)]

    def delivery(self, email: int) -> int:
        """One delivery after the other, each in its turn to all recipients as far as they suffice."""
        return email * len(self.deliveries) // self.emails

    def _make(self) -> int:
        """Email by email; the number of emails."""
        plan = self.plan
        if not self.recipients:
            return 0
        source = random.Random(f"{plan.seed}:{self.number}:mailing")
        wanted = plan.events
        email = 0
        while email < plan.sends if wanted is None else len(self._times) < wanted:
            self._follow(source, email)
            email += 1
        if wanted is not None:
            for column in (self._kinds, self._times, self._emails, self._details):
                del column[wanted:]
        return email

    def _follow(self, source: random.Random, email: int) -> None:
        """One email from its sending on, as long as the campaign lasts."""
        plan, chance = self.plan, source.random
        span = self.end - self.begin
        sent = self.begin + chance() * min(_SENDING_SECONDS, span / 10)
        luck = chance()
        if luck < plan.hard_bounces:
            self._note(BOUNCE, sent, email, source.choice(_HARD))
            return
        luck -= plan.hard_bounces
        if luck < plan.soft_bounces:
            self._note(BOUNCE, sent, email, source.choice(_SOFT))
            return
        luck -= plan.soft_bounces
        self._note(SEND, sent, email, 0)
        if luck < plan.late_bounces:
            # Taken by the first server, refused by one behind it days later.
            earliest = min(_DAY, span / 4)
            self._note(BOUNCE, sent + earliest + chance() * (self.end - sent - earliest), email, source.choice(_HARD))
            return
        if chance() < plan.opens:
            self._read(source, email, sent)

    def _read(self, source: random.Random, email: int, sent: float) -> None:
        chance, end = source.random, self.end
        scale = (end - self.begin) / 20
        moment = sent + 1 + -log(1 - chance()) * scale
        clicks = chance() < self.plan.clicks
        while moment < end:
            self._note(OPEN, moment, email, 0)
            clicked = moment
            while clicks:
                clicked += 2 + chance() * 60
                if clicked >= end:
                    break
                self._note(CLICK, clicked, email, int(chance() * URLS))
                clicks = chance() < 0.3
            if chance() > 0.35:
                return
            moment += 60 + -log(1 - chance()) * scale * 2

    def _note(self, kind: int, moment: float, email: int, detail: int) -> None:
        self._kinds.append(kind)
        # Whole milliseconds: every way of writing a date tells the same time.
        self._times.append(round(moment, 3))
        self._emails.append(email)
        self._details.append(detail)

    def rewritten(self, exports: list[float]) -> set[int]:
        """Events that no export shows: sends whose row had turned into a failure before it was first written out.

        `exports`: the times of the exports, in order.
        """
        hidden: set[int] = set()
        sends: dict[int, int] = {}
        late = {self.email[at] for at, kind in enumerate(self.kind) if kind == BOUNCE}
        for at, email in enumerate(self.email):
            if email not in late:
                continue
            if self.kind[at] == SEND:
                sends[email] = at
            elif self.kind[at] == BOUNCE and email in sends:
                sent, failed = self.time[sends[email]], self.time[at]
                if not any(sent <= export < failed for export in exports):
                    hidden.add(sends[email])
        return hidden
