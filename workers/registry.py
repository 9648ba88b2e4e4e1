"""Which tasks there are: plain functions from `tasks/`, wrapped here, so that they know no Celery."""

import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import structlog
from celery import Celery, chain
from redis.exceptions import RedisError

from connectors.last_told import TOLD
from connectors.requests_made import MADE
from store.store import Store
from store.trouble import ALERTS, LOGS
from sync.patience import Patience
from tasks.alert import alert
from tasks.export_logs import export_logs
from tasks.read import read
from tasks.runtime import Runtime
from tasks.tick import Nudge, Work, tick
from tasks.watch_schemas import watch_schemas
from tasks.write import write

log = structlog.get_logger()

#: Messages on one queue, beyond which no more are sent: a tick sends a few.
CROWD = 50

#: How long what a tick sends waits to be taken, at least; seconds. The next tick sends more, and what comes late finds
#: the work in other hands. But a worker on a busy machine, which takes ten or twenty messages a second, must come
#: through a crowd before all of it has expired, or it would never come to work. And a message expires by the sender's
#: clock: a worker whose own is further ahead would discard all of them.
EXPIRES = 60.0


def register(app: Celery, runtime: Callable[[], Runtime]) -> None:
    """Registers every task on the app. `runtime` answers this process's runtime."""

    def run_tick(workflow: str) -> None:
        def look() -> None:
            present = runtime()
            work = _look(present, workflow)
            for nudge in work.nudges:
                send(app, nudge, present.settings.tick_seconds, crowded=lambda queue: is_crowded(present.store, queue))
            queue = f"{workflow}.read"
            if work.watch is not None and not is_crowded(present.store, queue):
                arguments = {"workflow": workflow, **asdict(work.watch)}
                watch = app.signature("watch_schemas", kwargs=arguments, immutable=True)
                watch.set(queue=queue, expires=max(EXPIRES, present.settings.tick_seconds)).apply_async()
            if work.alerts and not is_crowded(present.store, queue):
                tell = app.signature("alert", kwargs={"workflow": workflow}, immutable=True)
                tell.set(queue=queue, expires=EXPIRES).apply_async()
            if work.logs and not is_crowded(present.store, queue):
                export = app.signature("export_logs", kwargs={"workflow": workflow}, immutable=True)
                export.set(queue=queue, expires=EXPIRES).apply_async()
            Patience(present.workflow(workflow).troubles, "tick").end()

        shell(runtime, workflow, "tick")(look)

    def run_read(workflow: str, stream: str, generation: int) -> None:
        shell(runtime, workflow, f"{stream}.read")(lambda: read(runtime(), workflow, stream, generation))

    def run_write(workflow: str, stream: str, generation: int, seat: int) -> None:
        shell(runtime, workflow, f"{stream}.write")(lambda: write(runtime(), workflow, stream, generation, seat))

    def run_watch_schemas(workflow: str, generation: int, everything: bool) -> None:
        shell(runtime, workflow, "schemas")(lambda: watch_schemas(runtime(), workflow, generation, everything))

    def run_export_logs(workflow: str) -> None:
        shell(runtime, workflow, LOGS)(lambda: export_logs(runtime(), workflow))

    def run_alert(workflow: str) -> None:
        shell(runtime, workflow, ALERTS)(lambda: alert(runtime(), workflow))

    tasks = {
        "tick": run_tick,
        "read": run_read,
        "write": run_write,
        "watch_schemas": run_watch_schemas,
        "export_logs": run_export_logs,
        "alert": run_alert,
    }
    for name, function in tasks.items():
        app.task(function, name=name, shared=False)  # this app's alone, whatever other apps live in the process


def _look(runtime: Runtime, workflow: str) -> Work:
    # From here on the next tick may be queued; see workers.schedule.
    runtime.store.redis.delete(runtime.store.keys.tick_queued(workflow))
    return tick(runtime, workflow)


def is_crowded(store: Store, queue: str) -> bool:
    """Whether so many messages lie on a queue that nobody seems to serve it. They would pile up without an end."""
    return int(store.redis.llen(f"{store.keys.celery}{queue}")) >= CROWD


def send(app: Celery, nudge: Nudge, tick_seconds: float, crowded: Callable[[str], bool]) -> None:
    """One chain, read then write, and a message for each further writer; nothing to a queue that nobody serves."""
    stream = {"workflow": nudge.workflow, "stream": nudge.stream, "generation": nudge.generation}
    reads, writes = f"{nudge.workflow}.read", f"{nudge.workflow}.write"
    expires = max(EXPIRES, tick_seconds)

    def writer(seat: int) -> Any:
        signature = app.signature("write", kwargs={**stream, "seat": seat}, immutable=True)
        return signature.set(queue=writes, expires=expires)

    steps = []
    if not crowded(reads):
        steps.append(app.signature("read", kwargs=stream, immutable=True).set(queue=reads, expires=expires))
    if not crowded(writes):
        steps.append(writer(0))
        for seat in range(1, nudge.writers):
            writer(seat).apply_async()
    if steps:
        chain(*steps, app=app).apply_async()


def _tell_requests(runtime: Callable[[], Runtime]) -> None:
    """Adds what this process has asked of the systems to what all have asked, and tells what answers said last."""
    if counts := MADE.take():
        store, figures = runtime().store, TOLD.take()
        try:
            # Counts last: told twice they would be wrong, figures would not.
            store.last_told.note(figures, store.now_ms())
            store.requests.add(counts)
        except RedisError:
            TOLD.put_back(figures)
            MADE.put_back(counts)


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
            finally:
                _tell_requests(runtime)
            return None

    return run
