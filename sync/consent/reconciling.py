"""Both sides of a contact as they are now, and what is remembered of it -> what is to be written, and why.

Equal sides cost nothing. What differs is decided flag by flag, and every decision is part of the plan, to be kept
before anything is sent. Nothing here asks anybody: the same input gives the same plan.
"""

from typing import NamedTuple

from config.consent_flags import FlagPair, WireFlag
from config.optinout import OptinoutConfig
from connectors.clocks import Skew, between
from store.decisions import Decision
from sync.consent.memory import NO_TIME, FlagMemory, Memory, Sent, System, Written, mark_of
from sync.consent.rule import NEVER_MS, Rule, Ruling, Seen, Winner, decide, one_way
from sync.consent.sides import Taken, campaign_side, dynamics_side, is_another, record_time, remembered
from sync.consent.states import NO_SKEWS, ContactState, ProfileState, Skews


class Closed(NamedTuple):
    """A decision of before, never confirmed, that is closed now."""

    flag: WireFlag
    to: System
    decided_ms: int
    found: bool  #: what it was to write stands there
    came_to_nothing: bool  #: it was never written, and will not be: nothing has changed there since; or nobody can tell


class Plan(NamedTuple):
    to_dynamics: dict[str, bool]  #: by column, as Dynamics has it
    to_campaign: dict[WireFlag, bool]  #: by flag; true: opted out
    decisions: tuple[Decision, ...]  #: one for each flag that is written, or in doubt
    memory: Memory  #: to be kept before anything is sent
    closed: tuple[Closed, ...] = ()
    is_hasty: bool = False  #: Campaign may say something else by now: look the profile up, and reconcile again
    opts_in: bool = False  #: somebody is opted in in Dynamics
    #: When to look again, since somebody keeps setting back what is written, and an opt-in is held back until then.
    held_until_ms: int | None = None
    answered: tuple[WireFlag, ...] = ()  #: flags that somebody keeps setting back, opt-outs too


def reconcile(
    config: OptinoutConfig,
    contact: ContactState,
    profile: ProfileState | None,
    memory: Memory | None,
    now_ms: int,
    skews: Skews = NO_SKEWS,
) -> Plan:
    """What brings the two sides together, and the memory that stands once that is decided.

    `profile` None: no profile carries the contact's key, so that there is nothing to compare. What Dynamics says is
    remembered all the same, and that Campaign says nothing. One that is not sure: opt-outs are written to Dynamics,
    and nothing else is.
    """
    record = record_time(config, contact, memory, skews.dynamics)
    looks = [
        _look(config, pair, contact, profile, memory, record, now_ms, skews)
        for pair in config.flags
    ]  # fmt: skip
    closed = _closed(looks, contact, profile, memory, now_ms)
    read_ms = memory.profile_read_ms if memory else 0
    if profile is None:
        nobody = {look.pair.campaign: FlagMemory(look.there.seen, NO_TIME, pair=mark_of(look.pair)) for look in looks}
        return Plan({}, {}, (), Memory(contact.etag, contact.modified_ms, record, None, read_ms, nobody), closed)
    apart = between(skews.campaign, skews.dynamics)
    plan = Plan({}, {}, (), Memory(), closed)
    decisions: list[Decision] = []
    # Of a pair that was taken away nothing is kept: what happens meanwhile, nobody sees.
    paired = {pair.campaign for pair in config.flags}
    flags = {name: flag for name, flag in memory.flags.items() if name in paired} if memory else {}
    for look in looks:
        if look.here is None:
            continue
        if not (profile.is_sure or look.is_safe):
            if look.old is not None:
                flags[look.pair.campaign] = look.old._replace(sent=None, late=look.late)
            continue
        flags[look.pair.campaign] = look.after(now_ms)
        if look.to is System.DYNAMICS:
            plan.to_dynamics[look.pair.dynamics] = look.pair.opted_out is bool(look.ruling.opted_out)
        elif look.to is System.CAMPAIGN:
            plan.to_campaign[look.pair.campaign] = bool(look.ruling.opted_out)
        if look.to is not None or look.is_newly_left:
            decisions.append(look.decision(contact, apart, now_ms, config.both_ways))
    newest_ms = profile.modified_ms
    if memory is not None and not is_another(memory, profile):
        newest_ms = _newest(newest_ms, memory.profile_modified_ms)
    after = Memory(
        contact.etag,
        contact.modified_ms,
        record,
        newest_ms,
        max(profile.read_ms, read_ms),
        flags,
        profile.who or (memory.who if memory else 0),
        profile.spelt if profile.live or memory is None else profile.spelt or memory.spelt,
    )
    # A row of a file that is not understood hides what the profile itself says.
    is_hidden = not profile.present and any(seen.opted_out is None for seen in profile.flags.values())
    hasty = not profile.live and (is_hidden or any(look.is_hasty(config.both_ways, profile) for look in looks))
    held = [look.held_until_ms for look in looks if look.held_until_ms is not None and profile.is_sure]
    return plan._replace(
        decisions=tuple(decisions),
        memory=after,
        is_hasty=hasty,
        opts_in=profile.is_sure and any(look.opts_in for look in looks),
        held_until_ms=min(held, default=None),
        answered=tuple(look.pair.campaign for look in looks if look.is_answered and profile.is_sure),
    )


