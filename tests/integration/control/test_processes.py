"""Children are started, kept up, listened to and ended in order: real processes all of them."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from config.settings import Settings
from control.errors import ProcessTrouble
from control.processes.ports import hindrance
from control.processes.procfile import Line, chosen, environment, procfile, read_procfile
from control.processes.supervisor import Supervisor, pause_after
from control.status.presence import queues_of
from store.embedded import url_of


class Heard:
    """What a supervisor said, to be waited for."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._news = threading.Condition()

    def __call__(self, name: str, text: str) -> None:
        with self._news:
            self.lines.append((name, text))
            self._news.notify_all()

    def wait_for(self, name: str, text: str, times: int = 1) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self.lines.count((name, text)) >= times, timeout=20), self.lines


def obedient(name: str, words: str = "") -> Line:
    """A process that says when it is up and writes its name to `ended` when it is told to end."""
    script = f'trap "echo {name} >> ended; exit 0" TERM; echo up; while :; do sleep 0.02; done'
    return Line(name, f"sh -c '{script}' {words}".strip())


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def supervise(tmp_path: Path, heard: Heard) -> Iterator[Callable[..., Supervisor]]:
    started: list[Supervisor] = []

    def make(*lines: Line, logs: Path | None = None) -> Supervisor:
        supervisor = Supervisor(list(lines), dict(os.environ), tmp_path, heard, logs)
        started.append(supervisor)
        supervisor.start()
        return supervisor

    yield make
    for supervisor in started:
        supervisor.stop()


