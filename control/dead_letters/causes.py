"""Why records were set aside: how many for each kind of reason, with the newest, and what to do about it."""

from dataclasses import dataclass

from control.dead_letters.remedies import Remedy, remedy_of
from control.dead_letters.selection import Letter, Selection, chosen
from store.store import Store
from sync.workflows import NAMES

#: Where many look often, so many dead letters of a stream are looked at; the counts are those of these then.
LOOKED_AT = 10_000


@dataclass(frozen=True, slots=True)
class Cause:
    workflow: str
    stream: str
    kind: str
    count: int
    newest: Letter  #: the letter that was set aside last
    remedy: Remedy

    @property
    def selection(self) -> Selection:
        """All of them."""
        return Selection(self.workflow, self.stream, cause=self.kind)


def causes(store: Store, workflow: str | None = None, limit: int | None = None) -> list[Cause]:
    """By workflow and stream, the cause with the newest letter first. `limit`: so many letters of each stream are
    looked at; None: all. Raises UnknownWorkflow."""
    found = []
    for name in [workflow] if workflow else NAMES:
        by_cause: dict[tuple[str, str], tuple[int, Letter]] = {}
        for letter in chosen(store, Selection(name), limit):
            count, newest = by_cause.get((letter.stream, letter.kind), (0, letter))
            by_cause[letter.stream, letter.kind] = count + 1, max(newest, letter, key=_age)
        of_workflow = [
            Cause(name, stream, kind, count, newest, remedy_of(name, stream, kind))
            for (stream, kind), (count, newest) in by_cause.items()
        ]
        found += sorted(of_workflow, key=lambda one: (one.stream, -one.newest.dead_ms, one.kind))
    return found


def _age(letter: Letter) -> tuple[int, str]:
    return letter.dead_ms, letter.id
