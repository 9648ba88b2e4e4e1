"""The server that remembers everything: does it answer quickly, is it new enough, does it keep what it is given."""

import time
from collections.abc import Iterator
from typing import Any

from config.settings import Settings
from control.doctor.checks import Check, Colour
from control.doctor.clocks import redis_clock_check
from control.opening import address
from store.store import Store

#: The oldest Redis that Celery's transport and our scripts work with.
OLDEST_REDIS = (6, 2)

#: Milliseconds of one round trip above which Redis slows everything down.
SLOW_MS = 10.0
PINGS = 20

#: The share of memory above which it is time to act.
MUCH_MEMORY = 0.8


def redis_checks(store: Store, settings: Settings) -> Iterator[Check]:
    """The server itself: does it answer quickly, is its clock ours, is it new enough, does it keep what it is given."""
    millis = latency_ms(store)
    where = address(settings)
    if millis > SLOW_MS:
        yield Check(
            "Redis",
            Colour.YELLOW,
            f"{where} answers in {millis:.1f} ms.",
            "Move Redis nearer to the workers, or find what keeps it busy: redis-cli --latency",
        )
    else:
        yield Check("Redis", Colour.GREEN, f"{where} answers in {millis:.1f} ms.")
    yield redis_clock_check(store)
    info: dict[str, Any] = store.redis.info()
    yield version_check(info)
    yield persistence_check(info)
    yield policy_check(info)
    yield memory_check(info)


def latency_ms(store: Store) -> float:
    """The median round trip."""
    trips = []
    for _ in range(PINGS):
        began = time.perf_counter()
        store.redis.ping()
        trips.append((time.perf_counter() - began) * 1000)
    return sorted(trips)[PINGS // 2]


def version_check(info: dict[str, Any]) -> Check:
    version = str(info.get("redis_version", "0"))
    product = "Valkey" if "valkey_version" in info else "Redis"
    shown = f"{product} {info.get('valkey_version', version)}"
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        oldest = ".".join(map(str, OLDEST_REDIS))
        return Check("Redis version", Colour.RED, f"{shown} is too old.", f"Use Redis {oldest} or newer, or Valkey.")
    return Check("Redis version", Colour.GREEN, f"{shown}.")


def persistence_check(info: dict[str, Any]) -> Check:
    name = "Redis persistence"
    if not info.get("aof_enabled"):
        return Check(
            name,
            Colour.RED,
            "The append-only file is off: a crash of Redis loses queued records and the reading position.",
            "Set appendonly yes and appendfsync everysec on the server.",
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        return Check(
            name, Colour.RED, "The last write of the append-only file failed.", "Look at the server's log and disk."
        )
    return Check(name, Colour.GREEN, "The append-only file is on.")


def policy_check(info: dict[str, Any]) -> Check:
    policy = str(info.get("maxmemory_policy", "unknown"))
    if policy != "noeviction":
        return Check(
            "Redis eviction",
            Colour.RED,
            f"maxmemory-policy is {policy}: when memory runs short, queued records disappear.",
            "Set maxmemory-policy noeviction on the server.",
        )
    return Check("Redis eviction", Colour.GREEN, "Nothing is ever evicted (noeviction).")


def memory_check(info: dict[str, Any]) -> Check:
    used = int(info.get("used_memory", 0))
    limit = int(info.get("maxmemory", 0)) or int(info.get("total_system_memory", 0))
    of = "its limit" if info.get("maxmemory") else "the machine's memory"
    if not limit:
        return Check("Redis memory", Colour.GREEN, f"{_mib(used)} used.")
    finding = f"{_mib(used)} used, {used / limit:.0%} of {of} ({_mib(limit)})."
    if used / limit > MUCH_MEMORY:
        return Check(
            "Redis memory",
            Colour.YELLOW,
            finding,
            "Raise maxmemory, or lower D365ACS_HIGH_WATER so that less waits on the queue.",
        )
    return Check("Redis memory", Colour.GREEN, finding)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
