"""Revisions: the numbered, unchanging history of a workflow's configuration. The first is number 1."""

import secrets
from dataclasses import dataclass

import orjson
from redis import Redis

from store.keys import WorkflowKeys
from store.scripts import clock_argument, script


class EditedMeanwhile(Exception):
    """Somebody else saved a revision since you read the configuration; look at it and apply yours again."""


@dataclass(frozen=True, slots=True)
class Revision:
    number: int
    at_ms: int
    by: str
    why: str
    document: str
    origin: str = ""  #: from where it was saved, see `Store.from_origin`


class Revisions:
    def __init__(self, redis: Redis, keys: WorkflowKeys, origin: str = "") -> None:
        self._redis = redis
        self._keys = keys
        self._origin = origin
        self._revise = script(redis, "revise")

    def newest(self) -> int:
        """The newest number, 0 before the first."""
        return int(self._redis.hlen(self._keys.revisions))

    def get(self, number: int) -> Revision | None:
        packed = self._redis.hget(self._keys.revisions, str(number))
        if packed is None:
            return None
        fields = orjson.loads(packed)
        at_ms, origin = int(fields["at"]), fields.get("origin", "")
        return Revision(number, at_ms, fields["by"], fields["why"], fields["document"], origin)

    def all(self, limit: int = 100) -> list[Revision]:
        """The newest first."""
        newest = self.newest()
        found = (self.get(number) for number in range(newest, max(newest - limit, 0), -1))
        return [revision for revision in found if revision]

    def save(self, seen: int, document: str, by: str, why: str, now_ms: int | None = None) -> int:
        """Saves the next revision and answers its number. Raises EditedMeanwhile if `seen` is not the newest."""
        number = int(
            self._revise(
                keys=[self._keys.revisions, self._keys.log],
                args=[clock_argument(now_ms), seen, by, why, document, self._origin, secrets.token_hex(8)],
            )
        )
        if number == -1:
            raise EditedMeanwhile(EditedMeanwhile.__doc__)
        return number
