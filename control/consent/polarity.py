"""Pairs whose column sounds like the opposite of what the pair says: followemail means that somebody wants email."""

import re
from collections.abc import Iterable

from config.consent_flags import FlagPair

#: What a column is called that is true for who has opted out, and for who has not. The first one decides: donotallow
#: is of the first kind.
_REFUSES = re.compile(r"do_?not|dont|no_?consent|opt(ed)?_?out|unsubscri|refus|reject|deny|denied|block|suppress|revok")
_WANTS = re.compile(r"follow(?!_?up)|allow|accept|subscri|opt(ed)?_?in(?!t)|permi|agree|consent|want|may_?contact")


def doubtful(pair: FlagPair) -> str | None:
    """A sentence for a pair that would opt everybody out, or in, if its column means what it is called."""
    name = pair.dynamics.lower()
    refuses = True if _REFUSES.search(name) else False if _WANTS.search(name) else None
    if refuses is None or refuses is pair.opted_out:
        return None
    sounds = "does not want it" if refuses else "wants it"
    way = "take opted_out: false away" if refuses else "say opted_out: false"
    return (
        f"The column {pair.dynamics}, paired with {pair.campaign}, is called as if Yes meant that somebody {sounds}; "
        f"if it does, {way}, or people end up with the opposite of what they said. Who would be written is counted by: "
        "d365acs consent preview FILE"
    )


def doubtful_pairs(pairs: Iterable[FlagPair], before: Iterable[FlagPair]) -> list[str]:
    """The sentences for pairs that are new, or turned round."""
    known = {(pair.dynamics, pair.campaign, pair.opted_out) for pair in before}
    new = [pair for pair in pairs if (pair.dynamics, pair.campaign, pair.opted_out) not in known]
    return [sentence for pair in new if (sentence := doubtful(pair))]
