"""The product's Celery application, in which no request is waited for that was given up minutes ago."""

from sync.consent import memory
from workers.app import app

__all__ = ["app"]

assert hasattr(memory, "CARRIED_OUT_WITHIN_MS")
#: Longer than the sandbox holds any request in these tests.
memory.CARRIED_OUT_WITHIN_MS = 4000
