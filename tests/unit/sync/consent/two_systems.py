"""Two pretended systems with clocks of their own, people who change them at any moment, and a writer of consent that
may die anywhere.

The world knows of every value which person's change it goes back to, whoever wrote it last. So what is decided can be
compared with what the rule demands of the people's changes alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from config.consent_flags import WireFlag
from config.optinout import OptinoutConfig
from connectors.clocks import Skew
from store.decisions import Confirmed, Decision
from sync.consent.memory import Memory, System
from sync.consent.memory_bytes import pack, unpack
from sync.consent.news import is_news_of_contact, is_news_of_profile
from sync.consent.reconciling import Plan, reconcile
from sync.consent.rule import NEVER_MS, Seen
from sync.consent.states import ContactState, ProfileState, Skews

CONTACT = "5f6c1d2e-0000-4000-8000-000000000001"
BEGIN_MS = 1_700_000_000_000


class Change(NamedTuple):
    """What a person did: in which system, when in truth and by that system's clock."""

    system: System
    opted_out: bool
    ms: int
    stamp_ms: int


@dataclass
class Notice:
    """That something has changed; with the profile, as it was read, if Campaign said so."""

    profile: ProfileState | None
    campaign: dict[WireFlag, Change]  #: the changes behind it


class Read(NamedTuple):
    """Both sides as the writer read them: the people's changes behind them."""

    dynamics: dict[WireFlag, Change]
    record_ms: int  #: the stamp of the last change of the record that was a person's
    campaign: dict[WireFlag, Change]
    now: dict[WireFlag, Change]  #: Campaign as it was then; what a notice tells may be older
    found: set[WireFlag]  #: flags that were written without an answer, up to then

    def sides(self, flag: WireFlag) -> list[tuple[Change, Change]]:
        return [(self.dynamics[flag], campaign[flag]) for campaign in (self.campaign, self.now)]


