"""The rule about consent: what each system says and since when -> whether the contact has opted out, and who says so.

Campaign keeps a time for each flag, Dynamics one for the whole record, in whole seconds: so times are compared in whole
seconds. What is not told could be anything. Where every possibility leads to the same answer, that is the answer; where
it does not, the case is in doubt: opted out wins if either system says so, and nothing is decided if neither does. That
a contact has not opted out is decided only where both systems tell their values, or where one system alone decides.

A flag of Campaign that is not set and that nobody ever touched says nothing: every new profile has it. Nobody is opted
in by it, where Campaign alone decides, too.
"""

import math
from enum import StrEnum
from typing import NamedTuple

from config.consent_flags import Policy

#: The time of a flag that Campaign says has never changed: it lies before every change.
NEVER_MS = 0


class Seen(NamedTuple):
    """What one system says of one flag. Times are ms since 1970.

    A time may be known in part: with `after_ms`, the change came after that moment, and not after `at_ms`.
    """

    opted_out: bool | None  #: None: not told
    at_ms: int | None  #: when that changed last; None: not told
    after_ms: int | None = None  #: None: the change came in the very second of `at_ms`, or it is not known of any


class Winner(StrEnum):
    DYNAMICS = "dynamics"
    CAMPAIGN = "campaign"
    BOTH = "both"  # they agree
    NEITHER = "neither"  # nothing is decided


class Rule(StrEnum):
    """Why it was decided so. The words are kept for years: they never change."""

    EQUAL = "equal"
    CAMPAIGN_NEWER = "campaign-newer"
    DYNAMICS_NEWER = "dynamics-newer"
    OPTED_OUT_WINS = "opted-out-wins"
    MOST_RESTRICTIVE = "most-restrictive"
    SYSTEM_WINS = "system-wins"
    ONE_WAY = "one-way"
    UNTOUCHED = "untouched"
    IN_DOUBT = "in-doubt"
    HELD = "held"


class Ruling(NamedTuple):
    opted_out: bool | None  #: None: nothing is decided, and nothing may be written
    winner: Winner
    rule: Rule
    doubtful: bool  #: whether what is not told could have led elsewhere


class Order(StrEnum):
    """Which change is the later one, in whole seconds."""

    CAMPAIGN = "campaign"
    DYNAMICS = "dynamics"
    SAME = "same"


def decide(policy: Policy, dynamics: Seen, campaign: Seen) -> Ruling:
    """Between two systems that are both written to.

    documented        Campaign's value if its change is later; else opted out if either says so
    most_restrictive  opted out if either says so
    newest            the value that changed later; in the same second, opted out if either says so
    dynamics          Dynamics' value
    campaign          Campaign's value, unless nobody ever touched it
    """
    if dynamics.opted_out is not None and dynamics.opted_out is campaign.opted_out:
        return Ruling(dynamics.opted_out, Winner.BOTH, Rule.EQUAL, False)
    if policy == "dynamics":
        return _alone(dynamics, Winner.DYNAMICS, Rule.SYSTEM_WINS)
    if policy == "campaign":
        return _campaign_alone(dynamics, campaign, Rule.SYSTEM_WINS)
    orders = possible_orders(dynamics, campaign)
    answers = {
        _answer(policy, in_dynamics, in_campaign, order)
        for in_dynamics in _possible(dynamics)
        for in_campaign in _possible(campaign)
        for order in orders
    }
    if len(answers) > 1 or (answers == {False} and None in (dynamics.opted_out, campaign.opted_out)):
        return _doubt(dynamics, campaign)
    [answer] = answers
    if policy == "most_restrictive":
        return Ruling(answer, _who(dynamics, campaign, answer), Rule.MOST_RESTRICTIVE, False)
    if orders == {Order.CAMPAIGN}:
        return Ruling(answer, Winner.CAMPAIGN, Rule.CAMPAIGN_NEWER, False)
    if orders == {Order.DYNAMICS} and policy == "newest":
        return Ruling(answer, Winner.DYNAMICS, Rule.DYNAMICS_NEWER, False)
    return Ruling(answer, _who(dynamics, campaign, answer), Rule.OPTED_OUT_WINS, False)


