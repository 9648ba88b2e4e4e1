"""The store of one instance: the door to everything remembered."""

from typing import NamedTuple

from redis import Redis

from store.acknowledgement import Acknowledgements
from store.acts import Acts
from store.alerts import Alerts
from store.client import server_time_ms
from store.consent import ConsentStore
from store.cursors import Cursor, Placing, read_cursor
from store.engine_calls import EngineCalls
from store.files import Files
from store.freshness import Freshness
from store.heartbeats import Heartbeats
from store.holds import Holds
from store.keys import InstanceKeys, WorkflowKeys
from store.last_told import LastTold
from store.lifecycle import Lifecycle
from store.loads import Loads
from store.log_export import LogLines
from store.marks import Marks
from store.outcome_log import OutcomeLog
from store.pages import Pages
from store.places import Places
from store.record_queue import RecordQueue
from store.replays import Replays
from store.requests import Requests
from store.resealing import Resealer
from store.revisions import Revisions
from store.rights import Right
from store.samples import Samples
from store.sealing import NoSeal, PayloadSeal
from store.shares import Shares
from store.statistics import Statistics, read_statistics, settled_since, trim_pulse
from store.throttle import NO_LIMIT, Allowance, SharedThrottle
from store.trouble import Troubles


class Settling(NamedTuple):
    """How far what was read of a stream has reached its end; all in ms since 1970, 0 where nothing was noted yet."""

    settled_ms: int = 0  #: everything that had happened by then has been read and is settled
    read_ms: int = 0  #: everything that had happened by then has been read...
    noted_ms: int = 0  #: ...and was on the queue by this time: it is settled when nothing queued until then waits


#: Of a burst of requests one part in so many is left to whoever goes first.
LEFT_PART = 5


class Store:
    def __init__(
        self,
        redis: Redis,
        instance: str,
        seal: PayloadSeal | None = None,
        high_water: int = 100_000,
        origin: str = "",
    ) -> None:
        """`origin`: from where people act through it, see `from_origin`; empty for the workers."""
        self.redis = redis
        self.origin = origin
        self.keys = InstanceKeys(instance)
        self.heartbeats = Heartbeats(redis, self.keys)
        self.privacy = Acknowledgements(redis, self.keys)
        self.requests = Requests(redis, self.keys)
        self.last_told = LastTold(redis, self.keys)
        self._seal = seal or NoSeal()
        self._high_water = high_water

    def from_origin(self, origin: str) -> "Store":
        """The same store; what is done through it stands in the history as done from there, such as anna@build7 or
        192.0.2.7."""
        return Store(self.redis, self.keys.instance, self._seal, self._high_water, origin)

    def workflow(self, name: str) -> "WorkflowStore":
        return WorkflowStore(self.redis, self.keys.workflow(name), self._seal, self._high_water, self.origin)

    def throttle(
        self,
        target: str,
        requests: Allowance = NO_LIMIT,
        goes_first: bool = True,
        busy: Allowance = NO_LIMIT,
    ) -> SharedThrottle:
        """`goes_first`: whether the last fifth of the requests at once may be taken, too; the others leave it to those
        who may. `busy`: see `SharedThrottle`."""
        left = 0 if goes_first else int(requests.at_once) // LEFT_PART
        return SharedThrottle(self.redis, self.keys.throttle(target), requests, left=left, busy=busy)

    def shares(self, target: str, ceiling: int, beginning: int) -> Shares:
        """See `Shares`."""
        return Shares(self.redis, self.keys.shares(target), ceiling, beginning)

    def now_ms(self) -> int:
        """The server's clock, the one that every process shares."""
        return server_time_ms(self.redis)


