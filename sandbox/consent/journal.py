"""Who changed which consent flag on which side, in one order: writes through the APIs, and made-up changes."""

from typing import Any


class ConsentJournal:
    """`writes` came through one of the two APIs, `changes` were made up, and so were `profiles` and their ends; all of
    them are numbered by one `seq`.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.writes: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.profiles: list[dict[str, Any]] = []

    def write(
        self,
        side: str,
        method: str,
        id_: object,
        pkey: str | None,
        flags: dict[str, Any],
        changed: list[str],
        stamp: object,
        at: float,
    ) -> None:
        """`id_`: the contact's id, or the profile's externalId; `flags` are those of the request, `changed` those that
        had another value before; `stamp`: modifiedon or lastModified behind it; `at`: sandbox time.
        """
        named = {"side": side, "method": method, "id": id_, "pkey": pkey}
        self.writes.append(self._numbered(named | {"flags": flags, "changed": changed, "stamp": stamp, "at": at}))

    def change(
        self, side: str, id_: str, pkey: str | None, flag: str, value: bool, opted_out: bool, stamp: object, at: float
    ) -> None:
        """`flag`: the column or the flag of that side, and `value` its new value, which means `opted_out`."""
        named = {"side": side, "id": id_, "pkey": pkey, "flag": flag}
        self.changes.append(self._numbered(named | {"value": value, "opted_out": opted_out, "stamp": stamp, "at": at}))

    def profile(self, made: bool, id_: str, pkey: str, flags: dict[str, bool], stamp: object, at: float) -> None:
        """Somebody made a profile, or deleted it; `flags`: those that it had then."""
        named = {"made": made, "id": id_, "pkey": pkey}
        self.profiles.append(self._numbered(named | {"flags": flags, "stamp": stamp, "at": at}))

    def cut(self, length: int) -> None:
        """Forget what came after the first `length` writes: it was taken back."""
        del self.writes[length:]

    def _numbered(self, entry: dict[str, Any]) -> dict[str, Any]:
        self.seq += 1
        return {"seq": self.seq, **entry}
