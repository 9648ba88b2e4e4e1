"""The life cycle against a small model: every arrow, every refused arrow, in every order."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis import Redis

from store.acts import Acts
from store.keys import InstanceKeys
from store.lifecycle import Lifecycle, State
from tests.integration.store.planting import planted

STOPPED, STARTING, RUNNING, FAILED = State.STOPPED, State.STARTING, State.RUNNING, State.FAILED

#: The whole life cycle; what is missing is refused.
ARROWS = {
    (STOPPED, "start"): STARTING,
    (FAILED, "start"): STARTING,
    (STARTING, "run"): RUNNING,
    (STARTING, "fail"): FAILED,
    (RUNNING, "fail"): FAILED,
    (STARTING, "stop"): STOPPED,
    (RUNNING, "stop"): STOPPED,
}
ALREADY = {
    (STARTING, "start"),
    (RUNNING, "start"),
    (RUNNING, "run"),
    (FAILED, "fail"),
    (STOPPED, "stop"),
    (FAILED, "stop"),
}

arrows = st.sampled_from(["start", "stop", "run", "run", "fail"])
people = st.sampled_from(["ann", "bob"])
reasons = st.sampled_from(["", "maintenance", "the token was refused: see the Adobe console"])


class LifecycleMachine(RuleBasedStateMachine):
    def __init__(self, redis: Redis) -> None:
        super().__init__()
        redis.flushdb()
        keys = InstanceKeys("test").workflow("contacts")
        self.redis, self.lifecycle, self.acts = redis, Lifecycle(redis, keys), Acts(redis, keys)
        self.lifecycle.add_streams(["contact", "account"])
        self.batches = [keys.stream(name).batches for name in ("account", "contact")]
        self.state, self.generation, self.revision = STOPPED, 0, 0
        self.since: int | None = None
        self.now = 1_700_000_000_000
        self.held_until = 0
        self.history: list[tuple[int, str, str, str, str, str, int]] = []

    @rule(arrow=arrows, behind=st.sampled_from([0, 0, 0, 1, 2]), by=people, why=reasons)
    def pull(self, arrow: str, behind: int, by: str, why: str) -> None:
        of_generation = self.generation - behind if arrow in ("run", "fail") else self.generation
        expected = self._expected(arrow, of_generation)
        answer = self._real(arrow, of_generation, by, why)
        changed = expected == "changed"
        # Starting and stopping tell whether they changed something; run and fail whether the state is as wished.
        if expected == "already":
            assert answer is (arrow in ("run", "fail"))
        else:
            assert answer is changed
        if changed:
            target = ARROWS[self.state, arrow]
            self.generation += arrow in ("start", "stop")
            self.revision += arrow == "start"
            self.since = self.now
            self.history.insert(0, (self.now, by, arrow, why, self.state, target, self.generation))
            self.state = target

    def _expected(self, arrow: str, of_generation: int) -> str:
        if of_generation != self.generation:
            return "over"
        if (self.state, arrow) in ALREADY:
            return "already"
        if (self.state, arrow) not in ARROWS:
            return "refused"
        return "waits" if arrow == "run" and self.held_until > self.now else "changed"

    def _real(self, arrow: str, of_generation: int, by: str, why: str) -> bool:
        match arrow:
            case "start":
                return self.lifecycle.start(by, why, self.revision + 1, self.now)
            case "stop":
                return self.lifecycle.stop(by, why, self.now)
            case "run":
                return self.lifecycle.run(of_generation, by, why, self.now)
            case _:
                return self.lifecycle.fail(of_generation, by, why, self.now)

    @rule(stream=st.integers(0, 1), length=st.sampled_from([10, 50]))
    def lease_in_flight(self, stream: int, length: int) -> None:
        """Any lease that is alive while a workflow starts is of an earlier generation."""
        self.redis.zadd(self.batches[stream], {"1": self.now + length})
        other = self.redis.zscore(self.batches[1 - stream], "1")
        self.held_until = max(self.now + length, int(other or 0))

    @rule(by=st.sampled_from([1, 9, 10, 50]))
    def advance_time(self, by: int) -> None:
        self.now += by

    @invariant()
    def the_server_agrees_with_the_model(self) -> None:
        life = self.lifecycle.read()
        assert (life.state, life.generation, life.since_ms) == (self.state, self.generation, self.since)
        assert life.revision == (self.revision or None)
        for behind in (0, 1):
            running = self.state == RUNNING and behind == 0
            assert self.lifecycle.is_running(self.generation - behind) == running

    @invariant()
    def history_says_who_when_and_why(self) -> None:
        told = [(e.at_ms, e.by, e.action, e.why, e.from_state, e.to_state, e.generation) for e in self.acts.newest()]
        assert told == self.history[:100]
        # What is told while it runs is who started it, not that the checks have passed.
        acts = [entry for entry in self.history if entry[2] != "run"]
        if acts:
            life = self.lifecycle.read()
            assert (life.by, life.why) == (acts[0][1], acts[0][3])


SOUND = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
PLANTED = settings(SOUND, derandomize=True, phases=[Phase.generate])

PLANTS = {
    "a start that was asked for twice raises the generation twice": (
        "from = {STOPPED = true, FAILED = true}, already = {STARTING = true, RUNNING = true}",
        "from = {STOPPED = true, FAILED = true, STARTING = true}, already = {RUNNING = true}",
    ),
    "a stopped workflow can run": (
        "run = {to = 'RUNNING', from = {STARTING = true}",
        "run = {to = 'RUNNING', from = {STARTING = true, STOPPED = true}",
    ),
    "an old generation can fail the present one": (
        "if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= generation then",
        "if false then",
    ),
    "a stop does not raise the generation": ("if arrow == 'start' or arrow == 'stop' then", "if arrow == 'start' then"),
    "running does not wait for earlier leases": ("if arrow == 'run' then", "if false then"),
    "running waits for the leases of one stream only": ("for i = 4, #KEYS do", "for i = 4, 4 do"),
    "history forgets why": ("'generation', generation, 'why', why,", "'generation', generation, 'why', '',"),
}


def test_the_life_cycle_has_these_arrows_and_no_others(redis: Redis) -> None:
    class Machine(LifecycleMachine):
        def __init__(self) -> None:
            super().__init__(redis)

    run_state_machine_as_test(Machine, settings=SOUND)


@pytest.mark.parametrize("redis_url", ["embedded"], indirect=True)
@pytest.mark.parametrize("bug", PLANTS)
def test_the_machine_finds_a_planted_bug(redis: Redis, bug: str) -> None:
    # Given a door with a bug in it
    class Machine(LifecycleMachine):
        def __init__(self) -> None:
            with planted("transition", *PLANTS[bug]):
                super().__init__(redis)

    # When the same machine plays with it, Then it fails
    with pytest.raises(Exception) as failure:
        run_state_machine_as_test(Machine, settings=PLANTED)
    # And not because the plant itself is stale
    assert "renew this plant" not in str(failure.value)
