"""Tables as one template shows them all: cells that are words, numbers with a mood, times, or links."""

from dataclasses import dataclass

from dashboard.moments import Moment


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    mood: str = ""  #: warn or bad, where it is worth a colour
    lead: str = ""  #: stands in front of the text, stronger
    moment: Moment | None = None  #: stands in place of the text
    href: str = ""
    is_head: bool = False  #: names its row

    @property
    def is_empty(self) -> bool:
        return self.text in ("", "-") and not self.lead and self.moment is None


@dataclass(frozen=True, slots=True)
class Table:
    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    kind: str = ""  #: numbers: aligned to the right; stack: on a narrow screen one cell beneath the other
    empty: str = ""  #: what is said where there is no row; without it nothing is shown then
