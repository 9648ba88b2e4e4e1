"""How long what was rehearsed would take."""

import time

from control.live_streams import Live
from control.rehearsal.counting import Estimate, Tally

#: Seconds that the one question may take by which the speed of Campaign is measured.
_ASK_SECONDS = 20.0


def estimate(live: Live, tallies: list[Tally], rate: float | None = None) -> Estimate | None:
    """By the configured rate; without one, by how long one small question to Campaign takes; by `rate`, records a
    second, if that takes longer. Raises ConnectorError."""
    requests = sum(tally.requests for tally in tallies)
    if not requests:
        return None
    found = _of_campaign(live, requests)
    held_back = sum(tally.fates.total() for tally in tallies) / rate if rate else 0.0
    return Estimate(held_back, f"{rate:g} records a second") if held_back > found.seconds else found


def _of_campaign(live: Live, requests: int) -> Estimate:
    campaign = live.use.document.connections.campaign
    if campaign.requests_per_second:
        rate = campaign.requests_per_second
        return Estimate(requests / rate, f"the {rate:g} requests a second of connections.campaign.requests_per_second")
    began = time.monotonic()
    live.systems.campaign.ping(_ASK_SECONDS)
    taken = max(0.001, time.monotonic() - began)
    return Estimate(
        requests * taken / campaign.concurrency,
        f"{campaign.concurrency} requests at once, of {taken * 1000:,.0f} ms each, as one look took",
    )
