"""Names that stand in a record again and again, each with a number of its own: the columns of Dynamics."""

from redis import Redis

from store.client import text


class Numbered:
    """A small table in Redis, name by name; one process asks for each of them once. Numbers begin at 1."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def number(self, name: str) -> int:
        """The number of a name, which is given one if it has none; 0 for no name."""
        if name and name not in self._numbers:
            self._read()
        if name and name not in self._numbers:
            # A field without a name counts the others, so that no two processes give the same number.
            self._redis.hsetnx(self._key, name, str(self._redis.hincrby(self._key, "", 1)))
            self._read()
        return self._numbers[name] if name else 0

    def name(self, number: int) -> str:
        """The name that has this number; empty for 0, and for one that nothing is known of."""
        if number and number not in self._names:
            self._read()
        return self._names.get(number, "")

    def _read(self) -> None:
        found = {text(name): int(number) for name, number in self._redis.hgetall(self._key).items()}
        self._numbers = {name: number for name, number in found.items() if name}
        self._names = {number: name for name, number in self._numbers.items()}
