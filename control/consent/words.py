"""A decision about consent in sentences that need no knowledge of this software."""

from collections.abc import Iterator

from config.consent_flags import UNTIMED
from control.words import ago, counted, exact
from store.consent import Answered, Confirmed, ConsentStats, Decision
from sync.consent.rule import NEVER_MS, Rule

#: What a flag of Campaign stands for.
_CHANNELS = {
    "blackList": "all channels",
    "blackListEmail": "email",
    "blackListFax": "fax",
    "blackListMobile": "text messages",
    "blackListPhone": "phone calls",
    "blackListPostalMail": "postal mail",
    "blackListPushnotification": "push notifications",
    "ccpaOptOut": "sale of personal data (CCPA)",
}

#: What each policy says.
POLICIES = {
    "documented": "Campaign's value if its flag was changed later than the record in Dynamics; otherwise opted out if "
    "either system says so",
    "most_restrictive": "opted out if either system says so",
    "newest": "the value that was changed later; within the same second, opted out if either system says so",
    "dynamics": "always the value of Dynamics",
    "campaign": "always the value of Campaign",
}

#: Why it was decided so, by the code of the rule.
_RULES = {
    "equal": "Both systems say the same.",
    "campaign-newer": "The change in Campaign is the later one, so Campaign's value counts.",
    "dynamics-newer": "The change in Dynamics is the later one, so the value of Dynamics counts.",
    "opted-out-wins": "Campaign's change is not plainly the later one, so opted out wins.",
    "most-restrictive": "One of the systems says opted out, so opted out wins.",
    "system-wins": "This flag follows one system, whatever the times are.",
    "one-way": "Consent travels from Campaign to Dynamics only, so Campaign's value counts.",
    "held": "What was written is set back again and again, so the opt-in is held back: opted out stands, nothing is "
    "written, and an hour after the last writing it is tried once more.",
    "untouched": "Campaign would decide, but nobody ever touched its flag: it says nothing, and opts nobody in.",
    "in-doubt": "What is not told could have led elsewhere, so opted out stands: a case in doubt.",
}
_EVEN = "Neither change is plainly the later one, so opted out wins."
_AFTER_IT = (
    "Campaign had the value of Dynamics before its own change, whatever the clocks say: so the change in Campaign is "
    "the later one, and its value counts."
)
_UNDECIDED = "What is not told leaves it open, so nothing was decided and nothing changed: a case in doubt."

SYSTEMS = {"dynamics": "Dynamics", "campaign": "Campaign"}

#: Clocks that are closer to each other are not told apart.
_SAME_MS = 50


def channel(flag: str) -> str:
    """email (blackListEmail)."""
    known = _CHANNELS.get(flag)
    return f"{known} ({flag})" if known else flag


def value(opted_out: bool | None) -> str:
    return {True: "opted out", False: "not opted out", None: "not told"}[opted_out]


def changed(at_ms: int | None, after_ms: int | None = None) -> str:
    """When something changed: a moment, one that it was not after, never, or not told."""
    if at_ms is None:
        return "not told"
    if after_ms is not None:
        return f"by {exact(at_ms)}"
    return "never" if at_ms <= NEVER_MS else exact(at_ms)


def in_doubt(stats: ConsentStats) -> int:
    """Decisions in doubt, ever."""
    return stats.rules.get(Rule.IN_DOUBT.value, 0)


def answered_sentence(answered: Answered, now_ms: int) -> str:
    """That somebody keeps setting back what is written, and the way out."""
    whose = counted(answered.many, "contact")
    return (
        f"The consent of {whose} is set back again and again as soon as it is written, last noticed "
        f"{ago(answered.last_ms, now_ms)}: opt-outs are written all the same, opt-ins once an hour. Have the program "
        "that does so leave the flag alone, or choose another policy; which flag it is, is told by: d365acs consent "
        f"explain {answered.contact}"
    )


def outcome(decision: Decision) -> bool | None:
    """What was decided: whether the contact has opted out. None: nothing was."""
    sides = {"dynamics": decision.dynamics, "campaign": decision.campaign, "both": decision.dynamics}
    return sides[decision.winner][0] if decision.winner in sides else None


def sentences(decision: Decision) -> list[str]:
    """What both systems said, how it was decided, and what came of it."""
    return list(_sentences(decision))


