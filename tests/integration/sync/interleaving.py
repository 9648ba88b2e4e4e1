"""Plays one interleaving of readers, writers, people and accidents over three linked tables, step by step.

Several writers hold batches at the same time, each advanced by one record at a time, so that every order of events can
come about and every failure can be played again. Campaign tells whenever something was written that led nowhere.
"""

import math
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from hypothesis import strategies as st

from connectors.errors import Unavailable
from store.record_queue import Batch, CursorMoved, GenerationOver
from sync.batch_writer import BatchWriter, Writing
from sync.patience import Patience
from sync.streams import Slice
from sync.tables.position import Position
from sync.tables.reading import TableReader
from sync.tables.relatives import Orphanage
from tests.integration.sync.family import CONTACT, FOREVER, INVOICE, MEMBERSHIP, RESOURCE, TABLES, Family, the

IDS = {
    CONTACT: [the(f"contact {number}") for number in range(3)],
    MEMBERSHIP: [the(f"membership {number}") for number in range(3)],
    INVOICE: [the(f"invoice {number}") for number in range(4)],
}
#: One page of one slice, so that reading, too, is interrupted everywhere.
ONE_PAGE = Slice(0, lambda: False)
LEASE_S = 60.0

tables = st.sampled_from(TABLES)
numbers = st.integers(0, 5)

#: One drawn step after another. The number says how often.
_STEPS: list[tuple[int, st.SearchStrategy[tuple[Any, ...]]]] = [
    (6, st.tuples(st.just("put"), tables, numbers, numbers, numbers)),
    (4, st.tuples(st.just("born"), numbers, numbers)),
    (2, st.tuples(st.just("remove"), tables, numbers)),
    (6, st.tuples(st.just("read"), tables)),
    (3, st.tuples(st.just("read_ahead"), tables)),
    (3, st.tuples(st.just("store_late"), numbers)),
    (8, st.tuples(st.just("lease"), tables, st.integers(1, 3))),
    (6, st.tuples(st.just("work"), tables)),
    (4, st.tuples(st.just("overtake"), st.sampled_from([MEMBERSHIP, INVOICE]))),
    (2, st.tuples(st.just("bury"), numbers)),
    (6, st.tuples(st.just("send"), numbers)),
    (6, st.tuples(st.just("tell"), numbers)),
    (6, st.tuples(st.just("finish"), numbers)),
    (2, st.tuples(st.just("die"), numbers)),
    (1, st.tuples(st.just("oversleep"), numbers)),
    (1, st.tuples(st.just("fail"), st.booleans())),
    (2, st.tuples(st.just("look after"), tables)),
    (1, st.tuples(st.just("hurry"), tables)),
    (1, st.tuples(st.just("restart"), st.sampled_from([None, *TABLES]))),
    (2, st.tuples(st.just("map_anew"), tables)),
    (1, st.tuples(st.just("expire"))),
    (1, st.tuples(st.just("replay"), tables)),
]
steps = st.lists(st.sampled_from([step for often, step in _STEPS for _ in range(often)]).flatmap(lambda step: step),
                 min_size=30, max_size=90)  # fmt: skip


@dataclass
class Hand:
    """One writer with a batch."""

    table: str
    writer: BatchWriter
    batch: Batch


