"""How many requests each process may have under way to a target at once, so that all together stay below a ceiling.

What the target bears is not known beforehand. So there is a limit for all that rises as long as it is used up, soon by
little, and falls by a third when the target shows that it is too much (slow start, additive increase, multiplicative
decrease, as TCP does).
"""

import secrets

from redis import Redis

from store.scripts import clock_argument, script

#: For how long an answer counts, milliseconds. Whoever asks no more in that time leaves its share to the others: it has
#: died, or nothing of it is under way.
VALID_MS = 2000


class Shares:
    """One process's view of one target. Who asks is told from all others by a name of its own."""

    def __init__(self, redis: Redis, key: str, ceiling: int, beginning: int) -> None:
        """`ceiling`: the most for all processes together; `beginning`: the limit as long as nothing is known."""
        self._key = key
        self._who = secrets.token_hex(8)
        self._ceiling = ceiling
        self._beginning = min(beginning, ceiling)
        self._share = script(redis, "share")

    def ask(self, full: bool, congested: bool, under_way: int, now_ms: int | None = None) -> int:
        """How many, for the next `VALID_MS`; 0: none, ask again.

        `full`: whether all of the last share was in use at some time; `congested`: whether the target showed since then
        that it is too much; `under_way`: how many are, which may be more than the answer: then no other has a right to
        them until they have ended.
        """
        return int(
            self._share(
                keys=[self._key],
                args=[
                    clock_argument(now_ms),
                    self._who,
                    self._ceiling,
                    self._beginning,
                    int(full),
                    int(congested),
                    VALID_MS,
                    under_way,
                ],
            )
        )
