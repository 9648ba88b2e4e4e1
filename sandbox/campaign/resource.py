"""One resource with its records: stored sparsely, found by PKey, by internal number and by indexed fields."""

import base64
import hashlib
import uuid
from bisect import bisect_left, bisect_right, insort
from typing import Any

from sandbox.campaign.definitions import Definition
from sandbox.campaign.errors import duplicate_key, inconsistent_key, no_document, unknown_pkey
from sandbox.clock import Clock, campaign_stamp
from sandbox.switches import Switches


class Record:
    """One record: internal number, opaque token, the values that were ever set. A link by primary key is stored as
    the number of the record it leads to.
    """

    __slots__ = ("number", "pkey", "values")

    def __init__(self, number: int, pkey: str, values: dict[str, Any]) -> None:
        self.number = number
        self.pkey = pkey
        self.values = values


class Resource:
    """All records of one resource. The field `key` is unique, blanks exempt; "none": no key is declared. `rules` are
    the filters that an administrator declared.
    """

    def __init__(self, definition: Definition, clock: Clock, switches: Switches, seed: int, joins: set[str]) -> None:
        """`joins`: the fields by which links of other resources find their target here."""
        self.definition = definition
        self._clock = clock
        self._salt = f"{seed}:{definition.name}"
        self._mask = int.from_bytes(hashlib.blake2b(self._salt.encode(), digest_size=8).digest())
        self._joins = joins
        self._last_number = 16_000
        self.by_number: dict[int, Record] = {}
        self.numbers: list[int] = []
        self._by_pkey: dict[str, Record] = {}
        self._gone: set[str] = set()
        self._index: dict[str, dict[str, dict[int, Record]]] = {}
        self._changes: list[tuple[str, int]] = []
        #: Records written since the export workflow last ran, by number: whether a consent flag changed.
        self.unexported: dict[int, bool] = {}
        self.use(switches)

    def use(self, switches: Switches) -> None:
        """Take new switches: the declared key and the fields that filters and links look up get their indexes."""
        self.switches = switches
        name = self.definition.name
        if name == "profile":
            self.key, self.rules = switches.profile_key, switches.filters
        else:
            self.key, self.rules = switches.resource_keys.get(name, "none"), switches.resource_filters.get(name, {})
        wanted = {*self._joins, *(rule["field"] for rule in self.rules.values())}
        wanted |= {link.by or link.name for link in self.definition.links}
        if name == "profile":
            wanted.add("email")
        if self.key != "none":
            wanted.add(self.key)
        if wanted == self._index.keys():
            return
        self._index = {name: {} for name in wanted}
        for record in self.by_number.values():
            self._enter(record)

    def by_pkey(self, token: str) -> Record:
        """CampaignError: 500 for a token that was never given out, 404 for the one of a deleted record."""
        record = self._by_pkey.get(token)
        if record is None:
            if token in self._gone and self.switches.deleted_pkey == "404":
                raise no_document(self.definition, token.removeprefix("@"))
            raise unknown_pkey(self.definition, token)
        return record

    def was_deleted(self, token: str) -> bool:
        return token in self._gone

    def has(self, token: str) -> bool:
        return token in self._by_pkey

    def by_field(self, name: str, value: str) -> list[Record]:
        """Records with exactly this value in an indexed field, oldest first."""
        return list(self._index[name].get(value, {}).values())

    def by_key(self, value: str) -> Record:
        """The record with this value of the declared key; CampaignError 404."""
        found = self.by_field(self.key, value) if self.key != "none" and value else []
        if not found:
            raise no_document(self.definition, value)
        return found[0]

    def is_indexed(self, name: str) -> bool:
        return name in self._index

    def after(self, number: int, limit: int) -> list[Record]:
        """Up to `limit` records whose number is greater, oldest first."""
        start = bisect_right(self.numbers, number)
        return [self.by_number[found] for found in self.numbers[start : start + limit]]

    def changed_since(self, stamp: str) -> list[Record]:
        """Records whose last change is not before `stamp`, oldest record first."""
        late = self._changes[bisect_left(self._changes, (stamp, 0)) :]
        return [self.by_number[number] for number in sorted({n for at, n in late if self._is_last(at, n)})]

    def _is_last(self, stamp: str, number: int) -> bool:
        record = self.by_number.get(number)
        return record is not None and record.values["lastModified"] == stamp

    def create(self, values: dict[str, Any]) -> Record:
        definition = self.definition
        self._check_unique(values, None)
        self._last_number += 1
        number = self._last_number
        now = self._clock.shown("campaign")
        stamp = campaign_stamp(now)
        blanks = definition.blanks
        set_values = {name: value for name, value in values.items() if value != blanks[name]}
        if "location" in values:
            set_values["location"] = {**blanks["location"], **values["location"]}  # type: ignore[dict-item]
        for name in definition.stamps:
            if set_values.get(name):
                set_values |= dict.fromkeys(self._stamps_of(name), stamp)
        # Captured records carry a lastModified that lies a moment before created.
        set_values |= {"created": stamp, "lastModified": campaign_stamp(now - 0.001)}
        secret = self.secret(number)
        if "acsId" in definition.fields and self.switches.acs_id:
            set_values["acsId"] = str(uuid.UUID(bytes=secret[:16], version=4))
        record = Record(number, "@" + _token(secret[16:88]), set_values)
        self.by_number[number] = record
        self.numbers.append(number)
        self._by_pkey[record.pkey] = record
        self._enter(record)
        self._changed(record, any(set_values.get(name) for name in definition.stamps))
        return record

    def update(self, record: Record, values: dict[str, Any]) -> bool:
        """Merge; whether anything changed. CampaignError if the declared key would change or collide."""
        definition = self.definition
        old = record.values
        key = self.key
        if key in values and old.get(key) and values[key] != old[key]:
            raise inconsistent_key(definition, str(old[key]), str(values[key]))
        self._check_unique(values, record)
        stamp = campaign_stamp(self._clock.shown("campaign"))
        changed = {}
        for name, value in values.items():
            before = old.get(name, definition.blanks[name])
            if name == "location":
                value = {**before, **value}
            if value != before:
                changed[name] = value
        if not changed:
            return False
        flags = changed.keys() & definition.stamps.keys()
        for name in flags:
            changed |= dict.fromkeys(self._stamps_of(name), stamp)
        self._leave(record)
        record.values = old | changed | {"lastModified": stamp}
        self._enter(record)
        self._changed(record, bool(flags))
        return True

    def _stamps_of(self, flag: str) -> tuple[str, ...]:
        stamps = self.definition.stamps[flag]
        only = self.switches.all_channels_stamps
        return stamps if len(stamps) < 2 or only == "both" else (only,)

    def _changed(self, record: Record, flags: bool) -> None:
        insort(self._changes, (record.values["lastModified"], record.number))
        if len(self._changes) > 2 * len(self.by_number) + 1000:
            self._changes = [change for change in self._changes if self._is_last(*change)]
        if self.definition.stamps:
            self.unexported[record.number] = flags or self.unexported.get(record.number, False)

    def delete(self, record: Record) -> None:
        self._leave(record)
        del self.by_number[record.number]
        del self.numbers[bisect_left(self.numbers, record.number)]
        del self._by_pkey[record.pkey]
        self.unexported.pop(record.number, None)
        self._gone.add(record.pkey)

    def forget(self, names: set[str]) -> None:
        """The values of these fields are gone: their columns were dropped."""
        for record in self.by_number.values():
            if not names.isdisjoint(record.values):
                self._leave(record)
                record.values = {name: value for name, value in record.values.items() if name not in names}
                self._enter(record)

    def secret(self, number: int) -> bytes:
        """160 bytes that are this record's own, the same for the same seed."""
        return hashlib.shake_128(f"{self._salt}:{number}".encode()).digest(160)

    def collection_token(self, record: Record, secret: bytes) -> str:
        """A collection's token shares its beginning with the record's PKey and is another one all the same."""
        return record.pkey[:40] + _token(secret[120:148] + (record.number ^ self._mask).to_bytes(8))

    def by_collection_token(self, token: str) -> Record:
        """The record of a collection's token, or of its PKey: the address grammar shows both. CampaignError."""
        try:
            number = int.from_bytes(base64.urlsafe_b64decode(token[40:])[-8:]) ^ self._mask
        except ValueError:
            number = 0
        record = self.by_number.get(number)
        if record is not None and self.collection_token(record, self.secret(number)) == token:
            return record
        return self.by_pkey(token)

    def _check_unique(self, values: dict[str, Any], record: Record | None) -> None:
        key = self.key
        if key == "none" or not values.get(key):
            return
        taken = self._index[key].get(str(values[key]))
        if taken and (record is None or set(taken) != {record.number}):
            raise duplicate_key(self.definition, key, str(values[key]))

    def _enter(self, record: Record) -> None:
        for name, index in self._index.items():
            value = record.values.get(name)
            if value:
                index.setdefault(str(value), {})[record.number] = record

    def _leave(self, record: Record) -> None:
        for name, index in self._index.items():
            value = record.values.get(name)
            if value:
                same = index[str(value)]
                del same[record.number]
                if not same:
                    del index[str(value)]


def _token(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