class Interleaving:
    """`restores`: whether rows that were deleted come back, under their ids, while their deletion is on its way."""

    def __init__(self, family: Family, restores: bool = False) -> None:
        family.redis.flushdb()
        self.restores = restores
        self.family = family.start()
        family.campaign.is_back = lambda key: any(key in family.dynamics.ids(table) for table in TABLES)
        self.hands: list[Hand] = []
        self.sleepers: list[TableReader] = []
        self.names = 0

    def play(self, step: tuple[Any, ...]) -> None:
        kind, *arguments = step
        getattr(self, kind.replace(" ", "_"))(*arguments)

    # People.

    def put(self, table: str, which: int, parent: int, sponsor: int) -> None:
        """Creates or changes a row; its parents, as Dynamics sees to, are there."""
        self.names += 1
        record_id, name = IDS[table][which % len(IDS[table])], f"name {self.names}"
        dynamics = self.family.dynamics
        if not self.restores and record_id not in dynamics.ids(table) and self._is_known(table, record_id):
            return
        contacts, memberships = dynamics.ids(CONTACT), dynamics.ids(MEMBERSHIP)
        if table == CONTACT:
            dynamics.put(CONTACT, record_id, lastname=name)
        elif table == MEMBERSHIP and contacts:
            sponsored = {"new_sponsorid": contacts[sponsor % len(contacts)] if sponsor < 3 else None}
            dynamics.put(
                MEMBERSHIP, record_id, new_name=name, new_contactid=contacts[parent % len(contacts)], **sponsored
            )
        elif table == INVOICE and memberships:
            dynamics.put(INVOICE, record_id, new_name=name, new_membershipid=memberships[parent % len(memberships)])

    def _is_known(self, table: str, record_id: str) -> bool:
        queue = self.family.workflow.queue(table)
        return bool(queue.waiting([record_id]) or queue.ledger.perhaps_present([record_id]))

    def born(self, which: int, parent: int) -> None:
        """A contact, a membership of it and an invoice of that, at once."""
        for table in TABLES:
            self.put(table, which, parent, which)

    def remove(self, table: str, which: int) -> None:
        """Deletes a row and what hangs on it; other links to it are removed."""
        there = self.family.dynamics.ids(table)
        if not there:
            return
        for of, record_id in list(self._with_children(table, there[which % len(there)])):
            self._remove(of, record_id)

    def _with_children(self, table: str, record_id: str) -> Iterator[tuple[str, str]]:
        """What a deletion takes along, the youngest first."""
        dynamics = self.family.dynamics
        child, lookup = {
            CONTACT: (MEMBERSHIP, "new_contactid"), MEMBERSHIP: (INVOICE, "new_membershipid"), INVOICE: ("", ""),
        }[table]  # fmt: skip
        for child_id in dynamics.ids(child):
            if dynamics.values(child, child_id)[lookup] == record_id:
                yield from self._with_children(child, child_id)
        yield table, record_id

    def _remove(self, table: str, record_id: str) -> None:
        dynamics = self.family.dynamics
        if table == CONTACT:
            for child_id in dynamics.ids(MEMBERSHIP):
                if dynamics.values(MEMBERSHIP, child_id)["new_sponsorid"] == record_id:
                    dynamics.put(MEMBERSHIP, child_id, new_sponsorid=None)
        dynamics.remove(table, record_id)

    # Workers.

    def read(self, table: str) -> None:
        self.family.read(table, ONE_PAGE)

    def read_ahead(self, table: str) -> None:
        """Another reader fetches the next page, and sleeps before it stores that."""
        family = self.family
        stream = family.streams[table]
        reader = cast(TableReader, stream.source.reader(stream, family.workflow, family.generation, ONE_PAGE))
        position = reader._taken_up(Position.load(family.workflow.cursor(table).value), None)
        reader._pages.begin(position)
        assert reader._pages._ahead
        wait([reader._pages._ahead[1]])
        self.sleepers.append(reader)

    def store_late(self, which: int) -> None:
        """A reader that slept goes on; what it has fetched counts if reading is where it was."""
        if self.sleepers:
            reader = self.sleepers.pop(which % len(self.sleepers))
            with suppress(GenerationOver, CursorMoved):
                reader.read_page()
            reader.close()

    def lease(self, table: str, how_many: int) -> Hand | None:
        """One more writer takes a batch and sorts out what is to be sent."""
        family = self.family
        taken = time.monotonic()
        batch = family.workflow.queue(table).lease(family.generation, how_many, int(LEASE_S * 1000))
        hand = None
        if batch.records:
            writing = Writing(
                family.streams[table], family.streams, family.workflow, family.generation, FOREVER, LEASE_S, math.inf
            )
            hand = Hand(table, BatchWriter(writing, batch, taken), batch)
            hand.writer._prepare()
            self.hands.append(hand)
        return hand

    def work(self, table: str) -> None:
        """What a tick does for a table, undisturbed."""
        self.read(table)
        self._finish(self.lease(table, 3))

    def overtake(self, child: str) -> None:
        """A child's writer has looked for the parents when these come and are written."""
        self.read(child)
        hand = self.lease(child, 3)
        for parent in self.family.streams[child].parents:
            self.work(parent)
        self._finish(hand)

    def bury(self, which: int) -> None:
        """A contact is deleted with all that hangs on it, and its deletion is due first."""
        self.remove(CONTACT, which)
        self.work(CONTACT)
        self.read(MEMBERSHIP)
        self.hurry(CONTACT)
        self.work(CONTACT)

    def send(self, which: int) -> None:
        """A writer sends its next record; what became of it is not told yet."""
        if hand := self._hand(which):
            self._send_one(hand)

    def tell(self, which: int) -> None:
        if hand := self._hand(which):
            hand.writer._settle()

    def finish(self, which: int) -> None:
        """A writer sends what is left and ends its batch."""
        self._finish(self._hand(which))

    def _finish(self, hand: Hand | None) -> None:
        if hand is None:
            return
        while self._send_one(hand):
            pass
        hand.writer._settle()
        self.hands.remove(hand)

    def _send_one(self, hand: Hand) -> bool:
        """Whether something was there to be sent, and could be."""
        writer = hand.writer
        if writer._halt or not writer._todo:
            return False
        writer._todo, rest = type(writer._todo)([writer._todo.popleft()]), writer._todo
        writer._send_on()
        writer._todo.extend(rest)
        return True

    def _hand(self, which: int) -> Hand | None:
        return self.hands[which % len(self.hands)] if self.hands else None

    # Accidents.

    def die(self, which: int) -> None:
        """A writer is killed; once its lease has run out, others take over."""
        if hand := self._hand(which):
            self.hands.remove(hand)
            self._let_lease_run_out(hand)

    def oversleep(self, which: int) -> None:
        """A writer is frozen until its lease is over, and then goes on."""
        if hand := self._hand(which):
            hand.writer._leased_at = -math.inf
            self._let_lease_run_out(hand)

    def _let_lease_run_out(self, hand: Hand) -> None:
        queue = self.family.workflow.queue(hand.table)
        self.family.redis.zadd(queue.keys.batches, {str(hand.batch.number): 1}, xx=True)
        queue.reap()

    def fail(self, had_effect: bool) -> None:
        """The next write ends without an answer, before or after its effect."""
        campaign = self.family.campaign

        def once(method: str, resource: str) -> None:
            campaign.before = campaign.after = lambda method, resource: None
            raise Unavailable("campaign", "no answer")

        if had_effect:
            campaign.after = once
        else:
            campaign.before = once

    def look_after(self, table: str) -> None:
        """The limit has passed for what is parked."""
        family, stream = self.family, self.family.streams[table]
        family.let_limit_pass(table)
        Orphanage(stream, family.streams, family.workflow, family.generation).look_after(lambda: False)

    def hurry(self, table: str) -> None:
        self.family.hurry(table)

    def restart(self, replayed: str | None) -> None:
        """Stop and start; writers of the run before have ended or died by then, some after their last word."""
        if replayed:
            self.family.workflow.replays.ask(replayed, "a test", "")
        self._stop()
        self.family.start()

    def map_anew(self, table: str) -> None:
        """The same with another mapping of a table, under which all of it is read again."""
        self.names += 1
        self._stop()
        self.family.start_anew(table, f"nobody {self.names}")

    def _stop(self) -> None:
        for number, hand in enumerate(self.hands):
            if number % 2:
                hand.writer._settle()
            self._let_lease_run_out(hand)
        self.hands.clear()

    def replay(self, table: str) -> None:
        """All of a table is read and written once more, beside everything else."""
        if self.family.workflow.replays.ask(table, "a test", ""):
            assert self.family.workflow.replays.begin_now(table, "a test")

    def expire(self) -> None:
        """Change tokens die. Full reads may follow each other more often than in life."""
        self.family.dynamics.expire_tokens()

    # The end.

    def settle(self) -> None:
        """Everything that can be done gets done."""
        family, campaign = self.family, self.family.campaign
        campaign.before = campaign.after = lambda method, resource: None
        for hand in self.hands:
            self._let_lease_run_out(hand)
        self.hands.clear()
        for reader in self.sleepers:
            reader.close()
        for table in TABLES:
            Patience(family.workflow.troubles, f"{table}.read").end()
        family.settle()
        self.assert_no_wake_up_was_lost()
        while any(parked := {table: family.parked(table) for table in TABLES}.values()):
            for table in TABLES:
                self.look_after(table)
            family.settle()
            assert list(parked) != [family.parked(table) for table in TABLES], "some wait for ever"

    def assert_no_wake_up_was_lost(self) -> None:
        """Nobody still waits for a parent that is there; the limit is not what wakes them."""
        for table in TABLES:
            for record in self.family.workflow.queue(table).parked(1 << 52):
                assert record.parent.id not in self.family.held(record.parent.stream), "a wake-up was lost"


