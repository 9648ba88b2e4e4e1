"""How many examples are tried: a few in every run of the tests, FUZZ=100 times as many where somebody has the time."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("FUZZ", "1"))


def examples(quick: int) -> settings:
    """`quick`: so many in a run of all tests, together within seconds."""
    # A busy machine is slow now and then, which is no finding; what hangs meets the time limit of tests.
    unwatched = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(max_examples=quick * TIMES, deadline=None, suppress_health_check=unwatched)
