"""How far the clocks of both systems are from this machine's, as the answers to the doctor's questions tell it."""

import math
from collections.abc import Iterable

from connectors.clocks import Clock, Skew
from control.doctor.checks import Check, Colour
from control.status.consent import SKEW_MS


def clock_check(name: str, clocks: Iterable[Clock], now: float) -> Check | None:
    """`name` of the system; `clocks`: the same one, as several connections saw it; `now`: Unix time in seconds.
    None where nothing has answered."""
    seen = [skew for clock in clocks if (skew := clock.skew(now))]
    if not seen:
        return None
    return judge_clock(name, min(seen, key=lambda skew: skew.within_ms))


def judge_clock(name: str, skew: Skew) -> Check:
    """`skew`: of the system, ahead of this machine."""
    if abs(skew.ms) > SKEW_MS:
        away, true_to = abs(skew.ms) / 1000, skew.within_ms / 1000
        way = "ahead of" if skew.ms > 0 else "behind"
        return Check(
            f"{name} clock",
            Colour.YELLOW,
            f"It is {away:.0f} s {way} the clock of this machine, true to {true_to:.1f} s.",
            "Have the clock of this machine set right, by NTP.",
        )
    at_most = math.ceil((abs(skew.ms) + skew.within_ms) / 100) / 10
    return Check(f"{name} clock", Colour.GREEN, f"At most {at_most:.1f} s from that of this machine.")
