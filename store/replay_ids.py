"""The ids of the records that a replay is confined to: in parts, each removed once it was read.

16 bytes an id. What is kept and never asked for is forgotten after an hour.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from redis import Redis

#: Ids in one part; Dynamics is asked for a part at once.
PART = 100
#: Ids that one replay may name; of more, whoever names them means the table.
MOST_IDS = 1_000_000
#: How long ids are kept that belong to no request. Seconds.
UNASKED_SECONDS = 3600

_GUID_BYTES = 16
#: Parts that one command brings.
_AT_ONCE = 100


class ReplayIds:
    def __init__(self, redis: Redis, key: str, token: str) -> None:
        self._redis = redis
        self._key = key
        self.token = token

    def keep(self, ids: Iterable[str]) -> int:
        """Keeps ids, guids in lower case, each once. Answers how many; a request must follow within the hour."""
        rest, parts, count = iter(ids), 0, 0
        while some := list(islice(rest, PART * _AT_ONCE)):
            packed = [bytes.fromhex(one.replace("-", "")) for one in some]
            fields: dict[Any, Any] = {
                str(parts + number): b"".join(packed[start : start + PART])
                for number, start in enumerate(range(0, len(packed), PART))
            }
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.hset(self._key, mapping=fields)
            pipeline.expire(self._key, UNASKED_SECONDS)
            pipeline.execute()
            parts, count = parts + len(fields), count + len(some)
        return count

    def parts(self, first: int, many: int) -> list[list[str]]:
        """At most `many` parts from number `first` on, each of PART ids at most; empty once all were read."""
        found = self._redis.hmget(self._key, [str(number) for number in range(first, first + many)])
        return [_ids(packed) for packed in found if isinstance(packed, bytes)]

    def drop_before(self, part: int, many: int) -> None:
        """Removes the `many` parts before this one, which were read."""
        self._redis.hdel(self._key, *(str(number) for number in range(max(0, part - many), part)))

    def drop(self) -> None:
        """Forgets all of them."""
        self._redis.unlink(self._key)


def _ids(packed: bytes) -> list[str]:
    return [_guid(packed[start : start + _GUID_BYTES]) for start in range(0, len(packed), _GUID_BYTES)]


def _guid(raw: bytes) -> str:
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
