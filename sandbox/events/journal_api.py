"""The I/O Events journaling API: one registration, read page by page (IOE, journaling-api.md)."""

from typing import NamedTuple

import orjson

from sandbox.campaign.errors import GatewayError, gateway_answer
from sandbox.campaign.gateway import Gateway
from sandbox.clock import Clock, http_date
from sandbox.events.durations import seconds_back
from sandbox.events.journal import EventJournal
from sandbox.events.links import link_headers
from sandbox.events.seal import Seal
from sandbox.http import JSON_TYPE, Answer, Headers, Request
from sandbox.switches import Switches
from sandbox.tokens import Credentials, TokenRegister, bearer, scopes_of

#: So many events are written out at once, until the answer is full.
_STRETCH = 500

DAY = 86_400.0

#: Pages that were written out are kept, up to so many bytes together: they never change.
_KEPT_BYTES = 64_000_000


class _Refused(Exception):
    """A request that makes no sense, or a position that is no more."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class _Reading(NamedTuple):
    """Where one request begins to read, and what `next` carries on."""

    begin: int
    limit: int
    kept: dict[str, str]
    #: What `next` asks for if nothing new is there.
    unmoved: dict[str, str]


class JournalApi:
    """`path`: the registration's own, such as `/events/organizations/1/integrations/2/<uuid>`."""

    def __init__(
        self, clock: Clock, tokens: TokenRegister, credentials: Credentials, seal: Seal, path: str, switches: Switches
    ) -> None:
        self._clock = clock
        self._tokens = tokens
        self._credentials = credentials
        self._seal = seal
        self._registration = path.removeprefix("/events")
        self._gateway = Gateway(clock, tokens, credentials)
        self.origin = ""
        self.switches = switches
        self._kept = _Kept()

    def answer(self, request: Request, journal: EventJournal) -> Answer:
        try:
            self._admit(request)
            return self._page(request, journal)
        except GatewayError as refusal:
            return gateway_answer(refusal)
        except _Refused as refusal:
            return refusal.answer

    def _admit(self, request: Request) -> None:
        """API key, token and organisation, in the gateway's order; then the path. Raises GatewayError, _Refused."""
        credentials, switches = self._credentials, self.switches
        self._gateway.admit(request, credentials.organization, switches)
        if request.header(b"x-ims-org-id") != credentials.org_id:
            raise GatewayError(403, "403023", "Profile is not valid")
        if switches.journal_scope and switches.journal_scope not in scopes_of(bearer(request)):
            raise GatewayError(403, "403023", "Profile is not valid")
        path = request.path.rstrip("/")
        prefix = path.removesuffix(self._registration)
        if prefix == path or prefix not in ("", "/events", "/events-fast"):
            raise _Refused(_mistake(404, "There is no such registration."))
        if request.method != "GET":
            raise _Refused(_mistake(405, f"The method {request.method} is not allowed here."))

    def _page(self, request: Request, journal: EventJournal) -> Answer:
        end = len(journal)
        reading = self._reading(request, journal, end)
        stop = min(reading.begin + reading.limit, end)
        if reading.begin >= stop:
            links = link_headers(request.path, reading.unmoved, self.switches, self.origin, True)
            return Answer(204, [*self._pause(reading, end), *links])
        begin = reading.begin
        last, body = self._kept.get(journal, self.switches, begin, stop) or self._made(journal, begin, stop)
        links = link_headers(request.path, {"since": last, **reading.kept}, self.switches, self.origin, False)
        return Answer(200, [JSON_TYPE, *links], body)

    def _made(self, journal: EventJournal, begin: int, stop: int) -> tuple[str, bytes]:
        positions, entries = self._written(journal, begin, stop)
        last = positions[-1]
        page = b'],"_page":{"last":"%b","count":%d}}' % (last.encode(), len(entries))
        body = b'{"events":[' + b",".join(entries) + page
        self._kept.put(journal, self.switches, begin, stop, last, body)
        return last, body

    def _written(self, journal: EventJournal, begin: int, stop: int) -> tuple[list[str], list[bytes]]:
        """As many entries as an answer may hold, at least one, and their positions."""
        room = self.switches.journal_response_bytes - 200
        positions: list[str] = []
        entries: list[bytes] = []
        for at in range(begin, stop, _STRETCH):
            # A position is behind its event: it tells how many were read.
            here = self._seal.positions(range(at + 1, min(at + _STRETCH, stop) + 1))
            for position, entry in zip(here, journal.entries(at, here), strict=True):
                room -= len(entry) + 1
                if room < 0 and entries:
                    return positions, entries
                positions.append(position)
                entries.append(entry)
        return positions, entries

    def _reading(self, request: Request, journal: EventJournal, end: int) -> _Reading:
        query, switches = request.query, self.switches
        ways = [name for name in ("since", "latest", "seek") if name in query]
        if len(ways) > 1:
            raise _Refused(_mistake(400, f"'{ways[0]}' and '{ways[1]}' cannot be combined."))
        kept = {name: query[name] for name in ("limit",) if name in query}
        limit = self._limit(query.get("limit"))
        oldest = journal.first_since(self._clock.now() - switches.journal_retention_days * DAY)
        at_the_end = {"since": self._position(end), **kept}
        if "since" in query:
            begin = self._known(query["since"], oldest, end)
            return _Reading(begin, limit, kept, {"since": query["since"], **kept})
        if "latest" in query:
            if query["latest"] != "true":
                raise _Refused(_mistake(400, "'latest' must be true."))
            return _Reading(end, limit, kept, at_the_end)
        if "seek" in query:
            try:
                back = seconds_back(query["seek"])
            except ValueError as wrong:
                raise _Refused(_mistake(400, str(wrong))) from wrong
            return _Reading(max(oldest, journal.first_since(self._clock.now() - back)), limit, kept, at_the_end)
        return _Reading(oldest, limit, kept, kept)

    def _limit(self, text: str | None) -> int:
        if text is None:
            return self.switches.journal_page_size
        if not text.isascii() or not text.isdigit() or int(text) == 0:
            raise _Refused(_mistake(400, "'limit' must be a positive integer."))
        most = self.switches.journal_max_limit
        return int(text) if most is None else min(int(text), most)

    def _known(self, position: str, oldest: int, end: int) -> int:
        """The number behind a position that is still good."""
        number = self._seal.number(position)
        if number is None or number > end:
            raise _Refused(_mistake(self.switches.journal_unknown_position, f"'{position}' is not a position."))
        last_read = number - 1 if self.switches.journal_expiry == "position" and number else number
        if last_read < oldest:
            text = f"Events at position {position} have expired."
            raise _Refused(Answer(410, [(b"Content-Type", b"text/plain;charset=utf-8")], text.encode()))
        return number

    def _position(self, number: int) -> str:
        return self._seal.positions(range(number, number + 1))[0]

    def _pause(self, reading: _Reading, end: int) -> Headers:
        """`retry-after`, which an empty journal without parameters does not send (IOE)."""
        switches = self.switches
        if switches.journal_retry_after == "none" or (end == 0 and not reading.unmoved):
            return []
        seconds = switches.journal_retry_after_seconds
        # By the clock that the answer's own Date header shows.
        date = http_date(self._clock.shown("campaign") + seconds)
        return [(b"retry-after", date if switches.journal_retry_after == "date" else f"{seconds:g}".encode())]


class _Kept:
    """Pages of one journal as they were written out under these switches: the last position of each, and its body."""

    def __init__(self) -> None:
        self._journal: EventJournal | None = None
        self._switches: Switches | None = None
        self._pages: dict[tuple[int, int], tuple[str, bytes]] = {}
        self._bytes = 0

    def get(self, journal: EventJournal, switches: Switches, begin: int, stop: int) -> tuple[str, bytes] | None:
        return self._pages.get((begin, stop)) if self._are_of(journal, switches) else None

    def put(self, journal: EventJournal, switches: Switches, begin: int, stop: int, last: str, body: bytes) -> None:
        if not self._are_of(journal, switches) or self._bytes + len(body) > _KEPT_BYTES:
            self._journal, self._switches, self._pages, self._bytes = journal, switches, {}, 0
        self._pages[begin, stop] = last, body
        self._bytes += len(body)

    def _are_of(self, journal: EventJournal, switches: Switches) -> bool:
        return journal is self._journal and switches is self._switches


def _mistake(status: int, text: str) -> Answer:
    """How the journal words a bad request is not documented: the gateway's shape here."""
    return Answer(status, [JSON_TYPE], orjson.dumps({"error_code": str(status), "message": text}))
