"""Logs: one sentence, a stable action code, the workflow and the place. Ids, never field values."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import Processor

from config.settings import environment_variable

#: Celery tells of every message it receives and finishes, several a second: its warnings are enough.
_CHATTY = ("celery.worker.strategy", "celery.app.trace", "celery.beat", "kombu", "urllib3")


def set_up(log_format: str, level: str) -> None:
    """`log_format`: json, console, or auto: for people on a terminal, JSON elsewhere. Everything goes to stderr."""
    people = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _celery_task,
    ]
    colours = sys.stderr.isatty() and not environment_variable("NO_COLOR")
    renderer: Processor = structlog.processors.JSONRenderer()
    if people:
        renderer = structlog.dev.ConsoleRenderer(colors=colours)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _celery_task(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The task's id, where a task is at work."""
    from celery import current_task

    if current_task and current_task.request.id:
        event["task_id"] = current_task.request.id
    return event
