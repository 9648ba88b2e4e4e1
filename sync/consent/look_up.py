"""Campaign's side of a contact, asked for just now by the profile's key."""

from collections.abc import Callable
from typing import Any

from config.optinout import OptinoutConfig
from connectors.campaign import Campaign
from connectors.errors import Refused
from sync.consent.case import Case
from sync.consent.fitting import PROFILE
from sync.consent.payload import profile_state
from sync.guid import other_spellings
from sync.resource_target import Tally
from sync.streams import Allowance


class LookUp:
    def __init__(self, campaign: Campaign, config: OptinoutConfig, tally: Tally, now_ms: Callable[[], int]) -> None:
        """`now_ms`: our clock, the one that every process shares."""
        self._campaign = campaign
        self._config = config
        self._tally = tally
        self._now_ms = now_ms

    def profile(self, allowance: Allowance, case: Case) -> None:
        """Enters what Campaign says into the case. Raises ConnectorError; Refused, too, for two profiles of one key."""
        read_ms = self._now_ms()
        found, spelt = self._found(case, allowance)
        if len(found) > 1:
            raise Refused(
                "campaign",
                f"{PROFILE}: two profiles carry this contact's key; merge them in Campaign, then retry this record",
                code="doubles",
            )
        case.is_read = True
        case.profile = profile_state(self._config, found[0], read_ms, live=True) if found else None
        is_uri = self._config.profile_key.address == "uri"
        case.reference = (spelt if is_uri else str(found[0]["PKey"])) if found else ""

    def _found(self, case: Case, allowance: Allowance) -> tuple[list[dict[str, Any]], str]:
        """The profiles that carry the contact's key, and how it is spelt there.

        Whether Campaign tells capitals apart is for its administrator to say, and braces always count; so where a
        profile must be, or nobody can know, a key that was brought from elsewhere is looked for, too.
        """
        spellings: tuple[str, ...] = (case.id,)
        memory = case.memory
        if case.send.profile is not None or self._config.poll is None or (memory and memory.profile_read_ms):
            spellings += other_spellings(case.id)
        for spelt in spellings:
            self._tally.count("lookups")
            found = self._campaign.profile_by_key(self._config.profile_key, spelt, allowance())
            if found:
                return found, spelt
        return [], ""
