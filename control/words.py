"""How numbers, times and ages are put into words, on every face of the product alike."""

from collections.abc import Sequence
from datetime import UTC, datetime


def number(value: float | None) -> str:
    """12,345; nothing is a dash."""
    return "-" if value is None else f"{value:,.0f}"


def rate(value: float) -> str:
    """Per second: 1,234 or 0.4."""
    return "0" if value == 0 else f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}"


def duration(seconds: float | None) -> str:
    """5 s, 3 min, 2 h 10 min, 4 d 6 h."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min" if whole % 3600 >= 60 else f"{whole // 3600} h"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h" if whole % 86_400 >= 3600 else f"{whole // 86_400} d"


def ago(then_ms: int | None, now_ms: int) -> str:
    """3 min ago."""
    return "-" if then_ms is None else f"{duration(max(0, now_ms - then_ms) / 1000)} ago"


def iso(then_ms: int | None) -> str | None:
    """ISO 8601 in UTC, to the second."""
    if then_ms is None:
        return None
    return datetime.fromtimestamp(then_ms // 1000, UTC).isoformat().replace("+00:00", "Z")


def moment(at_ms: int) -> str:
    """2026-11-20 00:00 UTC; with seconds only where there are any."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S UTC" if at.second else "%Y-%m-%d %H:%M UTC")


def exact(at_ms: int) -> str:
    """2026-11-20 00:00:00 UTC: always to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def window(since_ms: int | None, until_ms: int | None) -> str:
    """since 2026-11-20 00:00 UTC until 2026-11-21 12:00 UTC; empty for all times."""
    ends = [("since", since_ms), ("until", until_ms)]
    return " ".join(f"{word} {moment(at_ms)}" for word, at_ms in ends if at_ms is not None)


def counted(count: int, noun: str) -> str:
    """1 record, 2 records."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def finished(sentence: str) -> str:
    """With its full stop; for a reason that nobody gave, words that say so."""
    return f"{sentence.rstrip('.')}." if sentence else "no reason was given."


def to_a_person(sentence: str) -> str:
    """What a connector says of trouble: workers try again by themselves, a command that was typed does not."""
    return sentence.replace("; it will be tried again", "; try again later")
