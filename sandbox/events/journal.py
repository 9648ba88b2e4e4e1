"""The journal itself: which event lies where, when it arrived, and how long it is kept."""

import random
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import accumulate
from typing import NamedTuple, Protocol

import orjson

from sandbox.clock import Clock
from sandbox.switches import Switches

#: How far behind its first delivery an event comes again, in events, where nothing else shuffles them.
_AGAIN_WITHIN = 1000

_EVENT = 0xFFFF_FFFF


class EventMaker(Protocol):
    """Where events come from: they are written out when they are asked for."""

    def entries(self, numbers: Sequence[int], positions: Sequence[str]) -> list[bytes]:
        """The journal's entries for these events, at these positions."""


class RawEvents:
    """Events and whole entries as somebody gave them."""

    def __init__(self) -> None:
        self._texts: list[tuple[bytes, bool]] = []

    def add(self, text: bytes, whole: bool) -> int:
        """`whole`: an entry that stands in the journal as it is, without a position around it. Its number."""
        self._texts.append((text, whole))
        return len(self._texts) - 1

    def entries(self, numbers: Sequence[int], positions: Sequence[str]) -> list[bytes]:
        found = []
        for number, position in zip(numbers, positions, strict=True):
            text, whole = self._texts[number]
            found.append(text if whole else b'{"position":"%b","event":%b}' % (position.encode(), text))
        return found


class _Coming(NamedTuple):
    """Events of one batch that have not arrived yet: `arrivals` in order, from `at[0]` on."""

    arrivals: "array[float]"
    places: "array[int]"
    at: list[int]


class EventJournal:
    """Entries by number, from 0 on. One costs 16 bytes here; its text is made when it is read."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(f"{seed}:journal")
        self._arrivals: array[float] = array("d")
        self._places: array[int] = array("Q")
        self._coming: list[_Coming] = []
        self.raw = RawEvents()
        self._makers: list[EventMaker] = [self.raw]

    def add_raw(self, events: Iterable[object], entries: Iterable[str], switches: Switches) -> None:
        """Events of any shape, and entries as text that need not even be JSON; they arrive now."""
        numbers = [self.raw.add(orjson.dumps(event), False) for event in events]
        numbers += [self.raw.add(entry.encode(), True) for entry in entries]
        now = self._clock.now()
        self._add(array("d", [now] * len(numbers)), array("Q", numbers), switches)

    def add_campaign(
        self, maker: EventMaker, arrivals: "array[float]", numbers: Iterable[int], switches: Switches
    ) -> None:
        """Events of a campaign by number, with the times of their arrival in order; those to come arrive later."""
        source = len(self._makers) << 32
        self._makers.append(maker)
        self._add(arrivals, array("Q", [source | number for number in numbers]), switches)

    def add_again(self, share: float, switches: Switches) -> None:
        """Deliver a share of what has arrived so far once more, now."""
        chance = self._random.random
        places = array("Q", [place for place in self._places[: len(self)] if chance() < share])
        self._add(array("d", [self._clock.now()] * len(places)), places, switches)

    def _add(self, arrivals: "array[float]", places: "array[int]", switches: Switches) -> None:
        window, share = switches.journal_disorder, switches.journal_duplicates
        if window or share:
            arrivals, places = self._disturbed(arrivals, places, window, share)
        self._coming.append(_Coming(arrivals, places, [0]))
        self._arrive()

    def _disturbed(
        self, arrivals: "array[float]", places: "array[int]", window: int, share: float
    ) -> tuple["array[float]", "array[int]"]:
        """Some events again, and all of them moved back by up to `window` events; none arrives before its time."""
        chance = self._random.random
        order = [(number + chance() * window, number) for number in range(len(places))]
        again = window or _AGAIN_WITHIN
        order += [(number + 1 + chance() * again, number) for _, number in list(order) if chance() < share]
        order.sort()
        times = accumulate((arrivals[number] for _, number in order), max)
        return array("d", times), array("Q", [places[number] for _, number in order])

    def _arrive(self) -> None:
        """Take in whatever arrived since; the journal's own times never go back."""
        now = self._clock.now()
        due = []
        for coming in self._coming:
            begin, end = coming.at[0], bisect_right(coming.arrivals, now, coming.at[0])
            if end > begin:
                due.append((coming.arrivals[begin:end], coming.places[begin:end]))
                coming.at[0] = end
        self._coming = [coming for coming in self._coming if coming.at[0] < len(coming.arrivals)]
        if not due:
            return
        arrivals, places = due[0]
        if len(due) > 1:
            together = list(merge(*(zip(*batch, strict=True) for batch in due), key=lambda pair: pair[0]))
            arrivals = array("d", [arrival for arrival, _ in together])
            places = array("Q", [place for _, place in together])
        if self._arrivals:
            late = bisect_left(arrivals, self._arrivals[-1])
            arrivals[:late] = array("d", [self._arrivals[-1]] * late)
        self._arrivals.extend(arrivals)
        self._places.extend(places)

    def __len__(self) -> int:
        """How many entries have arrived so far, expired ones among them."""
        if self._coming:
            self._arrive()
        return len(self._arrivals)

    @property
    def to_come(self) -> int:
        return sum(len(coming.arrivals) - coming.at[0] for coming in self._coming)

    def first_since(self, moment: float) -> int:
        """The number of the first entry that arrived at that sandbox time or later."""
        return bisect_left(self._arrivals, moment)

    def entries(self, begin: int, positions: Sequence[str]) -> list[bytes]:
        """The text of the entries from `begin` on, one for each position."""
        places = self._places[begin : begin + len(positions)]
        sources = {place >> 32 for place in places}
        if len(sources) == 1:
            return self._makers[sources.pop()].entries([place & _EVENT for place in places], positions)
        found = [b""] * len(places)
        for source in sources:
            here = [at for at, place in enumerate(places) if place >> 32 == source]
            texts = self._makers[source].entries([places[at] & _EVENT for at in here], [positions[at] for at in here])
            for at, text in zip(here, texts, strict=True):
                found[at] = text
        return found
