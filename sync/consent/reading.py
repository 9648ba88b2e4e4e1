"""Reading consent: Campaign's profiles by polling, its export files, and the contacts of Dynamics, side by side.

Each source has its own position, due time and patience: one that is slow or in trouble delays no other. A reader
returns as soon as something waits to be written, unless more comes at once from the same source.
"""

import sys
import time
from dataclasses import replace

import structlog
from redis import RedisError

from config.optinout import OptinoutConfig
from connectors.errors import ConnectorError
from store.cursors import Cursor
from store.record_queue import Change, Lane, QueueFull
from store.replays import Replay
from store.sealing import UnknownKey
from store.store import WorkflowStore
from sync.consent.export_workflow import Driven, ExportDrive
from sync.consent.fetching import Fetching
from sync.consent.fitting import ConsentShapes
from sync.consent.page import FOR_EVER_MS, ConsentPage, ConsentPart
from sync.consent.parts import AGAIN, LATEST, POLL, parts_of
from sync.consent.position import ConsentPosition, Notice, PartPosition
from sync.consent.sifting import Sieve
from sync.patience import FIRST_WAIT, Patience, asked_for
from sync.reading import PAGE_SECONDS
from sync.streams import ReadEnd, Reader, Slice, Stream
from sync.systems import Systems
from sync.tables.walk import next_due_ms, paced
from sync.tracing import page as traced

log = structlog.get_logger()

#: Where the state of the export workflow stands among the parts.
EXPORT = "export"
#: A reader waits for sources that are slow for so long, in seconds; what they answer then is there for the next one.
WAIT_SECONDS = 0.5
#: A reader waits so long for a source that is about to be due, in seconds, so that a tick which comes a little early is
#: not in vain.
EARLY_SECONDS = 0.5
#: How often a reader that waits looks whether something else is to be done. Seconds.
LOOK_EVERY = 0.1
#: What befalls the store befalls every source, and is looked after elsewhere.
STORE_ERRORS = (RedisError, UnknownKey)


def unforeseen(name: str, error: Exception) -> str:
    """A sentence about what went wrong while a source was read, and nobody has reckoned with. It is logged with all
    that is known of it."""
    log.error("A source of consent failed unexpectedly.", action="part_failed", part=name, exc_info=error)
    return f"Reading {name} failed unexpectedly ({type(error).__name__}); the log has more, look for part_failed."


class ConsentSource:
    """What the stream of consent reads. Make one per process and run: pages that take long stay on their way."""

    def __init__(
        self, config: OptinoutConfig, shapes: ConsentShapes, systems: Systems, store: WorkflowStore, page_size: int
    ) -> None:
        """`page_size`: rows of Dynamics on a page. Asks nobody."""
        self.config = config
        self.systems = systems
        self.stream = "consent"
        self.parts: dict[str, ConsentPart] = parts_of(config, shapes, systems, store, self.stream, page_size)
        self.drive = ExportDrive(systems.campaign.workflows, config.export_workflow) if config.export_workflow else None
        self.fetching: Fetching[ConsentPage] = Fetching()
        self.driving: Fetching[Driven] = Fetching()

    def reader(self, stream: Stream, store: WorkflowStore, generation: int, piece: Slice) -> Reader:
        return ConsentReader(self, stream, store, generation, piece)

    def may_write(self, cursor: str) -> bool:
        return True


