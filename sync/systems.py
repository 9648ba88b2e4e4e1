"""The systems of one configuration, each behind the throttle that all workers share."""

import time

from config.connections import Connections
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.errors import TITLES, System, Throttled
from connectors.journal import Journal
from connectors.sftp import Sftp
from store.store import Store
from store.throttle import Allowance, SharedThrottle, TooLong, within
from sync.turns import EVERY_SECONDS, NoTurn, Turns

#: The longest a request waits for its turn. Longer pauses are waited out on the record queue, within reach of a stop.
PATIENCE_SECONDS = 2.0

#: What Microsoft counts requests and their time by.
WINDOW_SECONDS = 300

#: The most requests under way to the journal, of all workers together. It is read page by page, by one of them.
JOURNALS_TOGETHER = 8


class SystemThrottle:
    """What the store knows of all workers' requests, in the connectors' words: a rate, pauses, and turns."""

    def __init__(self, system: System, throttle: SharedThrottle, turns: Turns) -> None:
        self._system = system
        self._throttle = throttle
        self._turns = turns

    def permit(self, timeout: float) -> None:
        give_up = time.monotonic() + timeout
        try:
            self._turns.enter(timeout)
        except NoTurn:
            raise self._busy(EVERY_SECONDS) from None
        try:
            self._throttle.permit(give_up - time.monotonic(), PATIENCE_SECONDS)
        except BaseException as error:
            self._turns.leave()
            if isinstance(error, TooLong):
                raise self._busy(error.seconds) from None
            raise

    def ended(self, kind: str, size: int, status: int | None, seconds: float) -> None:
        self._turns.leave()
        self._turns.note(kind, size, status, seconds)
        self._throttle.spent(seconds)

    def pause(self, seconds: float) -> None:
        self._turns.note_congestion()
        self._throttle.pause(seconds)

    def _busy(self, seconds: float) -> Throttled:
        return Throttled(
            self._system, f"{TITLES[self._system]} is busy: its turn comes in {seconds:.0f} s", wait=seconds
        )


class Systems:
    """Built once per process and configuration; `close` ends its connections.

    `store`: what all workers share; `refusal_patience`: see `connectors.http.Http`; `goes_first`: whether its requests
    never wait for those of others.
    """

    def __init__(
        self, connections: Connections, store: Store, refusal_patience: float = 0.0, goes_first: bool = False
    ) -> None:
        self.store = store
        dynamics, campaign = connections.dynamics, connections.campaign
        rate = campaign.requests_per_second or 0

        def turns(system: System, together: int, alone: int) -> Turns:
            return Turns(store.shares(system, together, alone).ask)

        self.dynamics = Dynamics(
            dynamics,
            SystemThrottle(
                "dynamics",
                store.throttle(
                    "dynamics",
                    within(dynamics.requests_per_5_minutes, WINDOW_SECONDS),
                    goes_first,
                    within(dynamics.execution_seconds_per_5_minutes, WINDOW_SECONDS),
                ),
                turns("dynamics", dynamics.concurrency_together, dynamics.concurrency),
            ),
            refusal_patience=refusal_patience,
        )
        self.campaign = Campaign(
            campaign,
            SystemThrottle(
                "campaign",
                store.throttle("campaign", Allowance(rate, max(1, int(rate))), goes_first),
                turns("campaign", campaign.concurrency_together, campaign.concurrency),
            ),
            refusal_patience=refusal_patience,
        )

        access, sftp = connections.journal_access, connections.sftp
        self.journal = (
            Journal(
                access,
                SystemThrottle("journal", store.throttle("journal"), turns("journal", JOURNALS_TOGETHER, 1)),
                refusal_patience,
            )
            if access
            else None
        )
        self.sftp = Sftp(sftp) if sftp else None

    def close(self) -> None:
        for system in (self.dynamics, self.campaign, self.journal, self.sftp):
            if system is not None:
                system.close()