class _Look(NamedTuple):
    """One pair: what was remembered, what each side says, and what is decided between them."""

    pair: FlagPair
    old: FlagMemory | None
    there: Taken  #: Dynamics
    here: Taken | None  #: Campaign; None: it does not say
    compared: Seen  #: what stands for Dynamics in the comparison
    ruling: Ruling
    to: System | None  #: the side that is to be written
    written: Written | None = None  #: see FlagMemory
    held_until_ms: int | None = None  #: it would be written, and is held back until then
    late: Sent | None = None  #: see FlagMemory

    @property
    def is_answered(self) -> bool:
        """Whether it is to be written, or held back, although somebody keeps setting it back."""
        return self.held_until_ms is not None or bool(self.to and self.written and self.written.is_answered)

    @property
    def is_safe(self) -> bool:
        """Whether nothing is written, or an opt-out to Dynamics."""
        return self.to is None or (self.to is System.DYNAMICS and self.ruling.opted_out is True)

    @property
    def opts_in(self) -> bool:
        return self.to is System.DYNAMICS and self.ruling.opted_out is False

    @property
    def is_left(self) -> bool:
        """Whether the two are left as they are, although they do not say the same."""
        return self.here is not None and self.to is None and self.ruling.rule is not Rule.EQUAL

    @property
    def is_newly_left(self) -> bool:
        """Whether they are, and these two values are not on record yet."""
        if self.here is None or not self.is_left:
            return False
        if self.old is None or not self.old.shown:
            return True
        values = self.old.dynamics.opted_out, self.old.campaign.opted_out
        return values != (self.there.seen.opted_out, self.here.seen.opted_out)

    def is_hasty(self, both_ways: bool, profile: ProfileState) -> bool:
        """Whether it is to be written on the word of a profile that waited, and may be another by now, or one of two.
        An opt-out in time is written at once, unless it may have been taken back long ago, as in a file; nobody is
        opted in without a look."""
        if self.here is not None and self.here.asks:
            return True
        if self.to is not System.DYNAMICS:
            return self.to is System.CAMPAIGN
        uncertain = not profile.present or (self.here is not None and not self.here.certain)
        return self.ruling.opted_out is False or (both_ways and uncertain)

    def after(self, now_ms: int) -> FlagMemory:
        assert self.here is not None
        there, here = self.there.seen, self.here.seen
        sent = None
        if self.to is not None:
            origin = here if self.to is System.DYNAMICS else there
            sent = Sent(self.to, bool(self.ruling.opted_out), now_ms, origin)
        return FlagMemory(
            there,
            here,
            self.here.told_ms,
            self.here.ours,
            sent,
            self.is_left,
            self.written,
            self.late,
            mark_of(self.pair),
        )

    def decision(self, contact: ContactState, apart: Skew | None, now_ms: int, both_ways: bool) -> Decision:
        assert self.here is not None
        there_ms = _as_told(self.compared, contact.modified_ms)
        here_ms = _as_told(self.here.seen, self.here.told_ms)
        return Decision(
            contact.id,
            self.pair.campaign,
            (self.compared.opted_out, there_ms),
            (self.here.seen.opted_out, here_ms),
            apart.ms if apart else None,
            self.pair.policy if both_ways else "",
            self.ruling.rule.value,
            self.ruling.winner.value,
            self.to.value if self.to else "",
            now_ms,
            column=self.pair.dynamics,
            dynamics_after_ms=_lower_bound(self.compared, there_ms),
            campaign_after_ms=_lower_bound(self.here.seen, here_ms),
            skew_within_ms=apart.within_ms if apart else None,
        )


def _look(
    config: OptinoutConfig,
    pair: FlagPair,
    contact: ContactState,
    profile: ProfileState | None,
    memory: Memory | None,
    record: Seen,
    now_ms: int,
    skews: Skews,
) -> _Look:
    old = remembered(pair, memory)
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
        elif said.opted_out is not ruling.opted_out and config.both_ways:
            to = System.CAMPAIGN
    look = _Look(pair, old, there, here, compared, ruling, to)
    look = _held_back(look, _written_last(look, contact, profile, memory), now_ms)
    return look._replace(late=_late(look, contact, memory, now_ms)) if profile else look


