"""What others do to Redis between two of somebody's questions."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis


def beside_asking(
    monkeypatch: pytest.MonkeyPatch, redis: Redis, key: str, meanwhile: Callable[[], object], after: bool = False
) -> Callable[[], bool]:
    """Before the next single command, or script, of this client that names the key, or right after its answer, this
    happens. Answers whether it has happened so far.

    What is sent in a pipeline is not looked at: whoever asks in several steps, the first of them a pipeline, finds that
    it has happened in between.
    """
    execute: Callable[..., Any] = redis.execute_command
    done: list[str] = []

    def late(*args: Any, **options: Any) -> Any:
        if key not in args or done:
            return execute(*args, **options)
        done.append(key)
        if after:
            answer = execute(*args, **options)
            meanwhile()
            return answer
        meanwhile()
        return execute(*args, **options)

    monkeypatch.setattr(redis, "execute_command", late)
    return lambda: bool(done)
