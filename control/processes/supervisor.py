"""Starts the lines of the Procfile as child processes, keeps them up, and ends them in order."""

import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from control.processes import ports
from control.processes.procfile import Line

#: A worker that is told to end finishes its slices within this time; seconds.
WORKER_GRACE = 30.0
#: The others have nothing to finish.
OTHER_GRACE = 5.0

#: Seconds before a child that died is started again; doubled with each death in a row.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
#: A child that stayed up so long begins with the first pause again.
STEADY_AFTER = 60.0

#: A child whose supervisor was killed is told to end by the kernel, or nobody could (Linux).
_ENDS_WITH_US = "setpriv --pdeathsig TERM " if shutil.which("setpriv") else ""

#: Told what happens: the name of a process, and a line of its output or a sentence about it.
Say = Callable[[str, str], None]


@dataclass
class _Child:
    line: Line
    process: subprocess.Popen[str] | None = None
    started: float = 0.0
    deaths: int = 0  #: in a row
    again_at: float = 0.0  #: when it may be started again
    hindrance: str = ""  #: why it is not started, as it was said
    readers: list[threading.Thread] = field(default_factory=list)

    @property
    def is_worker(self) -> bool:
        words = shlex.split(self.line.command, comments=False)
        return "celery" in words and "worker" in words

    @property
    def rank(self) -> int:
        """Who ends first: nobody calls for work any more, then nobody looks, then the work itself ends."""
        if self.is_worker:
            return 2
        return 0 if self.line.name.startswith("beat") else 1


class Supervisor:
    """Children of this process, one for each line.

    They are told to end when the thread that has started them has ended, even if it was killed. `say` gets every line
    they write and every sentence about them. With `logs` their output goes to files of that folder instead,
    `<name>.log` each.
    """

    def __init__(
        self, lines: list[Line], environment: Mapping[str, str], folder: Path, say: Say, logs: Path | None = None
    ) -> None:
        self._children = [_Child(line) for line in lines]
        self._environment = dict(environment)
        self._folder = folder
        self._say = say
        self._logs = logs

    def start(self) -> None:
        for child in self._children:
            self._start(child)

    def pids(self) -> dict[str, int]:
        """The process ids of those that are up, by name."""
        return {child.line.name: child.process.pid for child in self._children if child.process}

    def look_after(self) -> None:
        """Starts again what has died, with a pause that grows. Called every half second or so."""
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._note_death(child, now)
            if child.process is None and now >= child.again_at:
                self._start(child)

    def stop(self) -> None:
        """Ends all of them: beat, then the dashboard and the like, then the workers."""
        for rank in (0, 1, 2):
            self._end([child for child in self._children if child.rank == rank and child.process is not None])
        for child in self._children:
            for reader in child.readers:
                reader.join(timeout=1)

    def _start(self, child: _Child) -> None:
        hindrance = ports.hindrance(child.line.command, self._environment)
        if hindrance:
            if hindrance != child.hindrance:
                self._say(child.line.name, f"not started: {hindrance}")
            child.hindrance, child.again_at = hindrance, time.monotonic() + LONGEST_PAUSE
            return
        child.hindrance = ""
        output: int | IO[str] = subprocess.PIPE
        if self._logs is not None:
            output = (self._logs / f"{child.line.name}.log").open("a")
        child.process = subprocess.Popen(
            # exec: signals reach the program itself, not a shell in front of it.
            ["sh", "-c", f"exec {_ENDS_WITH_US}env {child.line.command}"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches us alone; we end the children in order
        )
        child.started = time.monotonic()
        if isinstance(output, int):
            reader = threading.Thread(target=self._pass_on, args=(child.line.name, child.process), daemon=True)
            reader.start()
            child.readers.append(reader)
        else:
            output.close()
        self._say(child.line.name, f"started (process {child.process.pid})")

    def _pass_on(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._say(name, line.rstrip("\n"))

    def _note_death(self, child: _Child, now: float) -> None:
        assert child.process is not None
        code = child.process.returncode
        child.process = None
        child.deaths = 1 if now - child.started > STEADY_AFTER else child.deaths + 1
        pause = pause_after(child.deaths)
        child.again_at = now + pause
        self._say(child.line.name, f"ended ({_how(code)}); started again in {pause:g} s")

    def _end(self, children: list[_Child]) -> None:
        for child in children:
            assert child.process is not None
            child.process.terminate()
        for child in children:
            assert child.process is not None
            grace = WORKER_GRACE if child.is_worker else OTHER_GRACE
            try:
                code = child.process.wait(grace)
                self._say(child.line.name, f"ended ({_how(code)})")
            except subprocess.TimeoutExpired:
                kept = "; its records come back" if child.is_worker else ""
                self._say(child.line.name, f"did not end within {grace:g} s and is killed{kept}")
            # A worker that was killed leaves children of its own.
            _kill_group(child.process.pid)
            child.process.wait()
            child.process = None


def pause_after(deaths: int) -> float:
    """Seconds before a child is started again after so many deaths in a row."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(deaths - 1, 10))


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
