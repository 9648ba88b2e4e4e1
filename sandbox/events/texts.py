"""A campaign's events as others read them: the journal's payload, and the truth for tests."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from sandbox.events.mailing import BOUNCE, CLICK, FAILURES, KINDS, SEND, Mailing, Recipient
from sandbox.events.seal import Seal
from sandbox.switches import Switches

#: Campaigns are the third kind of names and all that follow: one space for each.
_SPACES = 16

#: Delivery logs and tracking logs count their rows in tables of their own.
_FIRST_DELIVERY_LOG, _FIRST_TRACKING_LOG, _ROWS_EACH = 140_000_000, 52_000_000, 10_000_000


def stamp(moment: float) -> str:
    """`2026-05-01T08:00:00.123Z`."""
    second, rest = divmod(round(moment * 1000), 1000)
    return f"{_second(second)}.{rest:03d}Z"


@lru_cache(4096)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]


class MailingTexts:
    """The events of one campaign, written out when they are asked for. Their shape is assumed: no source tells it."""

    def __init__(self, mailing: Mailing, seal: Seal, organization: str, switches: Switches) -> None:
        self.mailing = mailing
        self.switches = switches
        self._seal = seal
        self._host = f"https://t.{organization}.example.com"
        self._campaign = _json(mailing.plan.campaign)
        self._deliveries = [_json(name) for name in mailing.deliveries]

    def ids(self, numbers: Iterable[int]) -> list[str]:
        return self._seal.ids(_SPACES + self.mailing.number, numbers)

    def log_id(self, number: int) -> int:
        """The id of the row in the log files: a late bounce has the row of its send."""
        mailing = self.mailing
        if mailing.kind[number] in (SEND, BOUNCE):
            return _FIRST_DELIVERY_LOG + mailing.number * _ROWS_EACH + mailing.email[number]
        return _FIRST_TRACKING_LOG + mailing.number * _ROWS_EACH + number

    def mirror_page(self, email: int) -> str:
        scrambled = (self.mailing.number << 40 | email) * 0x9E37_79B9_7F4A_7C15 & 0xFFFF_FFFF_FFFF_FFFF
        return f"{self._host}/nms/jsp/mirror.jsp?id=h{scrambled:016x}"

    def url(self, number: int) -> str:
        """What a click leads to; nothing for other events."""
        mailing = self.mailing
        if mailing.kind[number] != CLICK:
            return ""
        return f"https://www.example.com/offers/{mailing.detail[number] + 1}?utm_campaign={mailing.number}"

    def failure(self, number: int) -> tuple[str, str]:
        """Nature and reason of a bounce in the journal's words."""
        mailing = self.mailing
        if mailing.kind[number] != BOUNCE:
            return "", ""
        failure = FAILURES[mailing.detail[number]]
        if self.switches.journal_enumerations == "values":
            return failure.nature_value, failure.reason_value
        return failure.nature.lower(), failure.reason

    def entries(self, numbers: Sequence[int], positions: Sequence[str]) -> list[bytes]:
        mailing = self.mailing
        moments, kinds, emails = mailing.time, mailing.kind, mailing.email
        milliseconds, blank = (self.switches.journal_dates == form for form in ("milliseconds", "campaign"))
        found = []
        for number, position, name in zip(numbers, positions, self.ids(numbers), strict=True):
            email = emails[number]
            recipient = mailing.recipient(email)
            at = stamp(moments[number])
            date = f'"{at}"'
            if milliseconds:
                date = str(round(moments[number] * 1000))
            elif blank:
                date = date.replace("T", " ")
            nature, reason = self.failure(number)
            text = (
                f'{{"position":"{position}","event":{{"id":"{name}","type":"com.adobe.campaign.email.'
                f'{KINDS[kinds[number]]}","time":"{at}","data":{{"externalId":{_json(recipient.external_id)},'
                f'"email":{_json(recipient.email)},"campaignName":{self._campaign},'
                f'"deliveryName":{self._deliveries[mailing.delivery(email)]},"eventDate":{date},'
                f'"url":"{self.url(number)}","mirrorPageUrl":"{self.mirror_page(email)}",'
                f'"failureType":"{nature}","failureReason":"{reason}"}}}}}}'
            )
            found.append(text.encode())
        return found

    def truth(self, numbers: Sequence[int], hidden: set[int]) -> Iterator[dict[str, Any]]:
        """What happened, and whether Dynamics shall show it. `hidden`: events that no log file shows."""
        mailing, places = self.mailing, self.mailing.plan.places
        for number, name in zip(numbers, self.ids(numbers), strict=True):
            email = mailing.email[number]
            recipient = mailing.recipient(email)
            kind = mailing.kind[number]
            nature = FAILURES[mailing.detail[number]].nature.lower() if kind == BOUNCE else ""
            yield {
                "kind": KINDS[kind],
                "id": name,
                "log_id": str(self.log_id(number)),
                "contact": recipient.external_id,
                "email": recipient.email,
                "time": stamp(mailing.time[number]),
                "campaign": mailing.plan.campaign,
                "delivery": mailing.deliveries[mailing.delivery(email)],
                "url": self.url(number),
                "mirror_page": self.mirror_page(email),
                "failure": nature,
                "expected": recipient.known and nature != "soft",
                "journal": "journal" in places,
                "files": "files" in places and number not in hidden,
            }

    def arrivals(self) -> "array[float]":
        """When each event reaches the journal: when it happened."""
        return array("d", self.mailing.time)


def _json(text: str) -> str:
    return orjson.dumps(text).decode()


def unknown_recipient(number: int, seal: Seal, known_id: bool) -> Recipient:
    """Somebody of whom Dynamics never heard; without `known_id`, a profile without an external id."""
    name = seal.ids(_SPACES - 1, [number])[0] if known_id else ""
    return Recipient(name, f"stranger.{number}@example.com", False)