class ConsentReader:
    def __init__(
        self, source: ConsentSource, stream: Stream, store: WorkflowStore, generation: int, piece: Slice
    ) -> None:
        self._source = source
        self._stream = stream
        self._store = store
        self._queue = store.queue(stream.name)
        self._generation = generation
        self._piece = piece
        now = time.monotonic()
        self._ends, self._waits_until = now + piece.seconds, now + WAIT_SECONDS
        names = [*source.parts, *([EXPORT] if source.drive else [])]
        self._patience = {name: Patience(store.troubles, f"{stream.name}.{name}") for name in names}
        self._asked: set[str] = set()  #: sources that this reader has read to their end once
        self._failed: set[str] = set()  #: sources that this reader had trouble with
        self._told: set[str] = set()  #: sources that have told something that waits to be written
        self._replay: Replay | None = None  #: the last one that began
        systems = source.systems
        self._sieve = Sieve(source.config, systems.dynamics, systems.campaign, store.consent, self._queue)

    def close(self) -> None:
        # What is on its way is there for the next reader.
        pass

    def read_page(self) -> ReadEnd | None:
        if self._queue.is_full():
            raise QueueFull(QueueFull.__doc__)
        if self._piece.stopping():
            return ReadEnd.STOPPED
        cursor = self._store.cursor(self._stream.name)
        stored = ConsentPosition.load(cursor.value)
        self._replay = self._store.replays.began(self._stream.name)
        position = self._taken_up(stored)
        if position != stored:
            # Stored before anybody is asked: a replay that was taken up is kept even if nobody answers.
            self._put(cursor, [], position, now_ms=cursor.at_ms)
            return None
        if self._source.drive is not None and self._driven(self._source.drive, cursor, position):
            return None
        now_ms = self._store.now_ms()
        wanted = [name for name in self._source.parts if self._is_due(name, position, now_ms)]
        if LATEST in wanted and position.parts[LATEST].busy:
            # It is soon done; they have much to read, and would share Campaign and this process with it.
            wanted = [name for name in wanted if name not in (POLL, AGAIN)]
        for one in wanted:
            self._begin(one, position.parts[one])
        if not wanted:
            return self._nothing_due(position, now_ms)
        name = self._source.fetching.first(wanted, LOOK_EVERY)
        if name is None:
            return self._nothing_yet(any(position.parts[one].busy for one in wanted))
        try:
            page = self._source.fetching.take(name, position.parts[name].next)
        except ConnectorError as error:
            self._troubled(cursor, position, name, error.sentence, asked_for(error))
            return None
        except STORE_ERRORS:
            raise
        except Exception as error:
            self._troubled(cursor, position, name, unforeseen(name, error), None)
            return None
        if page is None:
            return None  # it was asked for when another position was stored; it is asked anew
        self._patience[name].end()
        return self._store_page(cursor, position, name, page)

    def _begin(self, name: str, part: PartPosition) -> None:
        source, most = self._source.parts[name], None
        if name == AGAIN and self._replay is not None and self._replay.rate is not None:
            most = paced(self._replay.rate, sys.maxsize)
        self._source.fetching.begin(name, part.next, lambda: source.fetch(part.next, PAGE_SECONDS, most))

    def _nothing_yet(self, busy: bool) -> ReadEnd | None:
        now = time.monotonic()
        if now > self._ends:
            return ReadEnd.SLICE_OVER
        return None if busy or now < self._waits_until else ReadEnd.CAUGHT_UP

    def _nothing_due(self, position: ConsentPosition, now_ms: int) -> ReadEnd | None:
        """Waits for what is due in a moment, unless this reader has asked it already."""
        soon = [name for name in self._source.parts if name not in self._asked and self._may_be_asked(name, position)]
        wait = min((position.parts[name].due_ms for name in soon), default=1 << 53) - now_ms
        if wait > EARLY_SECONDS * 1000 or time.monotonic() > self._ends:
            return ReadEnd.CAUGHT_UP
        time.sleep(min(wait / 1000, LOOK_EVERY))
        return None

    def _is_due(self, name: str, position: ConsentPosition, now_ms: int) -> bool:
        return self._may_be_asked(name, position) and position.parts[name].due_ms <= now_ms

    def _may_be_asked(self, name: str, position: ConsentPosition) -> bool:
        if name not in position.parts or name in self._failed:
            return False
        if name == AGAIN and self._replay is not None and not self._replay.goes_on:
            return False
        # Both ask Campaign the same way; one of them is enough to see whether it answers again.
        return self._patience[name].is_over() and not (name == LATEST and self._patience[POLL].sentence)

    def _troubled(
        self, cursor: Cursor, position: ConsentPosition, name: str, sentence: str, wait: float | None
    ) -> None:
        """What is in trouble is asked again later; the others go on."""
        self._failed.add(name)
        if name == LATEST:
            # If that is more than a moment's, the other reading says so.
            log.info("Profiles of just now were not read.", action="latest_failed", why=sentence)
            due_ms = self._store.now_ms() + int((wait or FIRST_WAIT) * 1000)
            self._put(cursor, [], position.with_part(name, replace(position.parts[name], due_ms=due_ms, busy=False)))
            return
        if name == AGAIN:
            sentence = f"{sentence.rstrip('.')}; give the replay up with: d365acs replay cancel {self._store.name}"
        self._patience[name].note(sentence, wait)

    def _store_page(self, cursor: Cursor, position: ConsentPosition, name: str, page: ConsentPage) -> ReadEnd | None:
        part, source = position.parts[name], self._source.parts[name]
        if not page.more:
            self._asked.add(name)
        self._store.consent.note_keyless(page.keyless)
        anew_ms = page.anew_ms or (FOR_EVER_MS if name == AGAIN else 0)
        payloads = self._sieve.payloads(page.told, is_file=source.is_file, whole=page.whole, anew_ms=anew_ms)
        now_ms = self._store.now_ms()
        if page.idle and not payloads and not part.busy and part.read_ms:
            rested = replace(part, due_ms=now_ms + int(page.wait * 1000))
            self._put(cursor, [], position.with_part(name, rested), now_ms=cursor.at_ms)
            return None
        version = max(position.version + 1, now_ms)
        changes = [Change(id_, version, payload) for id_, payload in payloads.items()]
        behind = replace(position, version=version) if changes else position
        behind = self._behind(behind, name, page, now_ms)
        if page.more and time.monotonic() < self._ends:
            self._begin(name, behind.parts[name])
        lane = Lane.REPLAY if page.whole or name == AGAIN else Lane.LIVE
        left_out = len(page.told) - len(changes) + page.left_out
        # What stands in a file may have been written down long before.
        since_ms = None if source.is_file else part.read_ms or None
        with traced(self._store, self._stream.name, since_ms) as stored_ms:
            queued = self._put(cursor, changes, behind, lane, left_out, stored_ms)
            if page.told:
                log.info("Read a page of consent.", action="page_read", phase=name, rows=len(page.told) + page.left_out,
                         filtered=left_out, queued=queued)  # fmt: skip
        if time.monotonic() > self._ends:
            return ReadEnd.SLICE_OVER
        self._waits_until = time.monotonic() + WAIT_SECONDS
        if changes:
            self._told.add(name)
        return ReadEnd.CAUGHT_UP if name in self._told and not page.more else None

    def _behind(self, position: ConsentPosition, name: str, page: ConsentPage, now_ms: int) -> ConsentPosition:
        if name == AGAIN and not page.more:
            return position.without(AGAIN)
        part, due_ms = position.parts[name], 0
        if name == AGAIN and self._replay is not None:
            due_ms = next_due_ms(now_ms, len(page.told), self._replay.rate)
        if page.notice:
            log.warning("Something about consent must be known.", action="consent_notice", part=name, why=page.notice)
        return position.with_part(
            name,
            replace(
                part,
                next=page.behind,
                busy=page.more,
                due_ms=due_ms if page.more else now_ms + int(page.wait * 1000),
                read_ms=part.read_ms if page.more else now_ms,
                notice=Notice(now_ms, page.notice) if page.notice else part.notice,
            ),
        )

    def _put(
        self,
        cursor: Cursor,
        changes: list[Change],
        behind: ConsentPosition,
        lane: Lane = Lane.LIVE,
        filtered: int = 0,
        now_ms: int | None = None,
    ) -> int:
        stored = self._queue.put_page(
            self._generation, cursor.number, changes, behind.dump(), lane, now_ms=now_ms, filtered=filtered
        )
        return stored.queued + stored.replaced

    def _taken_up(self, position: ConsentPosition) -> ConsentPosition:
        """The position under what is configured, and the stream's replay."""
        for name in position.parts:
            if name not in self._source.parts and (name != EXPORT or self._source.drive is None):
                position = position.without(name)
        for name, source in self._source.parts.items():
            part = position.parts.get(name)
            if name != AGAIN and (part is None or part.place != source.place):
                position = position.with_part(name, PartPosition(source.place, source.beginning(None)))
        return self._with_replay(position, self._replay)

    def _with_replay(self, position: ConsentPosition, replay: Replay | None) -> ConsentPosition:
        again, part = self._source.parts.get(AGAIN), position.parts.get(AGAIN)
        if replay is None or again is None:
            return position.without(AGAIN)
        if position.replayed_ms == replay.began_ms:
            if part is None:
                if replay.began_ms and replay.over_ms is None and replay.ended_ms is None:
                    self._store.replays.over(self._stream.name, replay.began_ms)
                return position
            if replay.ended_ms is not None:
                self._patience[AGAIN].end()
                return position.without(AGAIN)
            if part.place == again.place:
                return position
        # Where another source is read, or other pairs, a replay under way begins anew.
        part = PartPosition(again.place, again.beginning(replay.since_ms or 0), busy=True)
        return replace(position.with_part(AGAIN, part), replayed_ms=replay.began_ms or 0)

    def _driven(self, drive: ExportDrive, cursor: Cursor, position: ConsentPosition) -> bool:
        """Has the export workflow looked at when that is due; whether the position was stored anew.

        The next time is stored before anything is sent: whoever dies meanwhile, or works beside, sends nothing twice.
        """
        part = position.parts.get(EXPORT)
        if part is not None and part.place == drive.place and self._source.driving.is_asked(EXPORT, part.next):
            return self._has_answered(cursor, position, part)
        now_ms = self._store.now_ms()
        if part is not None and part.place == drive.place and now_ms < part.due_ms:
            return False
        due_ms = now_ms + int(drive.every_seconds * 1000)
        part = PartPosition(drive.place, str(now_ms), due_ms)
        self._put(cursor, [], position.with_part(EXPORT, part))
        self._source.driving.begin(EXPORT, part.next, lambda: drive.drive(PAGE_SECONDS))
        return True

    def _has_answered(self, cursor: Cursor, position: ConsentPosition, part: PartPosition) -> bool:
        if self._source.driving.first([EXPORT], 0) is None:
            return False
        patience = self._patience[EXPORT]
        now_ms = self._store.now_ms()
        try:
            driven = self._source.driving.take(EXPORT, part.next)
        except ConnectorError as error:
            patience.note(error.sentence, max(0, part.due_ms - now_ms) / 1000)
            return False
        except STORE_ERRORS:
            raise
        except Exception as error:
            patience.note(unforeseen(EXPORT, error), max(0, part.due_ms - now_ms) / 1000)
            return False
        assert driven is not None
        if driven.trouble:
            patience.note(driven.trouble, driven.wait)
            return False
        patience.end()
        due_ms = int(part.next) + int(driven.wait * 1000)
        if due_ms >= part.due_ms:
            return False
        self._put(cursor, [], position.with_part(EXPORT, replace(part, due_ms=max(due_ms, now_ms))))
        return True
