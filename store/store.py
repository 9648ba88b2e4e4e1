"""The store of one instance: the door to everything remembered."""

from redis import Redis

from store.client import server_time_ms, text
from store.cursors import Cursor, read_cursor
from store.heartbeats import Heartbeats
from store.keys import InstanceKeys, WorkflowKeys
from store.lifecycle import Lifecycle
from store.record_queue import RecordQueue
from store.revisions import Revisions
from store.rights import Right
from store.sealing import NoSeal, PayloadSeal
from store.statistics import Statistics, read_statistics, trim_pulse
from store.throttle import SharedThrottle
from store.trouble import Troubles


class Store:
    def __init__(self, redis: Redis, instance: str, seal: PayloadSeal | None = None, high_water: int = 100_000) -> None:
        self.redis = redis
        self.keys = InstanceKeys(instance)
        self.heartbeats = Heartbeats(redis, self.keys)
        self._seal = seal or NoSeal()
        self._high_water = high_water

    def workflow(self, name: str) -> "WorkflowStore":
        return WorkflowStore(self.redis, self.keys.workflow(name), self._seal, self._high_water)

    def throttle(self, target: str, requests_per_second: float = 0, burst: int = 100) -> SharedThrottle:
        return SharedThrottle(self.redis, self.keys.throttle(target), requests_per_second, burst)

    def now_ms(self) -> int:
        """The server's clock, the one that every process shares."""
        return server_time_ms(self.redis)


class WorkflowStore:
    def __init__(self, redis: Redis, keys: WorkflowKeys, seal: PayloadSeal, high_water: int) -> None:
        self._redis = redis
        self._seal = seal
        self._high_water = high_water
        self.keys = keys
        self.name = keys.workflow
        self.lifecycle = Lifecycle(redis, keys)
        self.revisions = Revisions(redis, keys)
        self.troubles = Troubles(redis, keys)

    def queue(self, stream: str) -> RecordQueue:
        return RecordQueue(self._redis, self.keys.stream(stream), self._seal, self._high_water)

    def cursor(self, stream: str) -> Cursor:
        return read_cursor(self._redis, self.keys.stream(stream))

    def statistics(self, stream: str, now_ms: int) -> Statistics:
        return read_statistics(self._redis, self.keys.stream(stream), now_ms)

    def trim(self, stream: str, now_ms: int) -> None:
        trim_pulse(self._redis, self.keys.stream(stream), now_ms)

    def reading_right(self, stream: str) -> Right:
        """One reader per stream at a time."""
        return Right(self._redis, self.keys.stream(stream).reading)

    def writing_right(self, stream: str, seat: int) -> Right:
        """One writer per seat; how many seats there are follows from how many worker processes are alive."""
        return Right(self._redis, self.keys.stream(stream).writing(seat))

    def starting_right(self) -> Right:
        """One run of the start-up checks at a time."""
        return Right(self._redis, self.keys.starting)

    def keep_schemas(self, generation: int, packed: bytes) -> None:
        """What was learnt of both systems at the start of a generation."""
        self._redis.hset(self.keys.schemas, mapping={"generation": str(generation), "schemas": packed})

    def schemas(self, generation: int) -> bytes | None:
        """None if this generation has learnt nothing, or is over."""
        kept, packed = self._redis.hmget(self.keys.schemas, ["generation", "schemas"])
        return packed if isinstance(packed, bytes) and text(kept) == str(generation) else None

    def now_ms(self) -> int:
        """The server's clock, the one that every process shares."""
        return server_time_ms(self._redis)

    def note_tick(self, now_ms: int) -> int | None:
        """A worker has answered a tick: the proof that beat and workers are alive together.

        Answers when the one before was answered, None if there was none.
        """
        before = self._redis.set(self.keys.ticked, now_ms, get=True)
        return int(before) if before else None

    def ticked_ms(self) -> int | None:
        raw = self._redis.get(self.keys.ticked)
        return int(raw) if raw else None