def test_children_are_told_to_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    # Given a child, and whoever looks after it
    os.mkfifo(tmp_path / "ended")
    ended = os.open(tmp_path / "ended", os.O_RDONLY | os.O_NONBLOCK)
    program = (
        "import os, pathlib, signal, sys; from control.processes import procfile, supervisor as s; "
        "s.Supervisor([procfile.Line('child', sys.argv[1])], dict(os.environ), pathlib.Path(sys.argv[2]), "
        "lambda name, text: print(text, flush=True)).start(); signal.pause()"
    )
    command = [sys.executable, "-c", program, obedient("child").command, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert "up\n" in iter(supervisor.stdout.readline, "")
        # When that one is killed without warning
        supervisor.kill()
        # Then the child ends as if it had been told to
        assert select.select([ended], [], [], 20)[0] and os.read(ended, 100) == b"child\n"
    os.close(ended)


def test_the_procfile_of_this_installation_can_be_read() -> None:
    names = [line.name for line in read_procfile(procfile())]
    assert {"worker", "consent", "beat"} <= set(names)


def test_other_readers_of_the_procfile_start_as_many_tasks_at_once_as_ours(tmp_path: Path) -> None:
    given = environment(Settings(home=tmp_path))
    for line in read_procfile(procfile()):
        for name, default in re.findall(r"\$\{(D365ACS_\w*CONCURRENCY):-(\d+)\}", line.command):
            assert given[name] == default


def test_consent_has_a_process_that_looks_reads_and_writes_by_itself_and_takes_no_other_slices() -> None:
    [line] = [line for line in read_procfile(procfile()) if line.name == "consent"]
    queues = re.search(r" -Q (\S+)", line.command)
    assert queues is not None
    assert set(queues[1].split(",")) == set(queues_of("optinout"))


def test_a_procfile_that_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    with pytest.raises(ProcessTrouble, match="cannot be read"):
        read_procfile(path)
    path.write_text("# all of them\n\nworker: run\nbeat\n")
    with pytest.raises(ProcessTrouble, match="Procfile:4: "):
        read_procfile(path)


def test_processes_can_be_left_out_by_name_only() -> None:
    lines = [Line("worker", "a"), Line("beat", "b")]
    assert chosen(lines, ("beat",)) == [Line("worker", "a")]
    with pytest.raises(ProcessTrouble, match="There is no process dashbord"):
        chosen(lines, ("dashbord",))


def test_children_get_the_chosen_instance_and_this_installation_first(tmp_path: Path) -> None:
    # Given settings that came from options
    found = environment(Settings(home=tmp_path, instance="stage", redis_url=None), {"MORE": "1"})
    # Then children see the same
    assert (found["D365ACS_HOME"], found["D365ACS_INSTANCE"], found["MORE"]) == (str(tmp_path), "stage", "1")
    assert "D365ACS_REDIS_URL" not in found
    assert found["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_what_a_child_writes_is_passed_on_under_its_name(supervise: Callable[..., Supervisor], heard: Heard) -> None:
    supervise(obedient("beat"))
    heard.wait_for("beat", "up")


def test_a_child_that_dies_is_started_again_and_said_so(
    supervise: Callable[..., Supervisor], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a child that is up, and no patience for pauses
    monkeypatch.setattr("control.processes.supervisor.FIRST_PAUSE", 0.0)
    supervisor = supervise(obedient("worker"))
    heard.wait_for("worker", "up")
    # When it is killed
    os.kill(supervisor.pids()["worker"], signal.SIGKILL)
    give_up = time.monotonic() + 20
    while heard.lines.count(("worker", "ended (signal SIGKILL); started again in 0 s")) < 1:
        assert time.monotonic() < give_up
        supervisor.look_after()
    # Then it comes up again
    supervisor.look_after()
    heard.wait_for("worker", "up", times=2)


def test_a_child_whose_port_is_taken_waits_for_it_and_says_so_once(
    supervise: Callable[..., Supervisor], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given somebody who listens where the dashboard would
    monkeypatch.setattr("control.processes.supervisor.LONGEST_PAUSE", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("THE_PORT", str(port))
        supervisor = supervise(obedient("dashboard", "--address=127.0.0.1 --port=${THE_PORT:-5555}"), obedient("beat"))
        # When it is looked after again and again
        heard.wait_for("beat", "up")
        for _ in range(5):
            supervisor.look_after()
        # Then it is not started, the others are, and there is one sentence
        assert [text for name, text in heard.lines if name == "dashboard"] == [
            f"not started: port {port} of 127.0.0.1 is taken; free it (it is looked at again twice a minute), "
            "or set THE_PORT to another and start again."
        ]
        assert set(supervisor.pids()) == {"beat"}
    # And once the port is free it comes up
    supervisor.look_after()
    heard.wait_for("dashboard", "up")


def test_what_is_no_port_is_said_before_a_program_is_asked() -> None:
    words = "is no port; set PORT to another and start again."
    assert hindrance("celery flower --port=$PORT", {"PORT": "http"}) == f"http {words}"
    assert hindrance("celery flower --port ${PORT}", {}) == f"nothing {words}"
    assert hindrance("celery flower --port=70000", {}) == "70000 is no port; name another in the Procfile."
    assert hindrance("celery worker", {}) == ""


def test_pauses_grow_up_to_half_a_minute() -> None:
    assert [pause_after(deaths) for deaths in (1, 2, 3, 6, 500)] == [1, 2, 4, 30, 30]


def test_beat_ends_first_and_workers_last(supervise: Callable[..., Supervisor], heard: Heard, tmp_path: Path) -> None:
    # Given a worker, a dashboard and a beat, in this order
    supervisor = supervise(obedient("heavy", "celery worker"), obedient("dashboard"), obedient("beat"))
    for name in ("heavy", "dashboard", "beat"):
        heard.wait_for(name, "up")
    # When all are ended
    supervisor.stop()
    # Then nobody calls for work, then nobody looks, then the work ends
    assert (tmp_path / "ended").read_text().split() == ["beat", "dashboard", "heavy"]
    assert supervisor.pids() == {}


def test_a_child_that_does_not_end_is_killed_with_its_own_children(
    supervise: Callable[..., Supervisor], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a child that takes no notice, with a child of its own
    monkeypatch.setattr("control.processes.supervisor.OTHER_GRACE", 0.2)
    command = "sh -c 'trap \"\" TERM; sleep 600 & echo $!; echo up; wait; wait'"
    supervisor = supervise(Line("dashboard", command))
    heard.wait_for("dashboard", "up")
    [grandchild] = [int(text) for _, text in heard.lines if text.isdigit()]
    # When it is ended
    supervisor.stop()
    # Then both are gone
    give_up = time.monotonic() + 20
    while Path(f"/proc/{grandchild}").exists() and "Z" not in Path(f"/proc/{grandchild}/stat").read_text().split()[2]:
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_output_goes_to_files_where_these_are_wanted(supervise: Callable[..., Supervisor], tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    supervisor = supervise(obedient("beat"), logs=logs)
    give_up = time.monotonic() + 20
    while "up" not in (logs / "beat.log").read_text():
        assert time.monotonic() < give_up
        time.sleep(0.01)
    supervisor.stop()


def read_when_back(url: str, key: str) -> object:
    give_up = time.monotonic() + 20
    while True:
        try:
            with Redis.from_url(url) as redis:
                return redis.get(key)
        except RedisConnectionError:
            assert time.monotonic() < give_up
            time.sleep(0.02)


def test_up_runs_everything_revives_a_dead_redis_and_ends_in_order_on_a_signal(tmp_path: Path) -> None:
    # Given a Procfile of two processes, and a home of its own (short: a socket stands in it)
    lines = [obedient("worker", "celery worker"), obedient("beat")]
    (tmp_path / "Procfile").write_text("".join(f"{line.name}: {line.command}\n" for line in lines))
    with tempfile.TemporaryDirectory(prefix="d365acs-") as home:
        program = [sys.executable, "-c", "from cli.main import main; main()"]
        command = [*program, "--home", home, "up", "--procfile", str(tmp_path / "Procfile")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
            # When both are up, with an embedded server
            assert up.stderr is not None
            seen: list[str] = []
            while seen.count("worker | up\n") < 1 or seen.count("beat   | up\n") < 1:
                seen.append(up.stderr.readline())
                assert seen[-1], seen
            with Redis.from_url(url_of(Path(home))) as redis:
                redis.set("kept", "yes")
                redis.execute_command("WAITAOF", 1, 0, 10_000)  # on the disk: the last second may be lost otherwise
                # And its server dies
                os.kill(redis.info("server")["process_id"], signal.SIGKILL)
            while not seen[-1].startswith("redis  | ended unexpectedly"):
                seen.append(up.stderr.readline())
                assert seen[-1], seen
            # Then it comes back with everything
            assert read_when_back(url_of(Path(home)), "kept") == b"yes"
            # And a signal asks for the end
            up.send_signal(signal.SIGTERM)
            answer, rest = up.communicate(timeout=60)
        # Then all have ended in order, and the server with them
        assert (up.returncode, answer) == (0, "")
        assert rest.splitlines()[-3:] == [
            "beat   | ended (exit code 0)",
            "worker | ended (exit code 0)",
            "All processes have ended.",
        ]
        assert not Path(home, "redis.sock").exists()
