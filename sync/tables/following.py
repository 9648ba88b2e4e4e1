"""Children follow their parent: when it stops matching its filter they leave before it, when it comes back so do they.

Campaign hides a record whose required parent is gone, from its API too: left behind, it could neither be changed nor be
deleted any more. And a link by PKey leads nowhere once the parent was deleted, even if it is created again. Dynamics is
asked which records link to a parent, a page at a time; what is to happen to them is queued like any change.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from connectors.dynamics import MOST_LINKED
from connectors.errors import ConnectorError, CursorExpired, Malformed, Refused, TryAgain
from store.places import Places
from store.record_queue import Change, Lane, Leased, Parent
from store.store import WorkflowStore
from sync.streams import (
    FILTERED_OUT,
    FOLLOWS,
    PARENT_LEFT,
    Allowance,
    LinkedPage,
    Send,
    Stream,
    Streams,
    kind_of,
    parent_left,
    words_of,
)
from sync.tables.fetched import fetched
from sync.tables.position import Position


class Course(StrEnum):
    """Where a parent goes, as its children are told it."""

    LEAVES = "leaves"  # it is in the target, and children may still come
    GOES = "goes"  # the ledger announces it: no child is sent any more
    RETURNS = "returns"


class Place(NamedTuple):
    """How far the children of a parent have been told."""

    number: int = 0  #: of their stream
    place: str = ""  #: the page within it
    together: int = MOST_LINKED  #: parents that are asked about at once
    met: bool = False  #: whether any child was still in the target

    def is_beside(self, other: "Place") -> bool:
        return self._replace(met=other.met) == other

    def behind(self, page: LinkedPage, asked: int, met: bool) -> "Place":
        """The place after this page, which was asked for together with so many."""
        met = self.met or met
        if not page.whole and asked > 1:
            # One of them has too many. Fewer are asked about, until that one is alone and the others need not wait.
            return self._replace(together=asked // 2, met=met)
        return Place(self.number + (not page.behind), page.behind, 1 if not page.whole else MOST_LINKED, met)

    def dump(self) -> str:
        return f"{self.number} {self.together} {self.met:d} {self.place}"

    @classmethod
    def load(cls, text: str) -> "Place":
        number, together, met, place = text.split(" ", 3)
        return cls(int(number), place, int(together), met == "1")


class Told(NamedTuple):
    """What has become of a page of children."""

    page: LinkedPage
    met: Collection[str] = ()  #: parents of which a child is still in the target


#: Asks for a page of one stream's children of some parents, from a place on, and queues what is to become of them.
Tell = Callable[[Stream, Sequence[str], str], Told]


@dataclass(frozen=True, slots=True)
class Family:
    """One stream's children, as far as their records link to certain parents."""

    stream: Stream
    streams: Streams
    store: WorkflowStore
    generation: int

    @property
    def is_linked_to(self) -> bool:
        """Whether its records can have children, be it in its own table."""
        return bool(self.stream.children) or self.stream.name in self.stream.parents

    def held_back(
        self, course: Course, going: Collection[str], allowance: Allowance, is_over: Callable[[], bool]
    ) -> set[str]:
        """Those parents that may still have children in the target, required links only; their deletion is queued.

        A parent whose going was announced may leave once all of its children were gone through after that, and none was
        met. Ends early as `bring_along` does. Raises ConnectorError, GenerationOver, what `allowance` raises.
        """
        self.store.leaving(self.stream.name).add(going)
        met = self._go_through(course, going, partial(self._send_away, allowance), is_over)
        return {parent for parent in going if met.get(parent, True)}

    def _send_away(self, allowance: Allowance, child: Stream, parents: Sequence[str], place: str) -> Told:
        # Looked at before Dynamics is asked: a deletion that is read meanwhile must count.
        position = Position.load(self.store.cursor(child.name).value)
        page = child.table.linked_page(self.stream.name, parents, True, place, allowance)
        queue = self.store.queue(child.name)
        ids = sorted({row.id for _, row in page.rows})
        # One in flight may be on its way into the target; one whose deletion was refused will not leave it.
        # First the queue, then the ledger: a record that leaves the one in between is found in the other.
        waiting = queue.payloads(ids)
        concerned = (waiting.keys() | queue.ledger.perhaps_present(ids)) - queue.refused(ids)
        # Whoever was told already would begin his attempts anew, and never come to their end.
        told = {record_id for record_id, goes in self._led_by(waiting).items() if goes}
        changes = {
            row.id: Change(
                row.id, position.fetched_version(row.version or 0), parent_left(Parent(self.stream.name, parent))
            )
            for parent, row in page.rows
            if row.id in concerned - told
        }
        met = {parent for parent, row in page.rows if row.id in concerned}
        # If it is back before it has left, it is written although nothing of it differs: these have to follow it.
        self.store.queue(self.stream.name).ledger.disbelieve(sorted(met))
        queue.feed(self.generation, list(changes.values()), Lane.REPLAY)
        return Told(page, met)

    def bring_along(self, returned: Collection[str], allowance: Allowance, is_over: Callable[[], bool]) -> bool:
        """Queues the children of parents that are back, to be written whatever the ledger says; whether that is all.

        It ends early between two pages once `is_over`. How far it has come is kept, so that whoever tries again goes on
        from there, however many children there are. Raises ConnectorError, GenerationOver, what `allowance` raises.
        """
        # Until all are queued: a parent that is only written once more does not show that it was away.
        self.store.leaving(self.stream.name).add(returned)
        told = self._go_through(Course.RETURNS, returned, partial(self._bring_back, allowance), is_over)
        if told.keys() != set(returned):
            return False
        self.store.leaving(self.stream.name).clear(returned)
        return True

    def _bring_back(self, allowance: Allowance, child: Stream, parents: Sequence[str], place: str) -> Told:
        # Looked at before Dynamics is asked: a deletion that is read meanwhile must count.
        position = Position.load(self.store.cursor(child.name).value)
        page = child.table.linked_page(self.stream.name, parents, False, place, allowance)
        found = [fetched(row, child.table.payload(row), position) for _, row in page.rows]
        changes = [
            change._replace(payload=FOLLOWS + change.payload) for change in found if change.payload is not FILTERED_OUT
        ]
        if changes:
            queue = self.store.queue(child.name)
            queue.ledger.disbelieve([change.id for change in changes])
            queue.feed(self.generation, changes, Lane.REPLAY)
        return Told(page)

    def _go_through(
        self, course: Course, parents: Collection[str], tell: Tell, is_over: Callable[[], bool]
    ) -> dict[str, bool]:
        """Tells the children of parents, a page at a time; of each parent that has come to its end, whether any was
        met since its beginning.

        One page at least is told before it `is_over`, and what was told is done before it is kept how far that is.
        """
        kept, children = self._kept(course, parents), self._children(itself=course is Course.RETURNS)
        # By chance: where there is time for some only, none of them is always the last.
        on_the_way = {parent: kept.get(parent, Place()) for parent in random.sample(sorted(parents), len(parents))}
        ended = {} if children else dict.fromkeys(parents, False)
        while len(ended) < len(parents):
            group = _side_by_side(on_the_way)
            place = on_the_way[group[0]]
            try:
                told = tell(children[place.number], group, place.place)
            except (CursorExpired, Refused, TryAgain) as error:
                # One of them may be to blame: the next time fewer are asked about, so that the others need not wait.
                fewer = max(1, len(group) // 2)
                self._keep(
                    course,
                    {
                        parent: (Place() if _blames_place(error, parent in kept) else on_the_way[parent])._replace(
                            together=fewer
                        )
                        for parent in group
                    },
                )
                if not ended:
                    raise
                break  # what has come to its end counts; the next time meets this again
            for parent in group:
                kept.pop(parent, None)
                behind = on_the_way.pop(parent).behind(told.page, len(group), parent in told.met)
                if behind.number < len(children):
                    on_the_way[parent] = behind  # and the others first
                else:
                    ended[parent] = behind.met
            self._keep(course, {parent: on_the_way[parent] for parent in group if parent in on_the_way})
            self._places.drop([parent for parent in group if parent in ended])
            if is_over():
                break
        return ended

    @property
    def _places(self) -> Places:
        return self.store.following(self.stream.name)

    def _kept(self, course: Course, parents: Collection[str]) -> dict[str, Place]:
        """How far they have come on this course. Another generation may have other streams."""
        head, texts = self._head(course), self._places.of(parents)
        self._places.drop([parent for parent, kept in texts.items() if not kept.startswith(head)])
        return {parent: Place.load(kept[len(head) :]) for parent, kept in texts.items() if kept.startswith(head)}

    def _keep(self, course: Course, places: Mapping[str, Place]) -> None:
        self._places.put({parent: self._head(course) + place.dump() for parent, place in places.items()})

    def _head(self, course: Course) -> str:
        return f"{self.generation} {course} "

    def returned(self, sends: Sequence[Send]) -> set[str]:
        """Those that were to leave the target, or had left it, and are written after all."""
        written = [send.record.id for send in sends if send.update is not None]
        marked = self.store.leaving(self.stream.name).among(written)
        return {send.record.id for send in sends if send.returns and send.update is not None} | marked

    def begin_anew(self, parents: Collection[str]) -> None:
        """Once these leave or are back, their children are told from the first one on: what was queued may not be
        there."""
        if self._children(itself=True):
            self._places.drop(parents)

    def unfounded(self, records: Sequence[Leased]) -> set[str]:
        """Those that were to leave with a parent that stays after all."""
        led = self._led_by({record.id: record.payload for record in records})
        return {record_id for record_id, goes in led.items() if not goes}

    def _led_by(self, payloads: Mapping[str, bytes]) -> dict[str, bool]:
        """Of those that are to leave with a parent, whether that goes."""
        parents = {
            record_id: Parent(*words_of(payload))
            for record_id, payload in payloads.items()
            if kind_of(payload) == PARENT_LEFT
        }
        goes = {parent: self._goes(parent) for parent in set(parents.values())}
        return {record_id: goes[parent] for record_id, parent in parents.items()}

    def _goes(self, parent: Parent) -> bool:
        """Whether a parent has left the target, or is about to."""
        queue = self.store.queue(parent.stream)
        if not queue.ledger.present([parent.id]):
            return True
        stream, waits = self.streams.get(parent.stream), queue.peek(parent.id)
        if stream is None or waits is None or stream.table.is_outdated(waits):
            return False
        return kind_of(waits) == PARENT_LEFT or (kind_of(waits) == FILTERED_OUT and stream.table.deletes_filtered_out)

    def _children(self, itself: bool = False) -> list[Stream]:
        own = (self.stream.name,) if itself and self.stream.name in self.stream.parents else ()
        return [self.streams[name] for name in (*self.stream.children, *own) if name in self.streams]


def _blames_place(error: ConnectorError, kept: bool) -> bool:
    """Whether a page may not be served because of its place, so that its parents are begun anew. Not one that was told
    just now, if what came is only torn."""
    return isinstance(error, CursorExpired | Refused) or (isinstance(error, Malformed) and kept)


def _side_by_side(places: Mapping[str, Place]) -> list[str]:
    """The first of these parents, and those that one question can be asked for together with it."""
    first = next(iter(places.values()))
    return [parent for parent, place in places.items() if place.is_beside(first)][: first.together]
