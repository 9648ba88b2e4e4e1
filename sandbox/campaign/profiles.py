"""Profiles: stored sparsely, found by PKey, by internal number and by indexed fields, shown complete."""

import base64
import hashlib
import uuid
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from typing import Any

from sandbox.campaign.errors import CampaignError, duplicate_key, inconsistent_key, no_document, unknown_pkey
from sandbox.campaign.fields import BLANK_LOCATION, BLANKS, EXTENSION, STAMPS_OF_FLAG
from sandbox.clock import Clock, campaign_stamp
from sandbox.switches import Switches


class Profile:
    """One profile: internal number, opaque tokens, the values that were ever set."""

    __slots__ = ("number", "pkey", "values")

    def __init__(self, number: int, pkey: str, values: dict[str, Any]) -> None:
        self.number = number
        self.pkey = pkey
        self.values = values


class Profiles:
    """All profiles of the instance. Keys are unique where the switch `profile_key` declares one; blanks are exempt."""

    def __init__(self, clock: Clock, switches: Switches, seed: int) -> None:
        self._clock = clock
        self._seed = seed
        self._last_number = 16_000
        self.by_number: dict[int, Profile] = {}
        self.numbers: list[int] = []
        self._by_pkey: dict[str, Profile] = {}
        self._gone: set[str] = set()
        self._index: dict[str, dict[str, dict[int, Profile]]] = {}
        self.use(switches)

    def use(self, switches: Switches) -> None:
        """Take new switches: the declared key and the fields that filters look up get their indexes."""
        self.switches = switches
        wanted = {"email", *(rule["field"] for rule in switches.filters.values())}
        if switches.profile_key != "none":
            wanted.add(switches.profile_key)
        self._index = {name: {} for name in wanted}
        for profile in self.by_number.values():
            self._enter(profile)

    def by_pkey(self, token: str) -> Profile:
        """CampaignError: 500 for a token that was never given out, 404 for the one of a deleted profile."""
        profile = self._by_pkey.get(token)
        if profile is None:
            if token in self._gone and self.switches.deleted_pkey == "404":
                raise no_document(token.removeprefix("@"))
            raise unknown_pkey(token)
        return profile

    def by_field(self, name: str, value: str) -> list[Profile]:
        """Profiles with exactly this value in an indexed field, oldest first."""
        return list(self._index[name].get(value, {}).values())

    def by_key(self, value: str) -> Profile:
        """The profile with this value of the declared key; CampaignError 404."""
        key = self.switches.profile_key
        found = self.by_field(key, value) if key != "none" and value else []
        if not found:
            raise no_document(value)
        return found[0]

    def is_indexed(self, name: str) -> bool:
        return name in self._index

    def after(self, number: int, limit: int) -> list[Profile]:
        start = bisect_right(self.numbers, number)
        return [self.by_number[found] for found in self.numbers[start : start + limit]]

    def create(self, values: dict[str, Any]) -> Profile:
        self._check_unique(values, None)
        self._last_number += 1
        number = self._last_number
        now = self._clock.now()
        stamp = campaign_stamp(now)
        set_values = {name: value for name, value in values.items() if value != BLANKS[name]}
        if "location" in values:
            set_values["location"] = {**BLANK_LOCATION, **values["location"]}
        for name, stamps in STAMPS_OF_FLAG.items():
            if set_values.get(name):
                set_values |= dict.fromkeys(stamps, stamp)
        # Captured records carry a lastModified that lies a moment before created.
        set_values |= {"created": stamp, "lastModified": campaign_stamp(now - 0.001)}
        if self.switches.acs_id:
            set_values["acsId"] = str(uuid.UUID(bytes=self._secret(number)[:16], version=4))
        profile = Profile(number, "@" + _token(self._secret(number)[16:88]), set_values)
        self.by_number[number] = profile
        self.numbers.append(number)
        self._by_pkey[profile.pkey] = profile
        self._enter(profile)
        return profile

    def update(self, profile: Profile, values: dict[str, Any]) -> bool:
        """Merge; whether anything changed. CampaignError if the declared key would change or collide."""
        old = profile.values
        key = self.switches.profile_key
        if key in values and old.get(key) and values[key] != old[key]:
            raise inconsistent_key(str(old[key]), str(values[key]))
        self._check_unique(values, profile)
        stamp = campaign_stamp(self._clock.now())
        changed = {}
        for name, value in values.items():
            before = old.get(name, BLANKS[name])
            if name == "location":
                value = {**before, **value}
            if value != before:
                changed[name] = value
        if not changed:
            return False
        for name in changed:
            if name in STAMPS_OF_FLAG:
                changed = changed | dict.fromkeys(STAMPS_OF_FLAG[name], stamp)
        self._leave(profile)
        profile.values = old | changed | {"lastModified": stamp}
        self._enter(profile)
        return True

    def delete(self, profile: Profile) -> None:
        self._leave(profile)
        del self.by_number[profile.number]
        del self.numbers[bisect_left(self.numbers, profile.number)]
        del self._by_pkey[profile.pkey]
        self._gone.add(profile.pkey)

    def show(self, profile: Profile, resource_url: str, extended: bool) -> dict[str, Any]:
        """The complete record; keys are put into alphabetical order when it is serialised."""
        values = profile.values
        shown: dict[str, Any] = {**BLANKS, **values}
        secret = self._secret(profile.number)
        email = str(shown["email"])
        shown["PKey"] = profile.pkey
        shown["href"] = f"{resource_url}/{profile.pkey}"
        shown["cryptedId"] = base64.b64encode(secret[60:114]).decode()
        shown["domain"] = email.rpartition("@")[2] if email else ""
        shown["title"] = f"{shown['firstName']} {shown['lastName']} ({email})"
        shown["age"] = self._age(str(shown["birthDate"]))
        shown["postalAddress"] = _postal_address(shown)
        # A collection's token shares its beginning with the record's PKey and is another one all the same.
        collection = profile.pkey[:40] + _token(secret[120:156])
        shown["subscriptions"] = {"href": f"{resource_url}/{collection}/subscriptions/"}
        if not extended:
            for name in EXTENSION:
                shown.pop(name, None)
        elif not self.switches.acs_id:
            shown.pop("acsId", None)
        return shown

    def _secret(self, number: int) -> bytes:
        return hashlib.shake_128(f"{self._seed}:{number}".encode()).digest(160)

    def _age(self, birth_date: str) -> int:
        if not birth_date:
            return 0
        born = datetime.fromisoformat(birth_date)
        today = datetime.fromtimestamp(self._clock.now(), UTC)
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))

    def _check_unique(self, values: dict[str, Any], profile: Profile | None) -> None:
        key = self.switches.profile_key
        if key == "none" or not values.get(key):
            return
        taken = self._index[key].get(str(values[key]))
        if taken and (profile is None or set(taken) != {profile.number}):
            raise duplicate_key(key, str(values[key]))

    def _enter(self, profile: Profile) -> None:
        for name, index in self._index.items():
            value = profile.values.get(name)
            if value:
                index.setdefault(str(value), {})[profile.number] = profile

    def _leave(self, profile: Profile) -> None:
        for name, index in self._index.items():
            value = profile.values.get(name)
            if value:
                same = index[str(value)]
                del same[profile.number]
                if not same:
                    del index[str(value)]


def check_body_key(profile: Profile, given: dict[str, Any]) -> None:
    """The PKey in a body, if there is one, must be the one of the URI."""
    token = given.get("PKey")
    if token is not None and token != profile.pkey:
        if not isinstance(token, str):
            raise CampaignError(500, f"'{token}' is not a valid constant.")
        raise inconsistent_key(profile.pkey, token)


def _postal_address(shown: dict[str, Any]) -> dict[str, Any]:
    place = shown["location"]
    names = (shown["salutation"], shown["firstName"], shown["lastName"].upper())
    lines = [
        " ".join(part for part in names if part),
        *(place[f"address{number}"].upper() for number in (1, 2, 3, 4)),
        " ".join(part for part in (place["zipCode"], place["city"].upper()) if part),
    ]
    return {
        "addrDefined": False,
        "addrErrorCount": 0,
        "addrLastCheck": "",
        "addrQuality": "0",
        **{f"line{number}": line for number, line in enumerate(lines, 1)},
        "serialized": "\n".join(lines),
    }


def _token(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
