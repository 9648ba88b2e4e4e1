"""Delivery logs and tracking logs as a workflow exports them to SFTP (ACS, exporting-logs, extract-file)."""

import gzip
import os
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

from sandbox.events.folder import Folder
from sandbox.events.mailing import BOUNCE, CLICK, FAILURES, SEND
from sandbox.events.texts import MailingTexts, stamp

_DELIVERY = (
    *("id", "type", "status", "failureType", "failureReason", "externalId", "email", "eventDate"),
    *("lastModified", "campaignName", "deliveryName", "deliveryLabel", "mirrorPageUrl"),
)
_TRACKING = (
    *("id", "type", "externalId", "email", "eventDate", "urlLabel", "url"),
    *("campaignName", "deliveryName", "deliveryLabel", "mirrorPageUrl"),
)

_FIRST_OTHER = 1_000_000_000

#: So many lines are written at once.
_STRETCH = 2000


def _types() -> dict[str, str]:
    return {"send": "send", "open": "open", "click": "click"}


@dataclass(frozen=True, slots=True)
class LogFilesPlan:
    """How the export workflow is set up: `files` of `POST /events/campaign`."""

    folder: str = "d365_loads/exports/logs"
    #: Exports in the course of the campaign, evenly spread; each writes one file of either kind.
    count: int = 4
    delivery_base: str = "delivery_logs"
    tracking_base: str = "tracking_logs"
    gzip: bool = False
    encoding: str = "utf-8"
    delimiter: str = "\t"
    quote: str | None = None
    newline: str = "\n"
    #: `iso`, or a pattern of strftime (in UTC).
    dates: str = "iso"
    enumerations: str = "values"
    #: Rows of the export before that come once more: the query asks for "not older than the last run".
    overlap: int = 0
    #: Share of rows beside which there is one that tells of no event: an email still pending, an opt-out.
    other_rows: float = 0.0
    #: A file with nothing but the header where nothing happened.
    empty_files: bool = True
    #: What stands in the column `type`.
    types: dict[str, str] = field(default_factory=_types)
    #: Other header names, by the name that a column has otherwise; null leaves the column out.
    columns: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "LogFilesPlan":
        """Check and build; ValueError names the wrong member."""
        known = {entry.name: entry for entry in fields(cls)}
        for name in given:
            if name not in known:
                raise ValueError(f"files.{name} is not known here; give any of {', '.join(sorted(known))}.")
        plan = cls(**{**given, "types": _types() | given.get("types", {})})
        if isinstance(plan.count, bool) or not isinstance(plan.count, int) or plan.count < 1:
            raise ValueError("files.count must be a whole number of at least 1.")
        if plan.enumerations not in ("values", "labels"):
            raise ValueError("files.enumerations must be values or labels.")
        unknown = plan.columns.keys() - {*_DELIVERY, *_TRACKING}
        if unknown:
            raise ValueError(f"files.columns.{sorted(unknown)[0]} is not a column.")
        "".encode(plan.encoding)
        return plan


def export_times(plan: LogFilesPlan, begin: float, end: float) -> list[float]:
    """When the exports ran: the last one at the end of the campaign."""
    return [begin + (end - begin) * (number + 1) / plan.count for number in range(plan.count)]


