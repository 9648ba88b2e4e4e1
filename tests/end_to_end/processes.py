"""The processes of the Procfile, real ones, each with its children."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from tests.sandboxes import ROOT

#: The Celery application that the Procfile names.
APP = "workers.app"


def procfile_command(role: str) -> str:
    """The command of one process type, as the Procfile has it."""
    for line in (ROOT / "Procfile").read_text().splitlines():
        name, mark, command = line.partition(":")
        if mark and name == role:
            return command.strip()
    raise LookupError(f"The Procfile has no {role}.")


class Process:
    """One process of the Procfile with its children, a group of its own; its output goes into a file."""

    def __init__(self, role: str, environment: dict[str, str], log: Path, app: str = APP) -> None:
        self.role = role
        self.log = log
        self._is_gone = False  # then its number may be somebody else's
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", f"exec {procfile_command(role).replace(APP, app)}"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def pids(self) -> list[int]:
        """The process and its children."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                group = stat.read_text().rpartition(")")[2].split()[2]
                if int(group) == self.pid:
                    found.append(int(stat.parent.name))
        return found

    def command_lines(self) -> list[bytes]:
        found = []
        for pid in self.pids():
            with contextlib.suppress(OSError):
                found.append(Path(f"/proc/{pid}/cmdline").read_bytes())
        return found

    def terminate(self, seconds: float) -> int:
        """SIGTERM to the process alone, as a supervisor does it; its exit code. TimeoutExpired if it lingers."""
        self._process.terminate()
        code = self._process.wait(seconds)
        self._is_gone = not self.pids()
        return code

    def kill(self) -> None:
        """SIGKILL to the process and all its children; once they are gone, nothing."""
        if self._is_gone:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._is_gone = True

    def signal(self, number: signal.Signals) -> None:
        """This signal to the process and all its children."""
        os.killpg(self.pid, number)

    def talks_to(self, url: str) -> bool:
        """Whether the process or a child of it holds a connection to this server."""
        port = f":{int(url.split(':')[2].split('/')[0]):04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        sockets = {f"socket:[{line[9]}]" for line in lines if line[2].endswith(port) and line[3] == "01"}
        for pid in self.pids():
            for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
                with contextlib.suppress(OSError):
                    if os.readlink(descriptor) in sockets:
                        return True
        return False
