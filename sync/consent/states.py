"""The two sides of one contact as they were read."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from config.consent_flags import WireFlag
from connectors.clocks import Skew
from sync.consent.rule import Seen


class ContactState(NamedTuple):
    """The row of a contact in Dynamics, just read."""

    id: str  #: in lower case
    flags: Mapping[str, bool | None]  #: the paired columns by logical name, as Dynamics has them; None: null
    modified_ms: int | None  #: when the row changed last, by Dynamics' clock; None: not told
    etag: str  #: its version, verbatim

    @classmethod
    def of(
        cls, id_: str, values: Mapping[str, object], paired: Iterable[str], modified_ms: int | None, etag: str
    ) -> "ContactState":
        """From the row's values by column; what is neither true nor false counts as not told."""
        told = ((name, values[name]) for name in paired)
        flags = {name: value if isinstance(value, bool) else None for name, value in told}
        return cls(id_, flags, modified_ms, etag)


class ProfileState(NamedTuple):
    """The consent flags of a profile in Campaign; what is not among them was not read."""

    flags: Mapping[WireFlag, Seen]  #: with the time of each flag as Campaign tells it, or as `optinout.times` says
    modified_ms: int | None  #: when the profile changed last, by Campaign's clock; None: not told
    read_ms: int  #: when it was read, by our clock
    live: bool = False  #: asked for just now; otherwise it may have waited
    present: bool = False  #: as Campaign had it at `read_ms`; otherwise it may have stood in a file for a day
    doubles: bool = False  #: another profile with the same key was seen, or may be there
    asks: bool = False  #: which of what was told counts, only Campaign itself can say: it is looked up by its key
    spelt: str = ""  #: how its key is spelt (`sync.consent.spelling`); empty: as Dynamics spells it, or not known
    who: int = 0  #: which profile it is (`sync.consent.payload.who_of`); 0: not known, as of a row of a file
    is_sure: bool = True  #: otherwise opt-outs are passed on from it, and nothing else


class Skews(NamedTuple):
    """How far the clocks of the two systems are ahead of ours; None: not known."""

    dynamics: Skew | None = None
    campaign: Skew | None = None


NO_SKEWS = Skews()


def rebased(skews: Skews, ahead_ms: int) -> Skews:
    """The same for another clock of ours, of which the one that they are told for is so far ahead."""
    return Skews(*(skew and skew._replace(ms=skew.ms + ahead_ms) for skew in skews))
