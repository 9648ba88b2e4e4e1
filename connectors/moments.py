"""Moments as the two systems write them, to milliseconds since 1970 UTC and back. Nothing is guessed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_CAMPAIGN = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{3})Z", re.ASCII)
_DYNAMICS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def campaign_ms(text: object) -> int | None:
    """`2024-03-02 10:18:20.543Z` of Campaign (experienceleague.adobe.com, profile data model); None for "", which
    stands for no moment. Raises ValueError for everything else.
    """
    if text == "":
        return None
    found = _CAMPAIGN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("not a moment as Campaign writes it")
    return _ms(found[1]) + int(found[2])


def campaign_text(ms: int) -> str:
    """The moment as Campaign writes it. Raises ValueError for one outside of the years 1 to 9999."""
    return _moment(ms).isoformat(" ", "milliseconds").removesuffix("+00:00") + "Z"


def dynamics_ms(text: object) -> int:
    """`2023-04-07T21:59:01Z` of Dynamics (learn.microsoft.com, Web API: types); it tells whole seconds, but fractions
    are read. Raises ValueError for everything else.
    """
    found = _DYNAMICS.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("not a moment as Dynamics writes it")
    return _ms(found[1]) + int((found[2] or "").ljust(3, "0")[:3])


def _ms(whole_seconds: str) -> int:
    return (datetime.fromisoformat(f"{whole_seconds}+00:00") - _EPOCH) // _MILLISECOND


def _moment(ms: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        raise ValueError("outside of the years that can be written") from None