class TwoSystems:
    def __init__(self, config: OptinoutConfig, dynamics_ahead_ms: int = 0, campaign_ahead_ms: int = 0) -> None:
        self.config = config
        self.ms = BEGIN_MS
        self._ahead = {System.DYNAMICS: dynamics_ahead_ms, System.CAMPAIGN: campaign_ahead_ms}
        self.skews = Skews(Skew(dynamics_ahead_ms, 0), Skew(campaign_ahead_ms, 0))
        flags = [pair.campaign for pair in config.flags]
        self.changes = {system: {flag: Change(system, False, self.ms, 0) for flag in flags} for system in System}
        self.version = 1
        self.modified_ms = self.record_ms = self._stamp(System.DYNAMICS)
        self.stamps: dict[WireFlag, int] = dict.fromkeys(flags, NEVER_MS)
        self.profile_modified_ms = self._stamp(System.CAMPAIGN)
        self.memory: bytes | None = None
        self.decisions: dict[int, Decision] = {}
        self.notices: list[Notice] = []
        self.genuine = 0
        self.writes = 0
        self.writer: Iterator[None] | None = None
        self.reads: list[tuple[Read, Plan]] = []
        self.unanswered: set[WireFlag] = set()  #: flags that were written without an answer, at any time
        self.since_read: set[WireFlag] = set()  #: flags of Dynamics that a person changed since they were read
        self.under_way: set[WireFlag] = set()  #: flags of Campaign whose writing is not answered yet
        self.written_ms: dict[WireFlag, int] = {}  #: when we wrote Campaign's flag last

    def _stamp(self, system: System) -> int:
        stamp = self.ms + self._ahead[system]
        return stamp // 1000 * 1000 if system is System.DYNAMICS else stamp

    # People.

    def person(self, system: System, flag: WireFlag) -> None:
        """Somebody turns a flag over."""
        stamp = self._stamp(system)
        change = Change(system, not self.changes[system][flag].opted_out, self.ms, stamp)
        self.changes[system][flag] = change
        self.genuine += 1
        if system is System.DYNAMICS:
            self.since_read.add(flag)
            self._row_changes()
            self.record_ms = stamp
        else:
            self.stamps[flag] = self.profile_modified_ms = stamp

    def other_edit(self) -> None:
        """Somebody changes something else of the contact."""
        self._row_changes()
        self.record_ms = self.modified_ms

    def _row_changes(self) -> None:
        self.version += 1
        self.modified_ms = self._stamp(System.DYNAMICS)

    # Readers.

    def poll(self) -> None:
        profile = self.profile(live=False)
        if self.notices or is_news_of_profile(self.config, self._memory(), profile, self.skews):
            self.notices.append(Notice(profile, dict(self.changes[System.CAMPAIGN])))

    def read_changes(self) -> None:
        if self.notices or is_news_of_contact(self.config, self._memory(), self.contact()):
            self.notices.append(Notice(None, {}))

    def profile(self, live: bool) -> ProfileState:
        seen = {}
        for flag, change in self.changes[System.CAMPAIGN].items():
            timed = self.config.times.fields_of(flag)
            seen[flag] = Seen(change.opted_out, self.stamps[flag] if timed else self.ms)
        return ProfileState(seen, self.profile_modified_ms, self.ms, live, present=True)

    def contact(self) -> ContactState:
        flags: dict[str, bool | None] = {
            pair.dynamics: pair.opted_out is self.changes[System.DYNAMICS][pair.campaign].opted_out
            for pair in self.config.flags
        }
        return ContactState(CONTACT, flags, self.modified_ms, f'W/"{self.version}"')

    def _memory(self) -> Memory | None:
        return unpack(self.memory) if self.memory is not None else None

    # The writer.

    def work(self, which: int) -> None:
        """Goes on with what is under way, or begins with a notice; others may follow before it, or come again."""
        if self.writer is None and self.notices:
            self.writer = self._writing(self.notices[which % len(self.notices)])
        if self.writer is not None and next(self.writer, "done") == "done":
            self.writer = None

    def die(self) -> None:
        if self.writer is not None:
            self.unanswered |= {decision.flag for decision in self.open()}  # type: ignore[misc]
        self.writer, self.under_way = None, set()

    def recorded(self) -> list[Decision]:
        return list(self.decisions.values())

    def open(self) -> list[Decision]:
        return [decision for decision in self.recorded() if decision.confirmed is None and decision.written_to]

    def _writing(self, notice: Notice) -> Iterator[None]:
        while True:
            memory = self._memory()
            live = notice.profile is None or (memory is not None and memory.is_open)
            for _ in range(2):
                profile = self.profile(live=True) if live or notice.profile is None else notice.profile
                campaign = dict(self.changes[System.CAMPAIGN]) if profile.live else notice.campaign
                yield
                contact, seen = self.contact(), set(self.since_read)
                now = dict(self.changes[System.CAMPAIGN])
                there = dict(self.changes[System.DYNAMICS])
                read = Read(there, self.record_ms, campaign, now, set(self.unanswered))
                plan = reconcile(self.config, contact, profile, memory, self.ms, self.skews)
                if not plan.is_hasty:
                    break
                live = True
                yield
            self.reads.append((read, plan))
            yield
            for closed in plan.closed:
                left = Confirmed.REFUSED if closed.came_to_nothing else Confirmed.UNKNOWN
                how = Confirmed.READING if closed.found else left
                self._close(closed.flag, closed.to, how, closed.decided_ms)
            self._decide(plan)
            self.since_read -= seen
            yield
            if not plan.to_dynamics or self._patched(contact, plan):
                break
            for flag in plan.memory.open_flags(System.DYNAMICS):
                self._close(flag, System.DYNAMICS, Confirmed.REFUSED)
            for flag in plan.memory.open_flags(System.CAMPAIGN):
                self._close(flag, System.CAMPAIGN, Confirmed.REFUSED)
            self.memory = pack(plan.memory.given_up(System.DYNAMICS).given_up(System.CAMPAIGN))
        after = plan.memory
        if plan.to_dynamics:
            answer = f'W/"{self.version}"', self.modified_ms
            yield
            after = after.dynamics_answered(*answer)
            self.memory = pack(after)
            for flag in plan.memory.open_flags(System.DYNAMICS):
                self._close(flag, System.DYNAMICS, Confirmed.ANSWER)
        if plan.to_campaign:
            yield
            sent_ms = self.ms
            self.under_way = set(plan.to_campaign)
            for flag, opted_out in plan.to_campaign.items():
                self._lands(System.CAMPAIGN, flag, opted_out, plan)
            yield
            self.under_way = set()
            self.memory = pack(after.campaign_answered(sent_ms, self.ms, self.skews.campaign))
            for flag in plan.memory.open_flags(System.CAMPAIGN):
                self._close(flag, System.CAMPAIGN, Confirmed.ANSWER)
        if notice in self.notices:
            self.notices.remove(notice)

    def _decide(self, plan: Plan) -> None:
        self.memory = pack(plan.memory)
        for number, decision in enumerate(plan.decisions, len(self.decisions) + 1):
            self.decisions[number] = decision

    def _close(self, flag: str, to: System, how: Confirmed, decided_ms: int | None = None) -> None:
        """`decided_ms`: left out, of the decision that was made last."""
        open_ = [
            number
            for number, decision in self.decisions.items()
            if decision.confirmed is None
            and decision.flag == flag
            and decision.written_to == to
            and decided_ms in (None, decision.decided_ms)
        ]
        open_ = open_ if decided_ms is not None else open_[-1:]
        assert len(open_) == 1, "every decision is closed once"
        self.decisions[open_[0]] = self.decisions[open_[0]]._replace(confirmed=how)

    def _patched(self, contact: ContactState, plan: Plan) -> bool:
        """Dynamics takes a change only in the version that was read."""
        if contact.etag != f'W/"{self.version}"':
            return False
        for flag in plan.memory.open_flags(System.DYNAMICS):
            sent = plan.memory.flags[flag].sent
            assert sent
            self._lands(System.DYNAMICS, flag, sent.opted_out, plan)
        self._row_changes()
        return True

    def _lands(self, system: System, flag: WireFlag, opted_out: bool, plan: Plan) -> None:
        assert any(decision.flag == flag and decision.written_to == system for decision in self.open()), (
            "nothing is written that was not decided before"
        )
        self.writes += 1
        there = self.changes[system][flag]
        other = System.CAMPAIGN if system is System.DYNAMICS else System.DYNAMICS
        behind = self._behind(plan, other, flag)
        if system is System.CAMPAIGN:
            self.written_ms[flag] = self.ms
            if there.opted_out is not opted_out:
                self.stamps[flag] = self.profile_modified_ms = self._stamp(System.CAMPAIGN)
        self.changes[system][flag] = behind._replace(opted_out=opted_out)

    def _behind(self, plan: Plan, system: System, flag: WireFlag) -> Change:
        """The person's change that a plan passes on: as it was read, not as it may be by now."""
        [read] = [read for read, made in self.reads if made is plan]
        return (read.dynamics if system is System.DYNAMICS else read.campaign)[flag]

    def settle(self, pause_ms: int = 5000) -> None:
        """Nobody changes anything meanwhile; everything is read, and written, until nothing is left to do."""
        for _ in range(12):
            while self.writer is not None:
                self.ms += 1
                self.work(0)
            self.ms += pause_ms
            memory = self._memory()
            if memory is not None and memory.late_until_ms is not None:
                self.ms = max(self.ms, memory.late_until_ms)
            self.poll()
            self.read_changes()
            if not self.notices:
                return
            while self.notices:
                self.ms += 1
                self.work(0)
        raise AssertionError("the two systems answer each other for ever")
