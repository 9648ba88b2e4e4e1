"""The Celery application: `celery -A workers.app worker` and `celery -A workers.app beat`.

Celery carries nudges, never records. A nudge may be lost or doubled; rights and leases in the store decide who works.
"""

from typing import Any

from celery import Celery
from kombu.entity import Exchange, Queue

from config.settings import BadSettings, Settings
from store.keys import InstanceKeys
from sync.workflows import NAMES
from workers import processes, registry, schedule, transport


def broker_url(redis_url: str) -> str:
    """Celery's spelling of a Redis address: a Unix socket is redis+socket:// there, and has no user and no password,
    which Celery would tell to everybody who asks a worker how it is. `transport` knows them."""
    scheme, _, rest = redis_url.partition("://")
    return f"redis+socket://{rest[rest.index('/') :]}" if scheme == "unix" else redis_url


def queue_names() -> list[str]:
    """One queue for looking, and two for each workflow, so that worker processes scale each role on its own."""
    return ["control", *(f"{name}.{role}" for name in NAMES for role in ("read", "write"))]


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Each line answers a trap of Celery on Redis."""
    return {
        "broker_url": broker_url(settings.effective_redis_url),
        "broker_transport_options": {
            # The broker's keys stand beside ours under one prefix: an instance can be found and removed whole.
            "global_keyprefix": InstanceKeys(settings.instance).celery,
            # A half-open connection (firewall, failover) otherwise hangs a worker for ever, in a call without timeout.
            "socket_timeout": 8,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 8,
            # Far longer than any task: a message is never handed out again while its task still runs.
            "visibility_timeout": 900,
            # Messages of a killed worker come back in seconds; by default the sweep takes up to 100 s.
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
        },
        # Redis may come up after us, and may be away for longer than the default of 100 tries.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_limit": 4,
        # Acknowledged when done, and given back when a child process is killed; running twice is harmless here.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        # A task has no result that anybody reads; kept ones would fill Redis.
        "task_ignore_result": True,
        "result_backend": None,
        # Whoever can write to Redis can start a task: never also run code of their choice (pickle).
        "task_serializer": "json",
        "accept_content": ["json"],
        # A child that hangs is replaced, its records come back when their lease ends. A slice may end with a page and a
        # request that take their longest.
        "task_time_limit": settings.slice_seconds + 110,
        # Nothing is prefetched: a nudge that waits behind a slice is better taken by a free process.
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        # Whatever may leak is bounded.
        "worker_max_tasks_per_child": 2000,
        "worker_max_memory_per_child": 300_000,  # KiB
        # SIGTERM is a warm shutdown: slices are told at once and end in a second or two, then the worker does. Celery's
        # soft shutdown would sleep for its whole timeout every time, and a cold one cut requests short.
        "worker_soft_shutdown_timeout": 0,
        # Flower sees tasks and workers; sent-events would double the messages for nothing.
        "worker_send_task_events": True,
        "task_send_sent_event": False,
        # Our own log format; see workers.logs.
        "worker_hijack_root_logger": False,
        # Each queue bound to its own name: with the defaults all of them would hang on one key.
        "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in queue_names()],
        "task_default_queue": "control",
        "beat_schedule": schedule.beat_schedule(settings),
        "beat_scheduler": "workers.schedule:TickScheduler",
        "beat_max_loop_interval": 1,
        "timezone": "UTC",
    }


def build_app(settings: Settings) -> Celery:
    transport.use(settings.effective_redis_url)
    app = Celery("d365acs", set_as_current=False)
    app.conf.update(celery_settings(settings))
    app.conf["d365acs_settings"] = settings
    process = processes.Process(settings)
    process.connect_signals()
    registry.register(app, process.runtime)
    return app


try:
    app = build_app(Settings.read())
except BadSettings as error:
    # Celery imports this file: an operator who mistyped a variable wants its name, not a traceback.
    raise SystemExit(str(error)) from None
