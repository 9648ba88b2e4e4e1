"""When logs are exported: by the clock, so that every hour is told when it is over."""

import pytest

from config.sftp_connection import LogExport
from store.log_export import Told
from tasks.export_logs import _is_due

HOUR = 3_600_000
#: Half past some hour.
THEN = 500_000 * HOUR + HOUR // 2


@pytest.mark.parametrize(
    ("every_seconds", "passed", "due"),
    [
        (3600, HOUR // 2 - 1, False),
        (3600, HOUR // 2, True),
        (3600, 30 * HOUR, True),
        (60, 59_999, False),
        (60, 60_000, True),
        (86_400, 2 * HOUR, False),
    ],
)
def test_logs_are_exported_whenever_the_clock_has_passed_the_hour(every_seconds: int, passed: int, due: bool) -> None:
    told = Told(1, THEN, {}, {})
    assert _is_due(LogExport(every_seconds=every_seconds), told, THEN + passed) is due


def test_the_first_export_waits_for_nothing() -> None:
    assert _is_due(LogExport(every_seconds=86_400), None, THEN)
