"""The product's Celery application as storms run it. Celery forks its children from here: all of them are alike.

The rights to read and to write a stream outlive their holder by less than a lease, not by ten seconds: safety does not
rest on them, and so it is seen that it does not. `STORM_WITHOUT` names a guard that is taken away, for storms that must
show violations.
"""

import os
from collections.abc import Callable

from store import rights, scripts
from store.queue_view import QueueView
from store.rights import Right
from store.sealing import AesSeal
from sync import batch_writer, patience
from sync.batch_writer import BatchWriter
from sync.consent import memory
from sync.loading import loader, timing
from workers.app import app

__all__ = ["GUARDS", "app"]

#: How long a right outlives its holder.
RIGHTS_MS = 2000
#: The longest wait before a system in trouble is asked again. Seconds.
LONGEST_WAIT = 2.0
#: How long a request is waited for that was given up: longer than the sandbox holds any.
CARRIED_OUT_WITHIN_MS = 5000

Edits = tuple[tuple[str, str], ...]

#: The two checks by which `settle` believes only who holds a lease that still runs.
_TOKEN: Edits = (
    ("if not ends or tonumber(ends) <= now then return ids end", ""),
    ("if tonumber(holders[i]) ~= mine then", "if redis.call('HEXISTS', records, id) == 0 then"),
)


def _without_deadline() -> None:
    """A writer that has overslept sends what it has: it looks at no clock, and does not heed Redis, which tells it that
    its records are somebody else's when it renews its lease or settles. Whoever heeds that stops within milliseconds,
    so that storms seldom show the missing clock."""
    _replace(BatchWriter, "_allowance", lambda writer: batch_writer.REQUEST_SECONDS)
    for name in ("_renew", "_settle"):
        _replace(BatchWriter, name, _unheeded(getattr(BatchWriter, name)))


def _unheeded(step: Callable[[BatchWriter], None]) -> Callable[[BatchWriter], None]:
    def goes_on(writer: BatchWriter) -> None:
        halt = writer._halt
        step(writer)
        writer._halt = halt

    return goes_on


def _without_gate() -> None:
    """A start does not wait for writers of the run before."""
    _replace(QueueView, "leases_run", lambda queue, now_ms: False)
    _edit("transition", (("if arrow == 'run' then", "if false then"),))


def _without_token() -> None:
    """Whoever says what became of a record is believed."""
    _edit("settle", _TOKEN)


def _without_seal() -> None:
    """Records wait as they are."""
    _replace(AesSeal, "seal", lambda seal, owner, payload: payload)


def _without_hold() -> None:
    """What is in a file for Campaign's import is leased for a second, as if it were a request."""
    _edit(
        "commit_load",
        (("redis.call('ZADD', batches, ARGV[3], ARGV[i])", "redis.call('ZADD', batches, now + 1000, ARGV[i])"),),
    )


def _edit(verb: str, edits: Edits) -> None:
    """Other words in one script. AssertionError if they are not there: then nothing would be proved."""
    whole = scripts.source

    def source(name: str) -> str:
        text = whole(name)
        for old, new in edits if name == verb else ():
            assert text.count(old) == 1, f"{verb} has other words by now: {old}"
            text = text.replace(old, new)
        return text

    _replace(scripts, "source", source)
    source(verb)


def _replace(owner: object, name: str, value: object) -> None:
    """Another value. AssertionError if there is none by this name: then nothing would be proved."""
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, value)


GUARDS: dict[str, Callable[[], None]] = {
    "deadline": _without_deadline,
    "gate": _without_gate,
    "token": _without_token,
    "seal": _without_seal,
    "hold": _without_hold,
}


def _hurry_imports() -> None:
    """What waits for minutes, so that Campaign is not asked too often, waits for seconds."""
    _replace(timing, "STATE_EVERY_MS", 1000)
    _replace(timing, "STOPPED_MS", 1500)
    _replace(timing, "AGAIN_MS", 3000)
    # Longer than anybody may be at a file: a lease, and the seconds in which it is written.
    _replace(timing, "LEFT_MS", 20_000)
    _replace(timing, "TIDY_EVERY_MS", 2000)
    _replace(loader, "PAUSE_MS", 1000)


def _hurry_tries() -> None:
    """A start asks both systems much, and each fault makes it wait: it would take most of a storm."""
    _replace(patience, "LONGEST_WAIT", LONGEST_WAIT)


def _hurry_late_requests() -> None:
    """No request of a storm is carried out minutes after it was given up."""
    _replace(memory, "CARRIED_OUT_WITHIN_MS", CARRIED_OUT_WITHIN_MS)


def _shorten_rights() -> None:
    defaults = Right.__init__.__defaults__
    assert defaults == (rights.TTL_MS,), "the rights of the product have other words by now"
    Right.__init__.__defaults__ = (RIGHTS_MS,)


_shorten_rights()
_hurry_imports()
_hurry_tries()
_hurry_late_requests()
if guard := os.environ.get("STORM_WITHOUT"):
    GUARDS[guard]()