def one_way(dynamics: Seen, campaign: Seen) -> Ruling:
    """Where consent travels from Campaign to Dynamics only: Campaign's value, whenever somebody gave it."""
    if campaign.opted_out is not None and dynamics.opted_out is campaign.opted_out:
        return Ruling(campaign.opted_out, Winner.BOTH, Rule.EQUAL, False)
    return _campaign_alone(dynamics, campaign, Rule.ONE_WAY)


def possible_orders(dynamics: Seen, campaign: Seen) -> set[Order]:
    """Which of the two changes may be the later one; one order only, if that is known."""
    first_d, last_d = _seconds(dynamics)
    first_c, last_c = _seconds(campaign)
    found: set[Order] = set()
    if last_c > first_d:
        found.add(Order.CAMPAIGN)
    if last_d > first_c:
        found.add(Order.DYNAMICS)
    if first_c <= last_d and first_d <= last_c:
        found.add(Order.SAME)
    return found


def latest_ms(seen: Seen) -> int | None:
    """The last moment at which it can have changed; None: not told."""
    return None if seen.at_ms is None else seen.at_ms // 1000 * 1000 + 999


def earliest_ms(seen: Seen) -> int | None:
    """The first moment at which it can have changed; None: not told."""
    if seen.after_ms is not None:
        return seen.after_ms + 1
    return None if seen.at_ms is None else seen.at_ms // 1000 * 1000


def _seconds(seen: Seen) -> tuple[float, float]:
    """The first and the last second in which it can have changed."""
    if seen.at_ms is None:
        return -math.inf, math.inf
    last = seen.at_ms // 1000
    return (last if seen.after_ms is None else min((seen.after_ms + 1) // 1000, last)), last


def _possible(seen: Seen) -> tuple[bool, ...]:
    return (True, False) if seen.opted_out is None else (seen.opted_out,)


def _answer(policy: Policy, in_dynamics: bool, in_campaign: bool, order: Order) -> bool:
    """With everything told. This is the documented rule, and what differs from it."""
    if order is Order.CAMPAIGN and policy != "most_restrictive":
        return in_campaign
    if order is Order.DYNAMICS and policy == "newest":
        return in_dynamics
    return in_dynamics or in_campaign


def _alone(system: Seen, winner: Winner, rule: Rule) -> Ruling:
    """One system decides; while it does not tell, both stay as they are."""
    if system.opted_out is None:
        return Ruling(None, Winner.NEITHER, Rule.IN_DOUBT, True)
    return Ruling(system.opted_out, winner, rule, False)


def _campaign_alone(dynamics: Seen, campaign: Seen, rule: Rule) -> Ruling:
    """Campaign decides, once somebody has touched its flag. Until then an opt-out in Dynamics stands."""
    if campaign.opted_out is not False or _was_touched(campaign):
        return _alone(campaign, Winner.CAMPAIGN, rule)
    if campaign.at_ms is None:
        return _doubt(dynamics, campaign)
    if dynamics.opted_out:
        return Ruling(True, Winner.DYNAMICS, Rule.UNTOUCHED, False)
    return Ruling(None, Winner.NEITHER, Rule.UNTOUCHED, False)


def _was_touched(seen: Seen) -> bool:
    """Whether anybody is known to have changed it at any time."""
    return seen.after_ms is not None or (seen.at_ms is not None and seen.at_ms > NEVER_MS)


def _doubt(dynamics: Seen, campaign: Seen) -> Ruling:
    if dynamics.opted_out or campaign.opted_out:
        return Ruling(True, _who(dynamics, campaign, True), Rule.IN_DOUBT, True)
    return Ruling(None, Winner.NEITHER, Rule.IN_DOUBT, True)


def _who(dynamics: Seen, campaign: Seen, answer: bool) -> Winner:
    """Who says so, of two that do not say the same."""
    return Winner.DYNAMICS if dynamics.opted_out is answer else Winner.CAMPAIGN
