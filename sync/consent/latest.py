"""Who has changed just now: the fast reading of Campaign's profiles.

Each question begins a moment before the last one, and so there is little to read, whatever else goes on: not what may
show late, not everybody, and not what has changed while nobody read. It promises nothing. What it misses is found by
the reading in `sync.consent.polled`, which begins earlier and waits for nobody; so it leaves out what is old, and reads
nothing twice.
"""

from dataclasses import replace

from connectors.campaign_profiles import ROUNDING_MS
from sync.consent.page import ConsentPage
from sync.consent.polled import PolledProfiles, PollPosition

#: Where it has fallen behind, it looks back so far, or as far as changes may show late. Milliseconds.
LEAST_BEHIND_MS = 5_000


class LatestProfiles(PolledProfiles):
    """A `ConsentPart`. As long as Campaign's clock is not known it asks nothing."""

    @property
    def _back_ms(self) -> int:
        # A filter that rounds to whole seconds leaves out no more than that.
        return min(self._overlap_ms, ROUNDING_MS)

    def beginning(self, since_ms: int | None) -> str:
        """The present, whatever the time."""
        return PollPosition(walking=False).dump()

    def fetch(self, position: str, timeout: float, most: int | None = None) -> ConsentPage:
        at = PollPosition.load(position)
        if at.next:
            return super().fetch(position, timeout, most)
        now_ms = self._campaigns_now_ms()
        if now_ms is None:
            return ConsentPage([], position, False, self._wait(), idle=True)
        # Of what has changed while nobody read, and of more than can be read in time, the newest comes first.
        behind_ms = max(self._overlap_ms, LEAST_BEHIND_MS) if at.since_ms else self._back_ms
        since_ms = max(min(at.since_ms, now_ms - self._back_ms), now_ms - behind_ms)
        return super().fetch(replace(at, since_ms=since_ms).dump(), timeout, most)

    def _wait(self) -> float:
        return self._poll.every_seconds

    def _is_read_again(self, at: PollPosition) -> bool:
        return True
