"""One storm: a seed says what happens when; what comes of it is judged by its end alone."""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.sandboxes import Sandbox
from tests.storm import verdict
from tests.storm.crew import Crew
from tests.storm.operators import Operators
from tests.storm.people import MINDS, PACE, People
from tests.storm.secrecy import Secrecy
from tests.storm.town import LEASE, ROWS, Town
from tests.storm.weather import FAULTS, Weather

APP = "tests.storm.application"

#: Without a guard, where the lease is another one, in seconds: who sleeps until the next run has begun must wake well
#: within his lease, however long that start takes on a busy machine.
LEASES = {"gate": 20.0}

#: What must have happened in every storm, whatever its seed: a system that does nothing cannot pass.
LEAST_WORK = {
    "writes": 150,
    "activities": 60,
    "flags written": 12,
    "flags certain": 25,
    "dead letters": 3,
    "replays": 1,
}
LEAST_FAULTS = 10
#: The same of storms with imports, as rows.
LEAST_IMPORTED = 12

#: So long everybody waits for a start of ingress, and so much of that goes by in whatever weather there is; seconds.
START_PATIENCE, START_WEATHER = 15.0, 2.0
#: So many people change their minds within half a second before and after somebody sleeps with their consent.
BURST = 12
#: So many new contacts come at once that some of them travel in a file, however many writers there are; so often, if
#: they do not; so many seconds are waited for that, and so many until most of these files are in their place.
CROWD, ARRIVALS, LOAD_PATIENCE, PLACE_PATIENCE = 60, 3, 3.0, 12.0
#: What befalls processes, Redis and both systems beside their faults; in many storms all of it.
BLOWS = (
    "SIGKILL worker", "SIGKILL children", "SIGKILL a child", "SIGKILL beat", "SIGKILL redis",
    "SIGSTOP nap", "SIGSTOP at work", "SIGSTOP consent at work", "SIGSTOP beat", "SIGSTOP redis",
    "redis flaps", "redis resets", "blows to loads", "all access tokens expired", "change tokens expired",
    "schema published", "stop and start", "edit", "replay",
)  # fmt: skip
#: How often somebody is sent to sleep until he holds records then.
SLEEPERS = 4
#: How often the next run begins, in the end, while somebody sleeps: he need not hold what shows who has written it.
RESTARTS = 2
#: How long everything may take in the end, in seconds, on a machine that does much else.
PATIENCE = 240.0
#: The same without a guard, where nobody expects that all will be well.
SHORT_PATIENCE = 40.0


@dataclass(frozen=True)
class Length:
    """How much happens in a storm."""

    seconds: float
    blows: int  #: to processes and to Redis
    loads: int  #: to which something happens, in storms with imports
    sleepers: int  #: with people's consent in their hands


LONG_STORM = Length(10, 12, 3, 2)
SHORT_STORM = Length(4, 4, 1, 0)


@dataclass
class Result:
    seed: int
    without: str
    seconds: float = 0.0
    work: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)  #: of the sandbox, by kind
    blows: dict[str, int] = field(default_factory=dict)  #: to processes, Redis, schemas, and by operators
    violations: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def open_sandbox() -> Sandbox:
    return Sandbox(*(part for option, count in ROWS.items() for part in (option, str(count))))


def run(
    sandbox: Sandbox, seed: int, length: Length = LONG_STORM, without: str = "", keep: Path | None = None
) -> Result:
    """`without`: the guard of the product that is taken away. `keep`: where the logs of its processes are left."""
    result, begun = Result(seed, without), time.monotonic()
    os.environ["STORM_WITHOUT"] = without
    sandbox.admin.post("/reset")
    # A short path: it holds a Unix socket.
    with tempfile.TemporaryDirectory(prefix="d365acs-") as folder:
        town = Town(sandbox, Path(folder), APP, LEASES.get(without, LEASE), has_imports(seed))
        try:
            _Storm(town, seed, length, result).run()
        finally:
            town.close()
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                for process in town.tables.processes:
                    (keep / process.log.name).write_bytes(process.log.read_bytes())
    result.seconds = time.monotonic() - begun
    return result


def has_imports(seed: int) -> bool:
    """Whether new contacts travel in files where many wait: in two of three storms."""
    return seed % 3 != 0


def never_came(results: Sequence[Result]) -> list[str]:
    """Which of what storms may bring came in none of them."""
    came = sum((Counter(one.faults) + Counter(one.blows) for one in results), Counter())
    return [what for what in (*FAULTS, *BLOWS) if not came[what]]


