"""Loads the Lua verbs: one file in `lua/` for each, `common.lua` in front of every one."""

from functools import cache
from importlib import resources

from redis import Redis
from redis.commands.core import Script


@cache
def source(verb: str) -> str:
    """The text of one verb, ready for the server."""
    folder = resources.files("store") / "lua"
    return (folder / "common.lua").read_text() + (folder / f"{verb}.lua").read_text()


def script(redis: Redis, verb: str) -> Script:
    """The verb as a callable, `verb(keys=[...], args=[...])`; the server is sent the text only if it lacks it."""
    return redis.register_script(source(verb))


def clock_argument(now_ms: int | None) -> str:
    """Tests pass the time; None means the server's own clock."""
    return "" if now_ms is None else str(now_ms)
