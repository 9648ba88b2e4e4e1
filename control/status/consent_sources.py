"""How far each source of consent has been read, as the stream's cursor tells."""

import orjson

from control.status.reading import Reading, Source, Waits
from control.status.tokens import Token, seconds_since
from control.words import counted, exact
from store.cursors import Cursor
from sync.consent.parts import AGAIN, DYNAMICS, FILES, POLL
from sync.consent.polled import PollPosition
from sync.consent.position import ConsentPosition, PartPosition
from sync.consent.reading import EXPORT
from sync.events.position import Missed
from sync.files.position import FilePosition
from sync.tables.position import Phase, Position

#: In the order in which they are shown.
_NAMES = (POLL, FILES, DYNAMICS, AGAIN, EXPORT)
#: What is not called as the configuration calls it.
_SHOWN = {AGAIN: "replay", EXPORT: "export workflow"}


def reading_of_consent(cursor: Cursor, waits: Waits, life_days: float | None, now_ms: int) -> Reading:
    """`life_days`: how long change tokens live; None: Dynamics is not read."""
    if not cursor.number:
        return Reading()
    position = ConsentPosition.load(cursor.value)
    sources = tuple(_source(name, position.parts[name]) for name in _NAMES if name in position.parts)
    again = AGAIN in position.parts
    dynamics = position.parts.get(DYNAMICS)
    return Reading(
        phase="full" if any(source.full for source in sources) else "replay" if again else "changes",
        again=again,
        replayed_ms=position.replayed_ms,
        token=_token(dynamics, life_days, now_ms) if dynamics else None,
        read_ms=cursor.at_ms,
        sources=sources,
    )


def _token(part: PartPosition, life_days: float | None, now_ms: int) -> Token | None:
    age = seconds_since(Position.load(part.next).token_ms, now_ms)
    return Token(age, life_days) if age is not None and life_days else None


def _source(name: str, part: PartPosition) -> Source:
    stands, full = _stands(name, part)
    notice = Missed(part.notice.at_ms, part.notice.sentence) if part.notice else None
    return Source(_SHOWN.get(name, name), stands, part.read_ms or None, full, notice)


def _stands(name: str, part: PartPosition) -> tuple[str, bool]:
    """In words, and whether everything is read before what changes."""
    if name == EXPORT:
        return f"is looked at next on {exact(part.due_ms)}", False
    if not part.next:
        return "nothing yet", False
    if name == AGAIN:
        # Which source reads once more depends on the configuration; their positions have different keys.
        fields = orjson.loads(part.next)
        name = POLL if "walking" in fields else DYNAMICS if "phase" in fields else FILES
        return _STANDS[name](part.next)[0], False
    return _STANDS[name](part.next)


def _polling(text: str) -> tuple[str, bool]:
    at = PollPosition.load(text)
    if at.walking:
        since = f"whoever has changed since {exact(at.since_ms)}" if at.since_ms else "everybody"
        return f"{since} is read", True
    return (f"changes, the newest of {exact(at.newest_ms)}" if at.newest_ms else "changes; none was seen so far"), False


def _files(text: str) -> tuple[str, bool]:
    at = FilePosition.load(text)
    if at.place is not None:
        return f"{at.place.version.name}, line {at.place.line + 1:,}", False
    return f"{counted(at.count, 'file')} so far; waits for the next one", False


def _changes(text: str) -> tuple[str, bool]:
    at = Position.load(text)
    if at.phase is Phase.CHANGES:
        return "changes", False
    of = f" of {at.expected:,}" if at.expected is not None else ""
    return f"all contacts are read, {at.rows:,}{of} so far", True


_STANDS = {POLL: _polling, FILES: _files, DYNAMICS: _changes}