class _Storm:
    def __init__(self, town: Town, seed: int, length: Length, result: Result) -> None:
        self._town, self._length, self._result = town, length, result
        self._chance = Random(f"storm:{seed}")
        self._weather = Weather(town, Random(f"weather:{seed}"))
        self._people = People(town, Random(f"people:{seed}"))
        self._operators = Operators(town, Random(f"operators:{seed}"))
        self._seed = seed

    def run(self) -> None:
        town, result = self._town, self._result
        town.furnish()
        before, secrecy = town.consent.rows(), Secrecy(town)
        self._crew = Crew(town, self._seed)
        for stage in town.stages:
            town.start(stage)
        self._crew.wait_until(lambda: not any(map(town.is_starting, town.stages)), "everything runs", PATIENCE)
        self._people.begin()
        self._people.change_minds(self._seed, MINDS, PACE)
        self._rage()
        secrecy.look()
        self._calm()
        ended = verdict.judge(town, before)
        result.work = ended.work
        result.faults = dict(self._weather.dealt() + self._weather.dealt_by_imports())
        done = (self._crew.done, self._weather.done, self._people.done, self._operators.done)
        result.blows = dict(sum(done, Counter({"starts that failed": town.failed_starts})))
        result.violations += ended.violations + self._idleness()
        result.violations += [f"secrecy: {one}" for one in secrecy.violations()]

    # what happens

    def _rage(self) -> None:
        """A plan of moments; a blow that takes long delays those behind it."""
        chance, seconds = self._chance, self._length.seconds
        happens: list[tuple[float, Callable[[], object]]] = [(chance.uniform(0, seconds), self._blow())
                                                             for _ in range(self._length.blows)]  # fmt: skip
        happens += [(chance.uniform(0, seconds), one) for one in self._always()]
        happens += [(at * 0.3, self._people.change) for at in range(int(seconds / 0.3))]
        begun = time.monotonic()
        self._next_weather = begun
        for at, what in sorted(happens, key=lambda one: one[0]):
            self._look_up()
            begun += self._while_starting()
            while (left := begun + at - time.monotonic()) > 0:
                self._crew.pass_time(min(0.1, left))
                self._look_up()
            what()
            self._crew.supervise()
        self._rage_on()

    def _while_starting(self) -> float:
        """Meanwhile nothing is written, and blows would hit nobody. A start asks so much that some of it fails in
        nearly every weather: after a while there is a lull until it has come to its end. Answers how long that took,
        in seconds."""
        begun, lulled = time.monotonic(), False
        while self._town.is_starting(self._town.tables) and (waited := time.monotonic() - begun) < START_PATIENCE:
            self._crew.pass_time(0.1)
            if waited < START_WEATHER:
                self._look_up()
            elif not lulled:
                self._weather.lull()
                self._next_weather, lulled = time.monotonic(), True
        return time.monotonic() - begun

    def _rage_on(self) -> None:
        """Until both systems have dealt out enough: in few seconds of mostly slow weather they may not have."""
        give_up = time.monotonic() + PATIENCE
        while self._weather.dealt().total() < LEAST_FAULTS and time.monotonic() < give_up:
            self._look_up()
            self._people.change()
            self._crew.pass_time(0.3)

    def _look_up(self) -> None:
        """Another weather, if it is time for one."""
        if time.monotonic() >= self._next_weather:
            self._next_weather = time.monotonic() + self._weather.change()

    def _always(self) -> list[Callable[[], object]]:
        """What every storm has."""
        crew, people, operators = self._crew, self._people, self._operators
        return [
            *(crew.kill_something, self._oversleep, self._oversleep, crew.hit_a_beat, self._redis),
            *(operators.stop_and_start, operators.replay, people.come_and_go, people.come_and_go, people.export),
            self._restart_tables,
            *(people.send, people.send, people.arrive, self._restart_while_somebody_sleeps),
            *([self._befall_a_load] * self._length.loads if self._town.imports else []),
            *([self._oversleep_with_consent] * self._length.sleepers),
        ]

    def _blow(self) -> Callable[[], object]:
        crew, weather, people, operators = self._crew, self._weather, self._people, self._operators
        return self._chance.choice(
            [
                *(crew.kill_something, crew.kill_something, self._oversleep, crew.nap, crew.hit_a_beat, self._redis),
                *(operators.stop_and_start, operators.replay, people.come_and_go, people.flood, people.arrive),
                *(weather.expire_tokens, weather.expire_change_tokens, weather.publish),
            ]
        )

    def _redis(self) -> None:
        crew = self._crew
        self._chance.choice([crew.kill_redis, crew.flap_redis, crew.hang_redis, crew.reset_connections])()

    def _befall_a_load(self) -> None:
        """New contacts come until some travel in a file; at some moment on their way something happens."""
        crew, town = self._crew, self._town
        for _ in range(ARRIVALS):
            if town.is_loading():
                break
            if town.loads_are_off():
                self._restart_tables()
            self._people.arrive(CROWD)
            self._pass_time_until(town.is_loading, LOAD_PATIENCE)
        self._weather.change_imports()
        if self._chance.random() < 0.7:
            self._pass_time_until(lambda: town.is_loading(in_place=True) or not town.is_loading(), PLACE_PATIENCE)
        crew.pass_time(self._chance.uniform(0, 2))
        if town.is_loading():
            crew.done["blows to loads"] += 1
        self._chance.choice([crew.kill_something, self._redis, crew.nap, self._oversleep, self._restart_tables])()

    def _pass_time_until(self, holds: Callable[[], bool], seconds: float) -> None:
        give_up = time.monotonic() + seconds
        while not holds() and time.monotonic() < give_up:
            self._crew.pass_time(0.1)

    def _restart_tables(self) -> None:
        self._operators.restart(self._town.tables)

    def _oversleep(self) -> None:
        """Somebody holds records and sleeps for longer than their lease, while all of them change."""
        self._people.flood()
        self._crew.oversleep()
        self._people.flood()

    def _oversleep_with_consent(self) -> None:
        """The same with people's consent, while they change their minds."""
        self._people.change_minds(self._chance.randrange(10**6), BURST, 2 * BURST)
        self._crew.oversleep_with_consent()
        self._people.change_minds(self._chance.randrange(10**6), BURST, 2 * BURST)

    def _restart_while_somebody_sleeps(self) -> None:
        """Somebody holds records, another configuration is started meanwhile, and the sleeper wakes as it runs."""
        town = self._town
        self._people.flood(["contact"])  # which bear the mark of the configuration that writes them
        self._crew.oversleep(until=lambda: not town.is_starting(town.tables), table="contact")
        self._operators.edit(town.tables)
        self._operators.restart(town.tables)

    def _last_sleepers(self) -> None:
        """Everything else is well when somebody wakes in the next run, and when somebody wakes whose lease has run out:
        what they do then stays to be seen."""
        crew, town = self._crew, self._town
        self._weather.slow(100)
        for _ in range(RESTARTS):
            self._restart_while_somebody_sleeps()
            crew.wait_until(lambda: not crew.sleeps and not town.is_starting(town.tables), "it runs", PATIENCE)
        self._weather.slow(150)
        for _ in range(SLEEPERS):
            self._people.flood()
            if crew.oversleep():
                break
            crew.wake_all()
        while crew.sleeps:
            self._people.flood()
            crew.pass_time(0.7)

    def _last_import(self) -> None:
        """Where there are imports, some contacts have come into Campaign by one, however those in the storm went."""
        town, give_up = self._town, time.monotonic() + PATIENCE
        while town.imports and town.imported() < LEAST_IMPORTED and time.monotonic() < give_up:
            self._weather.mend_imports()
            if not town.is_loading():
                if town.loads_are_off():
                    self._restart_tables()
                self._people.arrive(CROWD)
            self._crew.pass_time(1)

    # and what comes of it

    def _calm(self) -> None:
        crew, town = self._crew, self._town
        self._weather.clear()
        crew.wake_all()
        crew.wait_until(lambda: not town.consent.left(), "people are done", PATIENCE)
        self._operators.settle_policies()
        self._operators.finish()
        crew.wait_until(lambda: not any(map(town.is_starting, town.stages)), "everything runs", PATIENCE)
        self._last_sleepers()
        self._weather.clear()
        self._last_import()
        if self._settle():
            town.consent.look_at_everything("blackListPhone", town.people[28], town.people[29])
            self._settle()

    def _settle(self) -> bool:
        """Whether nothing is left to be done, in time. Looked at seldom: the machine has better things to do."""
        patience = SHORT_PATIENCE if self._result.without else PATIENCE
        give_up = time.monotonic() + patience
        while left := verdict.unsettled(self._town):
            if time.monotonic() > give_up:
                self._result.violations += [f"not within {patience:g} s: {one}" for one in left]
                return False
            self._operators.finish()
            self._weather.mend_imports()
            if verdict.files_of_imports(self._town):
                self._people.change(1)  # whoever writes looks for what a crash has left
            self._crew.pass_time(0.4)
        return True

    def _idleness(self) -> list[str]:
        work, faults = self._result.work, sum(self._result.faults.values())
        asked = LEAST_WORK | ({"rows imported": LEAST_IMPORTED} if self._town.imports else {})
        found = [f"idle: {work[what]} {what}, not {least}" for what, least in asked.items() if work[what] < least]
        if not self._crew.done["SIGSTOP at work"]:
            found.append("idle: nobody slept with records in his hands")
        return found + ([f"idle: {faults} faults, not {LEAST_FAULTS}"] if faults < LEAST_FAULTS else [])
