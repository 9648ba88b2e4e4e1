"""Which tasks there are: plain functions from `tasks/`, wrapped here, so that they know no Celery."""

import traceback
from collections.abc import Callable
from typing import Any

import structlog
from celery import Celery, chain
from redis.exceptions import RedisError

from sync.patience import Patience
from tasks.read import read
from tasks.runtime import Runtime
from tasks.tick import Nudge, tick
from tasks.write import write

log = structlog.get_logger()


def register(app: Celery, runtime: Callable[[], Runtime]) -> None:
    """Registers tick, read and write on the app. `runtime` answers this process's runtime."""

    def run_tick(workflow: str) -> None:
        with_care = shell(runtime, workflow, "start")
        for nudge in with_care(lambda: _look(runtime(), workflow)) or []:
            send(app, nudge, runtime().settings.tick_seconds)

    def run_read(workflow: str, stream: str, generation: int) -> None:
        shell(runtime, workflow, f"{stream}.read")(lambda: read(runtime(), workflow, stream, generation))

    def run_write(workflow: str, stream: str, generation: int, seat: int) -> None:
        shell(runtime, workflow, f"{stream}.write")(lambda: write(runtime(), workflow, stream, generation, seat))

    for name, function in (("tick", run_tick), ("read", run_read), ("write", run_write)):
        app.task(function, name=name, shared=False)  # this app's alone, whatever other apps live in the process


def _look(runtime: Runtime, workflow: str) -> list[Nudge]:
    # From here on the next tick may be queued; see workers.schedule.
    runtime.store.redis.delete(runtime.store.keys.tick_queued(workflow))
    return tick(runtime, workflow)


def send(app: Celery, nudge: Nudge, tick_seconds: float) -> None:
    """One chain, read then write, and a message for each further writer."""
    stream = {"workflow": nudge.workflow, "stream": nudge.stream, "generation": nudge.generation}
    # A nudge that nobody took before the next tick has been replaced by that tick's.
    expires = max(1.0, tick_seconds)

    def writer(seat: int) -> Any:
        signature = app.signature("write", kwargs={**stream, "seat": seat}, immutable=True)
        return signature.set(queue=f"{nudge.workflow}.write", expires=expires)

    reader = app.signature("read", kwargs=stream, immutable=True)
    reader.set(queue=f"{nudge.workflow}.read", expires=expires)
    chain(reader, writer(0), app=app).apply_async()
    for seat in range(1, nudge.writers):
        writer(seat).apply_async()


def shell(runtime: Callable[[], Runtime], workflow: str, where: str) -> Callable[[Callable[[], Any]], Any]:
    """Runs a task's body in its log context. Nothing escapes: a task that fails is tried again by the next tick."""

    def run(body: Callable[[], Any]) -> Any:
        with structlog.contextvars.bound_contextvars(workflow=workflow, where=where):
            try:
                return body()
            except RedisError as error:
                log.warning("Redis does not answer.", action="redis_silent", kind=type(error).__name__)
            except Exception as error:
                # The error's own text may hold values of a record; where it happened does not.
                where_it_was = "".join(traceback.format_tb(error.__traceback__))
                kind = type(error).__name__
                log.error("A task failed in a way nobody foresaw.", action="unforeseen", kind=kind, trace=where_it_was)
                sentence = f"A task failed in a way nobody foresaw ({kind}); the worker's log has the place."
                Patience(runtime().workflow(workflow).troubles, where).note(sentence, None)
            return None

    return run
