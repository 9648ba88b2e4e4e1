"""What the systems' answers told last, as families of metrics; only for as long as it is worth anything."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from store.last_told import Figure

SYSTEM, CREDENTIAL = "system", "credential"

#: Limits of Dynamics are about so many seconds: what an older answer says was left has come back since.
BUDGET_SECONDS = 300
#: A clock that was not looked at for so many seconds may have been set.
CLOCK_SECONDS = 86_400


def told_families(figures: Sequence[Figure], now_ms: int) -> Iterator[Metric]:
    requests = GaugeMetricFamily(
        "d365acs_api_budget_remaining_requests",
        "Requests that the server which answered last has left for us within its limit.",
        labels=[SYSTEM],
    )
    seconds = GaugeMetricFamily(
        "d365acs_api_budget_remaining_seconds",
        "Seconds of work that the server which answered last has left for us within its limit.",
        labels=[SYSTEM],
    )
    clock = GaugeMetricFamily(
        "d365acs_clock_skew_seconds", "How far the clock of a system is ahead of ours.", labels=[SYSTEM]
    )
    expiry = GaugeMetricFamily(
        "d365acs_credential_expiry_timestamp_seconds",
        "When a credential ends: the access token that a worker was given last.",
        labels=[SYSTEM, CREDENTIAL],
    )
    for one in figures:
        age = (now_ms - one.at_ms) / 1000
        if one.what == "budget-requests" and age < BUDGET_SECONDS:
            requests.add_metric([one.system], one.value)
        elif one.what == "budget-seconds" and age < BUDGET_SECONDS:
            seconds.add_metric([one.system], one.value)
        elif one.what == "clock" and age < CLOCK_SECONDS:
            clock.add_metric([one.system], one.value)
        elif one.what == "token-ends" and one.value * 1000 > now_ms:
            expiry.add_metric([one.system, "token"], one.value)
    yield from (requests, seconds, clock, expiry)
