"""The real target and a real store between two pretended systems: whoever dies or changes anything at whatever moment,
in the end both sides say what the rule demands of the people's changes, and every decision is on record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from config.consent_flags import POLICIES, WireFlag
from config.optinout import OptinoutConfig
from config.tables import CampaignKey
from connectors.clocks import Skew
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_rows import CurrentRow
from connectors.dynamics_updates import Update, Updated
from connectors.errors import Changed, ConnectorError, Unreachable
from connectors.moments import campaign_text
from store.consent import ConsentStore
from store.decisions import Decision
from store.record_queue import Lane, Leased
from store.store import Store, WorkflowStore
from sync.consent import target as target_module
from sync.consent.memory import CARRIED_OUT_WITHIN_MS, Memory, System
from sync.consent.memory_bytes import unpack
from sync.consent.payload import OF_DYNAMICS, of_campaign
from sync.consent.reconciling import Plan, reconcile
from sync.consent.rule import Rule
from sync.consent.states import ContactState, ProfileState, Skews
from sync.consent.target import ConsentTarget
from sync.streams import Send
from tests.unit.sync.consent.test_two_systems import check_the_end, configured, documented, newest
from tests.unit.sync.consent.two_systems import CONTACT, Notice, Read, TwoSystems

FLAGS: tuple[WireFlag, ...] = ("blackListEmail", "blackListMobile")
TABLE = DynamicsTable("contact", "contacts", "contactid", change_tracking=True, columns={})


class Died(BaseException):
    """The process is no more."""


class ClockOf:
    def __init__(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms

    def skew(self, now: float) -> Skew:
        return Skew(self._ahead_ms, 0)


class World(TwoSystems):
    """As its parent, but what writes is the target, which asks this in place of both connectors."""

    def __init__(self, config: OptinoutConfig, workflow: WorkflowStore) -> None:
        super().__init__(config)
        self.workflow = workflow
        self.clock = ClockOf(0)
        self.happens: Iterator[tuple[Any, ...]] = iter(())
        self.notice = Notice(None, {})
        self.looked_up: dict[WireFlag, Any] = {}
        self.read_row: tuple[dict[WireFlag, Any], int] = ({}, 0)
        self.plan: Plan | None = None
        self.is_late = False
        #: Requests that were given up, and may be carried out yet: when they were decided, and for which version.
        self.on_their_way: list[tuple[System, int, str, Plan]] = []
        self.target = ConsentTarget(
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            TABLE,
            config,
            Interrupted(workflow, self),  # type: ignore[arg-type]
            1,
            lambda: self.ms,
            lambda: self.ms,
        )

    def _memory(self) -> Memory | None:
        [kept] = self.workflow.consent.memories([CONTACT])
        return unpack(kept) if kept is not None else None

    def recorded(self) -> list[Decision]:
        return self.workflow.consent.of_contact(CONTACT)

    def meanwhile(self) -> None:
        """Between any two steps of the writer."""
        self.ms += 1
        kind, *arguments = next(self.happens, ("nothing",))
        if kind == "die":
            self.unanswered |= set(FLAGS)
            raise Died
        if kind in ("lost", "late"):
            self.unanswered |= set(FLAGS)
            self.is_late = kind == "late"
            raise Unreachable("dynamics", "no answer")
        if kind != "nothing":
            getattr(self, kind)(*arguments)

    def write(self, which: int, happens: Sequence[tuple[Any, ...]]) -> None:
        if not self.notices:
            return
        self.notice = self.notices[which % len(self.notices)]
        self.happens = iter(happens)
        payload = of_campaign(self.notice.profile) if self.notice.profile else OF_DYNAMICS
        send = self.target.prepare(Leased(CONTACT, 1, self.ms, Lane.LIVE, payload, 0, 0), None)
        assert isinstance(send, Send)
        try:
            [answer] = self.target.send([send], lambda: 10.0)
        except Died:
            return
        finally:
            self.under_way = set()
        if isinstance(answer, Exception):
            assert isinstance(answer, Unreachable), answer
        elif self.notice in self.notices:
            self.notices.remove(self.notice)

    def sent(self, system: System, etag: str = "") -> None:
        """A request on its way, which may be given up before the system begins with it."""
        assert self.plan is not None
        decided_ms = self.ms
        try:
            self.meanwhile()
        except Unreachable:
            if self.is_late:
                self.on_their_way.append((system, decided_ms, etag, self.plan))
            raise

    def land(self) -> None:
        """What was given up is carried out; of one in Campaign only if nobody has sent the same once more."""
        for system, decided_ms, etag, plan in self.on_their_way:
            if self.ms - decided_ms >= CARRIED_OUT_WITHIN_MS:
                continue
            if system is System.DYNAMICS and etag == f'W/"{self.version}"':
                self._patched(self.contact(), plan)
            elif system is System.CAMPAIGN:
                times = {(one.flag, one.decided_ms) for one in self.open() if one.written_to == system}
                for flag, opted_out in plan.to_campaign.items():
                    sent = plan.memory.flags[flag].sent
                    if sent is not None and (flag, sent.decided_ms) in times:
                        self._lands(system, flag, opted_out, plan)
        self.on_their_way.clear()

    def work(self, which: int) -> None:
        self.write(which, ())

    def planned(self, contact: ContactState, profile: ProfileState | None, plan: Plan) -> Plan:
        assert profile is not None
        campaign = self.looked_up if profile.live else self.notice.campaign
        there, record_ms = self.read_row
        self.reads.append((Read(there, record_ms, campaign, self.now_there, set(self.unanswered)), plan))
        self.plan = plan
        return plan

    def person(self, system: System, flag: WireFlag) -> None:
        if self.config.flags[0].policy == "newest":
            # A change that goes back before anybody has seen it is told by no system.
            if system is System.DYNAMICS and flag in self.since_read:
                return
            if system is System.CAMPAIGN and flag in self.under_way:
                return
            if system is System.CAMPAIGN and self.ms - self.written_ms.get(flag, 0) < 2500:
                self.ms += 2500
        super().person(system, flag)

    # Dynamics.

    def current(
        self, table: DynamicsTable, ids: Sequence[str], columns: Sequence[str], timeout: float
    ) -> dict[str, CurrentRow]:
        self.meanwhile()
        found = self.contact()
        self.read_row = dict(self.changes[System.DYNAMICS]), self.record_ms
        self.now_there = dict(self.changes[System.CAMPAIGN])
        self.seen = set(self.since_read)
        assert found.modified_ms is not None
        row = CurrentRow(CONTACT, found.etag, found.modified_ms, dict(found.flags))
        self.meanwhile()
        return {CONTACT: row}

    def update_all(self, updates: Sequence[Update], timeout: float) -> list[Updated | ConnectorError]:
        [update] = updates
        self.sent(System.DYNAMICS, update.etag)
        assert self.plan is not None and update.values == self.plan.to_dynamics
        if update.etag != f'W/"{self.version}"':
            return [Changed("dynamics", "another version")]
        self._patched(self.contact(), self.plan)
        answer: list[Updated | ConnectorError] = [Updated(f'W/"{self.version}"', self.modified_ms)]
        self.meanwhile()
        return answer

    # Campaign.

    def profile_by_key(self, key: CampaignKey, value: str, timeout: float) -> list[dict[str, Any]]:
        self.meanwhile()
        profile: dict[str, Any] = {"PKey": "@1", "lastModified": campaign_text(self.profile_modified_ms)}
        for flag, change in self.changes[System.CAMPAIGN].items():
            stamp = self.stamps[flag]
            profile[flag] = change.opted_out
            profile[f"{flag}LastModified"] = campaign_text(stamp) if stamp else ""
        self.looked_up = dict(self.changes[System.CAMPAIGN])
        self.meanwhile()
        return [profile]

    def update(self, resource: str, reference: str, values: Mapping[str, Any], timeout: float) -> str:
        self.sent(System.CAMPAIGN)
        assert self.plan is not None and values == self.plan.to_campaign
        self.under_way = set(self.plan.to_campaign)
        for flag, opted_out in self.plan.to_campaign.items():
            self._lands(System.CAMPAIGN, flag, opted_out, self.plan)
        self.meanwhile()
        return "@1"


class Interrupted:
    """The store, before and after whose steps anything may happen."""

    def __init__(self, workflow: WorkflowStore, world: World) -> None:
        self._store: ConsentStore = workflow.consent
        self._world = world

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)

        def interrupted(*arguments: Any, **options: Any) -> Any:
            if name not in ("decide", "confirm"):
                return real(*arguments, **options)
            self._world.meanwhile()
            answer = real(*arguments, **options)
            if name == "decide":
                self._world.since_read -= self._world.seen
            self._world.meanwhile()
            return answer

        return interrupted


_people = st.tuples(st.just("person"), st.sampled_from(list(System)), st.sampled_from(FLAGS))
_meanwhile = st.one_of(
    *[st.just(("nothing",))] * 6, _people, st.just(("other_edit",)), st.just(("poll",)), st.just(("die",)),
    st.just(("lost",)), st.just(("late",)), st.just(("land",)),
)  # fmt: skip
steps = st.lists(
    st.tuples(
        st.one_of(
            _people,
            st.just(("other_edit",)),
            st.just(("poll",)),
            st.just(("read_changes",)),
            st.just(("land",)),
            st.tuples(st.just("write"), st.integers(0, 2), st.lists(_meanwhile, max_size=12)),
            st.tuples(st.just("write"), st.integers(0, 2), st.lists(_meanwhile, max_size=12)),
        ),
        st.sampled_from([1, 700, 1500, 40_000]),
    ),
    max_size=25,
)


def demanded_by(policy: str, record_ms: int, dynamics: Any, campaign: Any) -> bool:
    """What the people's changes come to by the rule."""
    match policy:
        case "documented":
            return documented(dynamics, record_ms, campaign)
        case "newest":
            return newest(dynamics, campaign)
        case "most_restrictive":
            return bool(dynamics.opted_out or campaign.opted_out)
    return bool((dynamics if policy == "dynamics" else campaign).opted_out)


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps)
def test_both_sides_end_as_the_rule_demands_whatever_happens(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, policy: Any, steps: list[tuple[tuple[Any, ...], int]]
) -> None:
    # Given two systems, people, and a writer that may die before and after every request and every step of its store
    redis.flushdb()
    world = World(configured(policy), Store(redis, "test").workflow("optinout"))

    def noted(config: OptinoutConfig, contact: ContactState, profile: ProfileState | None, memory: Memory | None,
              now_ms: int, skews: Skews) -> Plan:  # fmt: skip
        return world.planned(contact, profile, reconcile(config, contact, profile, memory, now_ms, skews))

    monkeypatch.setattr(target_module, "reconcile", noted)
    # When it has all come to an end
    for (kind, *arguments), ms in steps:
        world.ms += ms
        getattr(world, kind)(*arguments)
    world.settle()
    # Then both say the same, every write was decided before, and no decision is open
    check_the_end(world)
    # And what was decided is what the rule demands of the people's changes, or opted out where that cannot be told
    kept = {(one.flag, one.decided_ms) for one in world.recorded()}
    for read, plan in world.reads:
        for decision in plan.decisions:
            flag: Any = decision.flag
            sent = plan.memory.flags[flag].sent
            if (flag, decision.decided_ms) not in kept or sent is None:
                continue
            demanded = [demanded_by(policy, read.record_ms, one, other) for one, other in read.sides(flag)]
            cautious = decision.rule in (Rule.IN_DOUBT, Rule.UNTOUCHED)
            cautious = cautious or (policy == "newest" and decision.rule == Rule.OPTED_OUT_WINS)
            assert sent.opted_out if cautious else sent.opted_out in demanded
