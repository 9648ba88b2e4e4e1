"""What was done, the newest first, as the page lists it."""

from dataclasses import dataclass

from control.acts import Act, acts
from control.words import ago, exact
from store.store import Store


@dataclass(frozen=True, slots=True)
class Line:
    at: str
    exactly: str
    action: str
    what: str  #: what it was about
    by: str
    why: str


def past(store: Store, workflow: str, limit: int, now_ms: int) -> list[Line]:
    return [_line(one, now_ms) for one in acts(store, workflow, None, limit)]


def _line(act: Act, now_ms: int) -> Line:
    event = act.event
    return Line(ago(event.at_ms, now_ms), exact(event.at_ms), event.action, act.what, event.by, event.why or "-")