def _written_last(
    look: _Look, contact: ContactState, profile: ProfileState | None, memory: Memory | None
) -> Written | None:
    """What was written last, if it is to be written once more although its other side says what it said then."""
    old = look.old
    if old is None or look.here is None:
        return None
    written = old.after_writing() if _was_written(look, contact, profile, memory) else old.written
    if written is None:
        return None
    sides = (old.campaign, look.here.seen) if written.to is System.DYNAMICS else (old.dynamics, look.there.seen)
    return written if sides[0].opted_out is sides[1].opted_out else None


def _was_written(look: _Look, contact: ContactState, profile: ProfileState | None, memory: Memory | None) -> bool:
    """Whether what was sent without having an answer stands there, or something has been written there since; where
    neither can be told, as while a system does not answer at all, it is not taken for written."""
    old = look.old
    if old is None or old.sent is None:
        return False
    if old.sent.to is System.DYNAMICS:
        return look.there.found or (memory is not None and contact.etag != memory.etag)
    if look.here is not None and look.here.found:
        return True
    said = profile.flags.get(look.pair.campaign) if profile and profile.live else None
    return said is not None and None not in (said.at_ms, old.told_ms) and said.at_ms != old.told_ms


def _held_back(look: _Look, written: Written | None, now_ms: int) -> _Look:
    """Nobody is opted in again and again who is opted out again each time. An opt-out is written whenever it is due."""
    if written and look.to is written.to and look.ruling.opted_out is written.opted_out:
        until_ms = written.held_until_ms(now_ms)
        if until_ms is not None:
            ruling = Ruling(None, Winner.NEITHER, Rule.HELD, False)
            return look._replace(ruling=ruling, to=None, written=written, held_until_ms=until_ms)
    return look._replace(written=written)


def _late(look: _Look, contact: ContactState, memory: Memory | None, now_ms: int) -> Sent | None:
    """What was sent without an answer, is not there, is not sent again, and may be carried out yet. Dynamics does that
    in the version only that it was sent for. Of two the one that would opt somebody in."""
    if look.old is None or memory is None:
        return None
    left = [
        one
        for one in (look.old.sent, look.old.late)
        if one is not None
        and one.may_come_late(now_ms)
        and not _is_found(look, one)
        and (look.to, look.ruling.opted_out) != (one.to, one.opted_out)
        and (one.to is System.CAMPAIGN or contact.etag == memory.etag)
    ]
    return min(left, key=lambda one: one.opted_out, default=None)


def _is_found(look: _Look, sent: Sent) -> bool:
    side = look.there if sent.to is System.DYNAMICS else look.here
    return side is not None and side.found and side.seen.opted_out is sent.opted_out


def _closed(
    looks: list[_Look], contact: ContactState, profile: ProfileState | None, memory: Memory | None, now_ms: int
) -> tuple[Closed, ...]:
    """Decisions of before that were open: what they were to write is found there, or it is not."""
    closed = []
    ended = [
        (look, look.old, one)
        for look in looks
        if look.old is not None
        for one in (look.old.sent, look.old.late)
        if one is not None and one is not look.late
    ]
    for look, old, sent in ended:
        found = _is_found(look, sent)
        if sent.to is System.DYNAMICS:
            as_before = memory is not None and contact.etag == memory.etag
        else:
            said = profile.flags.get(look.pair.campaign) if profile and profile.live else None
            # Campaign gives a flag that is written another time; one without a time cannot tell.
            as_before = said is not None and old.told_ms is not None and said.at_ms == old.told_ms
        came_to_nothing = not found and as_before and not sent.may_come_late(now_ms)
        closed.append(Closed(look.pair.campaign, sent.to, sent.decided_ms, found, came_to_nothing))
    return tuple(closed)


def _as_told(seen: Seen, told_ms: int | None) -> int | None:
    """The time for the record: as the system told it, where the comparison took a later one, to be after another."""
    if seen.after_ms is None or seen.at_ms is None or told_ms is None:
        return seen.at_ms
    return min(seen.at_ms, told_ms)


def _lower_bound(seen: Seen, told_ms: int | None) -> int | None:
    """After which moment it changed, for the record; None where that says nothing."""
    after_ms = seen.after_ms
    if after_ms is None or after_ms <= NEVER_MS or (told_ms is not None and after_ms >= told_ms):
        return None
    return after_ms


def _newest(one: int | None, other: int | None) -> int | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)
