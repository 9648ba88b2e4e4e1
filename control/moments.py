"""Times as operators type them: dates, ISO 8601, or so long ago."""

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_END_MS = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)
_AGO = re.compile(rf"(\d{{1,6}})\s*({'|'.join(_UNITS)})(\s+ago)?")


def moment_ms(text: str, now_ms: int) -> int:
    """Milliseconds since 1970. A date is its beginning; without a zone the time is UTC. Raises ValueError."""
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        at_ms = now_ms - int(timedelta(**{_UNITS[ago[2]]: int(ago[1])}).total_seconds() * 1000)
    else:
        found = datetime.fromisoformat(text)
        at_ms = int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    if not 0 <= at_ms < _END_MS:
        raise ValueError("the time lies before 1970, or after 9999")
    return at_ms