def overtaken(family: Family) -> list[tuple[str, object, object]]:
    """Records to which an older name came after a newer one: names are counted as they are given."""
    newest: dict[tuple[str, str], int] = {}
    found: list[tuple[str, object, object]] = []
    for event in family.campaign.events:
        name = event.body.get("lastName" if event.resource == RESOURCE[CONTACT] else "number")
        if isinstance(name, str) and name:
            number, of = int(name.removeprefix("name ")), (event.resource, event.key)
            if number < newest.get(of, 0):
                found.append((event.key, newest[of], number))
            newest[of] = max(newest.get(of, 0), number)
    return found


def expected(family: Family) -> dict[str, dict[str, dict[str, Any]]]:
    """What Campaign must hold in the end, by table and id."""
    dynamics = family.dynamics

    def rows(table: str) -> Iterator[tuple[str, dict[str, Any]]]:
        return ((record_id, dynamics.values(table, record_id)) for record_id in dynamics.ids(table))

    return {
        CONTACT: {record_id: {"lastName": row["lastname"]} for record_id, row in rows(CONTACT)},
        MEMBERSHIP: {
            record_id: {
                "number": row["new_name"], "holder": row["new_contactid"], "sponsor": row["new_sponsorid"],
            }
            for record_id, row in rows(MEMBERSHIP)
        },
        INVOICE: {
            record_id: {"number": row["new_name"], "membershipId": row["new_membershipid"]}
            for record_id, row in rows(INVOICE)
        },
    }  # fmt: skip
