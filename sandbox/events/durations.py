"""`-PT2H`: how far back, as an ISO 8601 duration with a minus before it."""

import re

_PART = r"(?:(\d+(?:\.\d+)?){})?"
_PARTS = [_PART.format(letter) for letter in "WDHMS"]
_BACK = re.compile(f"-P{_PARTS[0]}{_PARTS[1]}(?:T(?=[0-9]){_PARTS[2]}{_PARTS[3]}{_PARTS[4]})?")
_SECONDS = (604_800, 86_400, 3_600, 60, 1)


def seconds_back(text: str) -> float:
    """`-P5DT2H` is 439,200 seconds; ValueError for anything else, months and years (of no fixed length) too."""
    match = _BACK.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"'{text}' is not a negative ISO 8601 duration such as -PT2H.")
    return sum(float(part) * seconds for part, seconds in zip(match.groups(), _SECONDS, strict=True) if part)
