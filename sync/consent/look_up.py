"""Campaign's side of a contact, asked for just now by the profile's key.

Whether Campaign tells capitals apart is for its administrator to say, and braces always count. So one question finds
one spelling of the key, and a second profile with another one stays unseen. What is asked for:

the id as Dynamics spells it     always
as Campaign has spelt it         always, unless that profile was found by the first question
the other usual spellings        where none was found and one must be there; where two were seen, or may be there; where
                                 an opt-out that was told is not found; and, where no polling tells of every profile,
                                 before anybody is opted in
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from config.consent_flags import WireFlag
from config.optinout import OptinoutConfig
from connectors.campaign import Campaign
from sync.consent.case import Case
from sync.consent.doubles import as_one
from sync.consent.payload import profile_state
from sync.consent.spelling import in_full, short
from sync.consent.states import ProfileState
from sync.guid import other_spellings
from sync.streams import Allowance
from sync.tables.resource_target import Tally


class LookUp:
    def __init__(self, campaign: Campaign, config: OptinoutConfig, tally: Tally, now_ms: Callable[[], int]) -> None:
        """`now_ms`: our clock, the one that every process shares."""
        self._campaign = campaign
        self._config = config
        self._tally = tally
        self._now_ms = now_ms

    def profile(self, allowance: Allowance, case: Case) -> None:
        """Enters what Campaign says into the case; of several profiles what they say together. Raises
        ConnectorError."""
        told, found = case.send.profile, _Found(self._now_ms())
        self._ask(case, found, _likely(case), allowance)
        if not found.profiles and self._must_be_there(case):
            for key in other_spellings(case.id):
                self._ask(case, found, [key], allowance)
                if found.profiles:
                    break
        if case.is_searched or case.send.was_told or (told and (told.doubles or _is_missed(told, found))):
            case.is_searched = True
            self._ask(case, found, other_spellings(case.id), allowance)
        case.is_read = True
        case.profile, case.reference = self._said(told, found), found.reference

    def _must_be_there(self, case: Case) -> bool:
        """Whether a profile must be there, or nobody can know."""
        was_read = case.memory is not None and bool(case.memory.profile_read_ms)
        return case.send.profile is not None or case.send.was_told or self._config.poll is None or was_read

    def _ask(self, case: Case, found: "_Found", keys: Iterable[str], allowance: Allowance) -> None:
        setting = self._config.profile_key
        for key in keys:
            # What was found under another spelling shows that Campaign does not tell them apart.
            if key in found.asked or any(one.key == key for one in found.profiles.values()):
                continue
            found.asked.add(key)
            self._tally.count("lookups")
            profiles = self._campaign.profile_by_key(setting, key, allowance())
            found.many = found.many or len(profiles) > 1
            for profile in profiles:
                spelt = str(profile.get(setting.field, key)).strip()
                state = profile_state(self._config, profile, found.read_ms, live=True)
                pkey = str(profile["PKey"])
                reference = key if setting.address == "uri" else pkey
                one = _Profile(spelt, reference, state._replace(spelt=short(case.id, spelt)))
                found.profiles.setdefault(pkey, one)

    def _said(self, told: ProfileState | None, found: "_Found") -> ProfileState | None:
        states = [one.state for one in found.profiles.values()]
        if len(states) > 1:
            # Of more than two of one spelling Campaign was asked for two.
            return as_one([*states, told] if told and found.many else states)
        if states:
            return states[0]
        # What a row of a file says is the last that is known of a profile which is not found by its key.
        return told._replace(live=True, is_sure=False) if told and not told.present else None


class _Profile(NamedTuple):
    key: str  #: as it stands in Campaign
    reference: str  #: how it is addressed
    state: ProfileState


@dataclass
class _Found:
    """What Campaign has answered about one contact."""

    read_ms: int  #: when it was asked first, by our clock
    profiles: dict[str, _Profile] = field(default_factory=dict)  #: by their own key in Campaign
    asked: set[str] = field(default_factory=set)  #: spellings
    many: bool = False  #: whether there are several of one spelling

    @property
    def reference(self) -> str:
        return next((one.reference for one in self.profiles.values()), "")


def _likely(case: Case) -> Iterator[str]:
    yield case.id
    for known in (case.send.profile, case.memory):
        if known is not None:
            yield in_full(case.id, known.spelt)


def _is_missed(told: ProfileState, found: _Found) -> bool:
    """Whether somebody has opted out by what was told, and by nothing that was found."""
    return any(
        seen.opted_out is True and not any(_says_out(one.state, name) for one in found.profiles.values())
        for name, seen in told.flags.items()
    )


def _says_out(state: ProfileState, name: WireFlag) -> bool:
    seen = state.flags.get(name)
    return seen is not None and seen.opted_out is True