class LogFiles:
    """Writes one campaign's files into the folder."""

    def __init__(self, plan: LogFilesPlan, texts: MailingTexts, folder: Folder) -> None:
        self._plan = plan
        self._texts = texts
        self._mailing = texts.mailing
        self._folder = folder
        self._times = export_times(plan, self._mailing.begin, self._mailing.end)
        self.hidden = self._mailing.rewritten(self._times)

    def write(self) -> list[str]:
        """The paths of the files, in the order of the exports."""
        written = []
        mailing = self._mailing
        from_here = 0
        earlier: dict[bool, list[int]] = {True: [], False: []}
        for moment in self._times:
            until = len(mailing) if moment == self._times[-1] else bisect_right(mailing.time, moment)
            rows: dict[bool, list[int]] = {True: [], False: []}
            for at in range(from_here, until):
                if at not in self.hidden:
                    rows[mailing.kind[at] in (SEND, BOUNCE)].append(at)
            from_here = until
            for delivery in (True, False):
                again = earlier[delivery][-self._plan.overlap :] if self._plan.overlap else []
                if rows[delivery] or self._plan.empty_files:
                    written.append(self._file(delivery, again + rows[delivery], moment))
            earlier = rows
        return written

    def _file(self, delivery: bool, rows: Sequence[int], moment: float) -> str:
        plan = self._plan
        base = plan.delivery_base if delivery else plan.tracking_base
        place = self._free_place(base, moment)
        names = [name for name in (_DELIVERY if delivery else _TRACKING) if plan.columns.get(name, name) is not None]
        header = [plan.columns.get(name) or name for name in names]
        lines = chain([self._line(header)], self._lines(names, delivery, rows))
        with gzip.open(place, "wb", 1) if plan.gzip else place.open("wb", buffering=1 << 20) as file:
            while stretch := "".join(islice(lines, _STRETCH)):
                file.write(stretch.encode(plan.encoding, "replace"))
        os.utime(place, (moment, moment))
        return str(place.relative_to(self._folder.root))

    def _free_place(self, base: str, moment: float) -> Path:
        """`<base>_YYYYMMDD_HHMMSS.txt`; a second later where there is such a file already."""
        suffix = ".txt.gz" if self._plan.gzip else ".txt"
        self._folder.make(self._plan.folder)
        while True:
            name = f"{base}_{datetime.fromtimestamp(moment, UTC):%Y%m%d_%H%M%S}{suffix}"
            place = self._folder.place(f"{self._plan.folder}/{name}")
            if not place.exists():
                return place
            moment += 1

    def _line(self, values: Sequence[str]) -> str:
        quote = self._plan.quote
        if quote:
            values = [f"{quote}{value.replace(quote, quote * 2)}{quote}" for value in values]
        return self._plan.delimiter.join(values) + self._plan.newline

    def _lines(self, names: Sequence[str], delivery: bool, rows: Sequence[int]) -> Iterator[str]:
        columns = _DELIVERY if delivery else _TRACKING
        places = [columns.index(name) for name in names]
        whole = len(places) == len(columns)
        share, chance = self._plan.other_rows, random.Random(f"{self._mailing.plan.seed}:rows").random
        for at, values in zip(rows, self._delivery_rows(rows) if delivery else self._tracking_rows(rows), strict=True):
            chosen = values if whole else [values[place] for place in places]
            yield self._line(chosen)
            if share and chance() < share:
                yield self._line([self._other(name, value, at) for name, value in zip(names, chosen, strict=True)])

    def _other(self, name: str, value: str, at: int) -> str:
        """The value of a row that tells of no event, beside that of event `at`."""
        labels = self._plan.enumerations == "labels"
        if name == "id":
            return str(_FIRST_OTHER + int(value))
        if name == "status":
            return "Pending" if labels else "6"
        if name == "type" and self._mailing.kind[at] not in (SEND, BOUNCE):
            other = (("Mirror page", "6"), ("Opt-out", "3"))[at % 2]
            return other[0 if labels else 1]
        return "" if name in ("failureType", "failureReason") else value

    def _delivery_rows(self, rows: Sequence[int]) -> Iterator[tuple[str, ...]]:
        """The values of all columns of `_DELIVERY`."""
        mailing, texts, kind = self._mailing, self._texts, self._plan.types["send"]
        part = 0 if self._plan.enumerations == "labels" else 2
        statuses = ("Sent", "Failed") if part == 0 else ("1", "2")
        for at in rows:
            email = mailing.email[at]
            failed = mailing.kind[at] == BOUNCE
            failure = FAILURES[mailing.detail[at] if failed else 0]
            recipient = mailing.recipient(email)
            date = self._date(mailing.time[at])
            yield (
                *(str(texts.log_id(at)), kind, statuses[failed], failure[part], failure[part + 1]),
                *(recipient.external_id, recipient.email, date, date, *self._about(email)),
            )

    def _tracking_rows(self, rows: Sequence[int]) -> Iterator[tuple[str, ...]]:
        """The values of all columns of `_TRACKING`."""
        mailing, texts, types = self._mailing, self._texts, self._plan.types
        for at in rows:
            email = mailing.email[at]
            clicked = mailing.kind[at] == CLICK
            recipient = mailing.recipient(email)
            yield (
                *(str(texts.log_id(at)), types["click" if clicked else "open"]),
                *(recipient.external_id, recipient.email, self._date(mailing.time[at])),
                *("Zum Angebot" if clicked else "Open", texts.url(at), *self._about(email)),
            )

    def _about(self, email: int) -> tuple[str, str, str, str]:
        """Campaign, delivery, its label, mirror page. The label is not plain ASCII: a file's encoding matters."""
        mailing = self._mailing
        delivery = mailing.deliveries[mailing.delivery(email)]
        return mailing.plan.campaign, delivery, f"Frühlingsgrüße {delivery}", self._texts.mirror_page(email)

    def _date(self, moment: float) -> str:
        if self._plan.dates == "iso":
            return stamp(moment)
        return datetime.fromtimestamp(moment, UTC).strftime(self._plan.dates)
