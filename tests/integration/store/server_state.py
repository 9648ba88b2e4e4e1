"""What the server holds of a stream, read in one step, for comparison."""

from collections.abc import Iterable
from dataclasses import dataclass

from redis import Redis

from store.record_queue import RecordQueue


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
    life: tuple[bytes | None, ...]

    @classmethod
    def read(cls, redis: Redis, queue: RecordQueue) -> "Server":
        keys, pipeline = queue.keys, redis.pipeline()
        pipeline.hgetall(keys.records)
        pipeline.lrange(keys.ready, 0, -1)
        for key in (keys.replay, keys.delayed, keys.leases, keys.batches, keys.tried):
            pipeline.zrange(key, 0, -1, withscores=True)
        pipeline.smembers(keys.followed)
        pipeline.hgetall(keys.attempts)
        pipeline.hkeys(keys.dead)
        pipeline.hmget(keys.workflow.lifecycle, ["state", "generation"])
        records, ready, replay, delayed, leases, batches, tried, followed, attempts, dead, life = pipeline.execute()
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
            tuple(life),
        )


def _scores(pairs: Iterable[tuple[bytes, float]]) -> dict[str, int]:
    return {record_id.decode(): int(score) for record_id, score in pairs}


def _fields(record: bytes) -> tuple[int, int, str, bytes]:
    version, queued, lane, payload = record.split(b" ", 3)
    return int(version), int(queued), lane.decode(), payload