class WorkflowStore:
    def __init__(self, redis: Redis, keys: WorkflowKeys, seal: PayloadSeal, high_water: int, origin: str = "") -> None:
        self._redis = redis
        self._origin = origin
        self._seal = seal
        self._high_water = high_water
        self.keys = keys
        self.instance = keys.instance
        self.name = keys.workflow
        self.lifecycle = Lifecycle(redis, keys, origin)
        self.acts = Acts(redis, keys, origin)
        self.revisions = Revisions(redis, keys, origin)
        self.troubles = Troubles(redis, keys)
        self.replays = Replays(redis, keys, origin)
        self.holds = Holds(redis, keys)
        self.engine_calls = EngineCalls(redis, keys)
        self.samples = Samples(redis, keys)
        self.consent = ConsentStore(redis, keys, seal)
        self.resealer = Resealer(redis, keys, seal)
        self.log_lines = LogLines(redis, keys)
        self.alerts = Alerts(redis, keys)

    def queue(self, stream: str) -> RecordQueue:
        return RecordQueue(self._redis, self.keys.stream(stream), self._seal, self._high_water)

    def loads(self, stream: str) -> Loads:
        """The load of a stream that is under way, and what is known of those before."""
        return Loads(self._redis, self.keys.stream(stream))

    def files(self, stream: str) -> Files:
        """What a stream remembers of the files that it reads."""
        return Files(self._redis, self.keys.stream(stream))

    def pages(self, stream: str) -> Pages:
        """What is known of pages that were read lately."""
        return Pages(self._redis, self.keys.stream(stream))

    def freshness(self, stream: str) -> Freshness:
        """How long changes of a stream took to arrive."""
        return Freshness(self._redis, self.keys.stream(stream))

    def outcomes(self, stream: str) -> OutcomeLog:
        """What became of records of a stream lately."""
        return OutcomeLog(self._redis, self.keys.stream(stream))

    def digest(self, value: bytes) -> int:
        """What may stand in a cursor in place of a value that is sealed elsewhere; see `PayloadSeal`."""
        return self._seal.digest(value)

    def cursor(self, stream: str) -> Cursor:
        return read_cursor(self._redis, self.keys.stream(stream))

    def placing(self, stream: str) -> Placing:
        """Another cursor in place of that one, while the workflow does not run."""
        return Placing(self._redis, self.keys.stream(stream), self._origin)

    def statistics(self, stream: str, now_ms: int) -> Statistics:
        return read_statistics(self._redis, self.keys.stream(stream), now_ms)

    def settled_since(self, stream: str, since_ms: int) -> bool:
        """Whether records of the stream have reached their end since then."""
        return settled_since(self._redis, self.keys.stream(stream), since_ms)

    def returned_ms(self, stream: str) -> int:
        """When records of the stream last came back to wait that are older than their wait: dead letters that were
        retried, or records whose parent has come; 0: never."""
        return int(self._redis.get(self.keys.stream(stream).returned) or 0)

    def trim(self, stream: str, now_ms: int) -> None:
        """Drops counts and pages that are too old to be of use."""
        trim_pulse(self._redis, self.keys.stream(stream), now_ms)
        self.pages(stream).trim(now_ms)
        self.freshness(stream).trim(now_ms)

    def reading_right(self, stream: str) -> Right:
        """One reader per stream at a time."""
        return Right(self._redis, self.keys.stream(stream).reading)

    def writing_right(self, stream: str, seat: int) -> Right:
        """One writer per seat; how many seats there are follows from how many worker processes are alive."""
        return Right(self._redis, self.keys.stream(stream).writing(seat))

    def starting_right(self) -> Right:
        """One run of the start-up checks at a time."""
        return Right(self._redis, self.keys.starting)

    def schemas_right(self) -> Right:
        """One comparison of the schemas at a time."""
        return Right(self._redis, self.keys.comparing_schemas)

    def exporting_right(self) -> Right:
        """One export of logs at a time."""
        return Right(self._redis, self.keys.exporting_logs)

    def alerting_right(self) -> Right:
        """One look at what is to be told, and one sender, at a time."""
        return Right(self._redis, self.keys.alerting)

    def note_caught_up(self, stream: str, at_ms: int) -> None:
        """Everything that had happened to the stream's records by then has been read."""
        self._redis.set(self.keys.stream(stream).caught_up, at_ms)

    def caught_up_ms(self, stream: str) -> int | None:
        raw = self._redis.get(self.keys.stream(stream).caught_up)
        return int(raw) if raw else None

    def note_settling(self, stream: str, settling: Settling) -> None:
        settled_ms, read_ms, noted_ms = settling
        self._redis.hset(
            self.keys.stream(stream).settling,
            mapping={"settled_ms": settled_ms, "read_ms": read_ms, "noted_ms": noted_ms},
        )

    def settling(self, stream: str) -> Settling:
        raw = self._redis.hmget(self.keys.stream(stream).settling, list(Settling._fields))
        return Settling(*(int(value or 0) for value in raw))

    def note_hindered(self, stream: str, at_ms: int) -> None:
        """By then, deletions of the stream waited for children that nobody could read or write."""
        self._redis.set(self.keys.stream(stream).hindered, at_ms)

    def hindered_ms(self, stream: str) -> int:
        """The last time of that; 0: never."""
        return int(self._redis.get(self.keys.stream(stream).hindered) or 0)

    def leaving(self, stream: str) -> Marks:
        """Records that are about to leave the target although the source has them, or are back, as long as some of
        their children may have left and were not told to follow."""
        return Marks(self._redis, self.keys.stream(stream).leaving)

    def following(self, stream: str) -> Places:
        """Records that leave or are back: how far their children have been told."""
        return Places(self._redis, self.keys.stream(stream).following)

    def repeats(self, stream: str) -> Marks:
        """Records that are replayed: whatever of them is written next is written even if nothing differs."""
        return Marks(self._redis, self.keys.stream(stream).repeats)

    def keep_schemas(self, generation: int, packed: bytes) -> None:
        """What was learnt of both systems in a generation; what earlier ones have learnt is forgotten."""
        pipeline = self._redis.pipeline()
        pipeline.hset(self.keys.schemas, f"{generation}:schemas", packed)
        pipeline.hincrby(self.keys.schemas, f"{generation}:version", 1)
        pipeline.hkeys(self.keys.schemas)
        self._forget_schemas_before(generation, pipeline.execute()[-1])

    def _forget_schemas_before(self, generation: int, fields: list[bytes]) -> None:
        over = [field for field in fields if _generation_of(field) < generation]
        if over:
            self._redis.hdel(self.keys.schemas, *over)

    def keep_first_schemas(self, generation: int, packed: bytes) -> bytes:
        """As `keep_schemas`, but what the generation knows already stays. Answers what it knows then."""
        pipeline = self._redis.pipeline()
        pipeline.hsetnx(self.keys.schemas, f"{generation}:schemas", packed)
        pipeline.hsetnx(self.keys.schemas, f"{generation}:version", 1)
        pipeline.hkeys(self.keys.schemas)
        self._forget_schemas_before(generation, pipeline.execute()[-1])
        return self.schemas(generation) or packed

    def schemas(self, generation: int) -> bytes | None:
        """None if this generation has learnt nothing, or is over."""
        packed = self._redis.hget(self.keys.schemas, f"{generation}:schemas")
        return packed if isinstance(packed, bytes) else None

    def schemas_version(self, generation: int) -> int:
        """Rises with everything that a generation learns; 0 before the first. Cheaper than to ask for the schemas."""
        return int(self._redis.hget(self.keys.schemas, f"{generation}:version") or 0)

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


def _generation_of(field: bytes) -> int:
    """Of a field of `schemas`; 0 for what was kept before fields named their generation."""
    generation = field.partition(b":")[0]
    return int(generation) if generation.isdigit() else 0
