"""Both sides of a contact as they are now, and what is remembered of it -> what is to be written, and why.

Equal sides cost nothing. What differs is decided flag by flag, and every decision is part of the plan, to be kept
before anything is sent. Nothing here asks anybody: the same input gives the same plan.
"""

from typing import NamedTuple

from config.consent_flags import FlagPair, WireFlag
from config.optinout import OptinoutConfig
from connectors.clocks import between
from store.decisions import Decision
from sync.consent.memory import NO_TIME, FlagMemory, Memory, Sent, System
from sync.consent.rule import Ruling, Seen, decide, one_way
from sync.consent.sides import Taken, campaign_side, dynamics_side, record_time
from sync.consent.states import NO_SKEWS, ContactState, ProfileState, Skews


class Closed(NamedTuple):
    """A decision of before, never confirmed, that is closed now."""

    flag: WireFlag
    to: System
    found: bool  #: what it was to write stands there; otherwise nothing of it does


class Plan(NamedTuple):
    to_dynamics: dict[str, bool]  #: by column, as Dynamics has it
    to_campaign: dict[WireFlag, bool]  #: by flag; true: opted out
    decisions: tuple[Decision, ...]  #: one for each flag that is written, or in doubt
    memory: Memory  #: to be kept before anything is sent
    closed: tuple[Closed, ...] = ()
    is_hasty: bool = False  #: Campaign may say something else by now: look the profile up, and reconcile again


def reconcile(
    config: OptinoutConfig,
    contact: ContactState,
    profile: ProfileState | None,
    memory: Memory | None,
    now_ms: int,
    skews: Skews = NO_SKEWS,
) -> Plan:
    """What brings the two sides together, and the memory that stands once that is decided.

    `profile` None: no profile carries the contact's key, so that there is nothing to compare.
    """
    record = record_time(config, contact, memory, skews.dynamics)
    looks = [
        _look(config, pair, contact, profile, memory, record, skews)
        for pair in config.flags
    ]  # fmt: skip
    if profile is None:
        left = memory.given_up(System.DYNAMICS).given_up(System.CAMPAIGN) if memory else Memory()
        return Plan({}, {}, (), left, _closed(looks))
    apart = between(skews.campaign, skews.dynamics)
    plan = Plan({}, {}, (), Memory(), _closed(looks))
    decisions: list[Decision] = []
    flags = dict(memory.flags) if memory else {}
    for look in looks:
        if look.here is None:
            continue
        flags[look.pair.campaign] = look.after(now_ms)
        if look.to is System.DYNAMICS:
            plan.to_dynamics[look.pair.dynamics] = look.pair.opted_out is bool(look.ruling.opted_out)
        elif look.to is System.CAMPAIGN:
            plan.to_campaign[look.pair.campaign] = bool(look.ruling.opted_out)
        if look.to is not None or look.is_new_doubt:
            decisions.append(look.decision(contact.id, apart.ms if apart else None, now_ms))
    after = Memory(
        contact.etag,
        contact.modified_ms,
        record,
        _newest(profile.modified_ms, memory.profile_modified_ms if memory else None),
        max(profile.read_ms, memory.profile_read_ms if memory else 0),
        flags,
    )
    hasty = config.both_ways and not profile.live and any(look.is_hasty for look in looks)
    return plan._replace(decisions=tuple(decisions), memory=after, is_hasty=hasty)


class _Look(NamedTuple):
    """One pair: what was remembered, what each side says, and what is decided between them."""

    pair: FlagPair
    old: FlagMemory | None
    there: Taken  #: Dynamics
    here: Taken | None  #: Campaign; None: it does not say
    compared: Seen  #: what stands for Dynamics in the comparison
    ruling: Ruling
    to: System | None  #: the side that is to be written

    @property
    def is_new_doubt(self) -> bool:
        """Whether nothing can be decided, and these two values are not on record yet."""
        if self.here is None or self.ruling.opted_out is not None:
            return False
        if self.old is None or not self.old.shown:
            return True
        values = self.old.dynamics.opted_out, self.old.campaign.opted_out
        return values != (self.there.seen.opted_out, self.here.seen.opted_out)

    @property
    def is_hasty(self) -> bool:
        """Whether it is to be written on the word of a profile that waited, and may be another by now."""
        return self.to is System.CAMPAIGN or (self.to is not None and self.here is not None and not self.here.certain)

    def after(self, now_ms: int) -> FlagMemory:
        assert self.here is not None
        there, here = self.there.seen, self.here.seen
        sent = None
        if self.to is not None:
            origin = here if self.to is System.DYNAMICS else there
            sent = Sent(self.to, bool(self.ruling.opted_out), now_ms, origin)
        return FlagMemory(there, here, self.here.told_ms, self.here.ours, sent, self.ruling.opted_out is None)

    def decision(self, contact: str, skew_ms: int | None, now_ms: int) -> Decision:
        assert self.here is not None
        return Decision(
            contact,
            self.pair.campaign,
            (self.compared.opted_out, self.compared.at_ms),
            (self.here.seen.opted_out, self.here.seen.at_ms),
            skew_ms,
            self.pair.policy,
            self.ruling.rule.value,
            self.ruling.winner.value,
            self.to.value if self.to else "",
            now_ms,
        )


def _look(
    config: OptinoutConfig,
    pair: FlagPair,
    contact: ContactState,
    profile: ProfileState | None,
    memory: Memory | None,
    record: Seen,
    skews: Skews,
) -> _Look:
    old = memory.flags.get(pair.campaign) if memory else None
    there = dynamics_side(pair, contact, memory)
    here = campaign_side(config, pair, profile, memory, skews.campaign) if profile else None
    # The documented rule compares the record's time, `newest` the flag's own.
    own_time = pair.policy == "newest" and config.both_ways
    compared = there.seen if own_time else record._replace(opted_out=there.seen.opted_out)
    said = here.seen if here else NO_TIME
    ruling = decide(pair.policy, compared, said) if config.both_ways else one_way(compared, said)
    to = None
    if here is not None and ruling.opted_out is not None:
        if compared.opted_out is not ruling.opted_out:
            to = System.DYNAMICS
        elif said.opted_out is not ruling.opted_out:
            to = System.CAMPAIGN
    return _Look(pair, old, there, here, compared, ruling, to)


def _closed(looks: list[_Look]) -> tuple[Closed, ...]:
    """Decisions of before that were open: what they were to write is found there, or it is not."""
    closed = []
    for look in looks:
        if look.old and look.old.sent:
            side = look.there if look.old.sent.to is System.DYNAMICS else look.here
            closed.append(Closed(look.pair.campaign, look.old.sent.to, bool(side and side.found)))
    return tuple(closed)


def _newest(one: int | None, other: int | None) -> int | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)
