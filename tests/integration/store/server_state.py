"""What the server holds of a stream, read in one step, for comparison."""

from collections.abc import Iterable
from dataclasses import dataclass

from redis import Redis

from store.record_queue import Parent, RecordQueue


@dataclass
class Server:
    """Everything the server holds of the stream, read in one step."""

    records: dict[str, tuple[int, int, str, bytes]]
    ready: list[str]
    replay: dict[str, int]
    delayed: dict[str, int]
    leases: dict[str, int]
    batches: dict[int, int]
    followed: set[str]
    attempts: dict[str, str]
    tried: dict[str, int]
    dead: set[str]
    parked: dict[str, int]
    awaits: dict[str, Parent]
    by_parent: set[tuple[Parent, str]]
    awaited: dict[str, set[str]]  #: parent's id -> the streams of its children
    released: set[tuple[str, Parent]]  #: children's stream, parent
    life: tuple[bytes | None, ...]

    @classmethod
    def read(cls, redis: Redis, queue: RecordQueue) -> "Server":
        keys, pipeline = queue.keys, redis.pipeline()
        pipeline.hgetall(keys.records)
        pipeline.lrange(keys.ready, 0, -1)
        for key in (keys.replay, keys.delayed, keys.leases, keys.batches, keys.tried, keys.parked):
            pipeline.zrange(key, 0, -1, withscores=True)
        pipeline.smembers(keys.followed)
        pipeline.hgetall(keys.attempts)
        pipeline.hkeys(keys.dead)
        pipeline.hgetall(keys.awaits)
        pipeline.zrange(keys.by_parent, 0, -1)
        pipeline.hgetall(keys.awaited)
        pipeline.zrange(keys.workflow.released, 0, -1)
        pipeline.hmget(keys.workflow.lifecycle, ["state", "generation"])
        records, ready, replay, delayed, leases, batches, tried, parked, followed, attempts, dead, *rest = (
            pipeline.execute()
        )
        awaits, by_parent, awaited, released, life = rest
        return cls(
            {record_id.decode(): _fields(record) for record_id, record in records.items()},
            [record_id.decode() for record_id in ready],
            _scores(replay),
            _scores(delayed),
            _scores(leases),
            {int(number): end for number, end in _scores(batches).items()},
            {record_id.decode() for record_id in followed},
            {record_id.decode(): value.decode() for record_id, value in attempts.items()},
            _scores(tried),
            {record_id.decode() for record_id in dead},
            _scores(parked),
            {record_id.decode(): _parent(value.split(b" ", 1)[1]) for record_id, value in awaits.items()},
            {(_parent(entry.split(b"\0")[0]), entry.split(b"\0")[1].decode()) for entry in by_parent},
            {parent.decode(): set(value.decode().split()) for parent, value in awaited.items()},
            {(entry.split(b" ", 1)[0].decode(), _parent(entry.split(b" ", 1)[1])) for entry in released},
            tuple(life),
        )


def _scores(pairs: Iterable[tuple[bytes, float]]) -> dict[str, int]:
    return {record_id.decode(): int(score) for record_id, score in pairs}


def _fields(record: bytes) -> tuple[int, int, str, bytes]:
    version, queued, lane, payload = record.split(b" ", 3)
    return int(version), int(queued), lane.decode(), payload


def _parent(text: bytes) -> Parent:
    stream, parent_id = text.decode().split(" ", 1)
    return Parent(stream, parent_id)