def _sentences(decision: Decision) -> Iterator[str]:
    yield f"Dynamics: {_dynamics(decision)} Campaign: {_campaign(decision)}"
    yield _clocks(decision)
    if decision.policy and decision.rule not in ("untouched", "held"):
        yield f"Policy {decision.policy}: {POLICIES.get(decision.policy, 'as it was configured')}."
    yield f"Rule {decision.rule}: {_rule(decision)}"
    if outcome(decision) is not None:
        says = "as both systems say" if decision.winner == "both" else f"as {SYSTEMS[decision.winner]} says"
        yield f"Decided: {value(outcome(decision))}, {says}. {_written(decision)}"


def _dynamics(decision: Decision) -> str:
    said, at_ms = decision.dynamics
    if at_ms is None:
        return f"{value(said)}; when that changed is not told."
    if decision.policy == "newest":
        return f"{value(said)}, changed {_when(at_ms, decision.dynamics_after_ms, is_bound=True)}."
    return f"{value(said)}; the record was changed on {exact(at_ms)}."


def _campaign(decision: Decision) -> str:
    said, at_ms = decision.campaign
    if at_ms is None:
        return f"{value(said)}; when that changed is not told."
    if at_ms <= NEVER_MS:
        return f"{value(said)}, never changed."
    # It has no time in Campaign: known is that of the profile.
    is_bound = decision.flag == UNTIMED
    return f"{value(said)}, changed {_when(at_ms, decision.campaign_after_ms, is_bound)}."


def _when(at_ms: int, after_ms: int | None, is_bound: bool) -> str:
    """`is_bound`: it may have been before `at_ms`."""
    if after_ms is not None and after_ms // 1000 < at_ms // 1000:
        return f"between {exact(after_ms)} and {exact(at_ms)}"
    return f"on {exact(at_ms)}{' at the latest' if is_bound and after_ms is None else ''}"


def _is_later_by_order(decision: Decision) -> bool:
    """Whether Campaign's change is the later one although its time does not say so."""
    (_, dynamics_ms), (_, campaign_ms) = decision.dynamics, decision.campaign
    if decision.rule != "campaign-newer" or dynamics_ms is None or campaign_ms is None:
        return False
    return campaign_ms // 1000 <= dynamics_ms // 1000


def _clocks(decision: Decision) -> str:
    skew_ms = decision.skew_ms
    if skew_ms is None:
        return "Clocks: how far those of the two systems were apart is not known."
    within_ms = decision.skew_within_ms
    if abs(skew_ms) <= max(_SAME_MS, within_ms or 0):
        true_to = f", which is true to {_seconds(within_ms)}" if within_ms else ""
        return f"Clocks: both systems had the same time, as far as can be measured{true_to}."
    apart = f"{abs(skew_ms) / 1000:.1f} s {'ahead of' if skew_ms > 0 else 'behind'}"
    compared = "" if _is_later_by_order(decision) else "; times were compared as they are"
    true_to = f", true to {_seconds(within_ms)}" if within_ms else ""
    return f"Clocks: that of Campaign was {apart} that of Dynamics, as measured{true_to}{compared}."


def _seconds(ms: int) -> str:
    """Rounded up: nothing is truer than it is said to be."""
    return f"{-(-ms // 100) / 10:.1f} s"


def _rule(decision: Decision) -> str:
    if decision.rule == "opted-out-wins" and decision.policy == "newest":
        return _EVEN
    if _is_later_by_order(decision):
        return _AFTER_IT
    if decision.rule == "in-doubt" and outcome(decision) is None:
        return _UNDECIDED
    return _RULES.get(decision.rule, "this version of d365acs does not know the rule.")


def _written(decision: Decision) -> str:
    if not decision.written_to:
        return "Nothing was to be written."
    to, at_ms = SYSTEMS.get(decision.written_to, decision.written_to), decision.written_ms or 0
    match decision.confirmed:
        case None:
            return f"It is to be written to {to}; whether it was is not known yet."
        case Confirmed.ANSWER:
            return f"Written to {to} on {exact(at_ms)}, as {to} confirmed."
        case Confirmed.READING:
            return f"Sent to {to}: the answer was lost, and the value was found there on {exact(at_ms)}."
        case Confirmed.REFUSED:
            return (
                f"Not written to {to}, which refused it or had changed meanwhile; what came next is told by a later "
                "decision, or by what is set aside."
            )
        case Confirmed.UNKNOWN:
            return (
                f"Sent to {to}, if at all, without an answer, and not found there later: either it was written and "
                "then changed again, or it never was."
            )
