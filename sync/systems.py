"""The systems of one configuration, each behind the throttle that all workers share."""

from config.connections import Connections
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.errors import TITLES, System, Throttled
from connectors.journal import Journal
from connectors.sftp import Sftp
from store.store import Store
from store.throttle import SharedThrottle, TooLong

#: The longest a request waits for its turn. Longer pauses are waited out on the record queue, within reach of a stop.
PATIENCE_SECONDS = 2.0


class SystemThrottle:
    """The store's throttle in the connectors' words."""

    def __init__(self, system: System, throttle: SharedThrottle) -> None:
        self._system = system
        self._throttle = throttle

    def permit(self, timeout: float) -> None:
        try:
            self._throttle.permit(timeout, PATIENCE_SECONDS)
        except TooLong as pause:
            raise Throttled(
                self._system,
                f"{TITLES[self._system]} is busy: its turn comes in {pause.seconds:.0f} s",
                wait=pause.seconds,
            ) from None

    def pause(self, seconds: float) -> None:
        self._throttle.pause(seconds)


class Systems:
    """Built once per process and configuration; `close` ends its connections.

    `refusal_patience`: see `connectors.http.Http`; `goes_first`: whether its requests never wait for those of others.
    """

    def __init__(
        self, connections: Connections, store: Store, refusal_patience: float = 0.0, goes_first: bool = False
    ) -> None:
        dynamics, campaign = connections.dynamics, connections.campaign
        rate = campaign.requests_per_second or 0
        self.dynamics = Dynamics(
            dynamics,
            # A tenth of the window at once, the rest evenly: bursts stay far from the limit per five minutes.
            SystemThrottle(
                "dynamics",
                store.throttle(
                    "dynamics",
                    dynamics.requests_per_5_minutes / 300,
                    burst=dynamics.requests_per_5_minutes // 10 or 1,
                    goes_first=goes_first,
                ),
            ),
            refusal_patience=refusal_patience,
        )
        self.campaign = Campaign(
            campaign,
            SystemThrottle("campaign", store.throttle("campaign", rate, max(1, int(rate)), goes_first)),
            refusal_patience=refusal_patience,
        )

        access, sftp = connections.journal_access, connections.sftp
        self.journal = (
            Journal(access, SystemThrottle("journal", store.throttle("journal")), refusal_patience) if access else None
        )
        self.sftp = Sftp(sftp) if sftp else None

    def close(self) -> None:
        for system in (self.dynamics, self.campaign, self.journal, self.sftp):
            if system is not None:
                system.close()
