"""The start-up checks: what must be true before anything flows."""

from sync.systems import Systems

#: The longest one check may take, in seconds.
CHECK_SECONDS = 10.0


def check_systems(systems: Systems) -> None:
    """Both systems answer, with these credentials. Raises TryAgain or Stop."""
    systems.dynamics.who_am_i(CHECK_SECONDS)
    systems.campaign.ping(CHECK_SECONDS)
