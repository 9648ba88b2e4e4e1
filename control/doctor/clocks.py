"""How far the clocks of Redis and of both systems are from this machine's, as the answers to the doctor tell."""

import math
import time
from collections.abc import Callable, Iterable

from connectors.clocks import Clock, Skew
from control.doctor.checks import Check, Colour
from control.status.consent import SKEW_MS
from store.store import Store

SET_RIGHT = "Have the clock of this machine set right, by NTP."


def clock_check(name: str, clocks: Iterable[Clock], now: float) -> Check | None:
    """`name` of the system; `clocks`: the same one, as several connections saw it; `now`: Unix time in seconds.
    None where nothing has answered."""
    seen = [skew for clock in clocks if (skew := clock.skew(now))]
    if not seen:
        return None
    return judge_clock(name, min(seen, key=lambda skew: skew.within_ms))


def redis_clock_check(store: Store, local_s: Callable[[], float] = time.time) -> Check:
    """All machines share the clock of Redis: so two of which the doctor says nothing are close to each other."""
    asked = local_s()
    now_ms = store.now_ms()
    half = (local_s() - asked) / 2
    skew = Skew(round(now_ms - (asked + half) * 1000), math.ceil(half * 1000))
    remedy = "Have both clocks set right, by NTP: messages from one machine to another expire by the sender's clock."
    return judge_clock("Redis", skew, remedy)


def judge_clock(name: str, skew: Skew, remedy: str = SET_RIGHT) -> Check:
    """`skew`: of the system, ahead of this machine."""
    if abs(skew.ms) > SKEW_MS:
        away, true_to = abs(skew.ms) / 1000, skew.within_ms / 1000
        way = "ahead of" if skew.ms > 0 else "behind"
        return Check(
            f"{name} clock",
            Colour.YELLOW,
            f"It is {away:.0f} s {way} the clock of this machine, true to {true_to:.1f} s.",
            remedy,
        )
    at_most = math.ceil((abs(skew.ms) + skew.within_ms) / 100) / 10
    return Check(f"{name} clock", Colour.GREEN, f"At most {at_most:.1f} s from that of this machine.")
