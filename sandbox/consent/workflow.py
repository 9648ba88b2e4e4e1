"""The workflow that exports consent: its state, its schedule, its external signal (ACS, controlling a workflow,
triggering a signal activity).
"""

from typing import Any

from sandbox.clock import Clock
from sandbox.consent.exports import Exports

STATES = ("started", "paused", "stopped", "failed")

#: By command: the states in which it does something, and the state behind it.
_COMMANDS = {
    "start": (("stopped", "failed"), "started"),
    "pause": (("started",), "paused"),
    "resume": (("paused",), "started"),
    "stop": (("started", "paused", "failed"), "stopped"),
}


class NotPossible(Exception):
    """A command or a signal that the workflow's state rules out; the text says which."""


class CoolingDown(Exception):
    """A signal so soon after the one before."""


class ExportWorkflow:
    """Runs once every `export_every_seconds` while it is started, and on a signal. Time is the sandbox's clock.

    Nothing waits in the background: whoever looks calls `settle` first.
    """

    def __init__(self, clock: Clock, exports: Exports) -> None:
        self._clock = clock
        self._exports = exports
        self.state = "started"
        self._counted_from = clock.now()
        self._signalled: float | None = None
        self.runs: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        self.signals: list[dict[str, Any]] = []

    @property
    def next_run(self) -> float | None:
        """Sandbox time; None while it is not started."""
        every = self._exports.switches.export_every_seconds
        return self._counted_from + every if self.state == "started" else None

    def settle(self) -> None:
        """Run if the time has come; runs that were missed meanwhile are one."""
        now, due = self._clock.now(), self.next_run
        if due is not None and now >= due:
            every = self._exports.switches.export_every_seconds
            self._counted_from += (now - self._counted_from) // every * every
            self.run("schedule", None)

    def run(self, reason: str, first_bytes: int | None) -> dict[str, Any]:
        """Export now, whatever the state: what was written."""
        told = self._exports.run(first_bytes)
        self.runs.append({"at": self._clock.now(), "reason": reason, **told})
        return told

    def command(self, method: str) -> None:
        """`start`, `pause`, `resume` or `stop`. NotPossible."""
        states, after = _COMMANDS.get(method, ((), ""))
        if not after:
            raise NotPossible(f"'{method}' is not a valid command.")
        if self.state in states:
            self.put(after)
        elif method in ("pause", "resume") and self.state != after:
            raise NotPossible(f"The workflow is {self.state}: it cannot {method}.")
        self.commands.append({"at": self._clock.now(), "method": method, "state": self.state})

    def put(self, state: str) -> None:
        """Into a state as if somebody had done it in Campaign's own interface; a start counts its day anew."""
        if state not in STATES:
            raise ValueError(f"state must be one of {', '.join(STATES)}.")
        if state == "started" and self.state in ("stopped", "failed"):
            self._counted_from = self._clock.now()
        self.state = state

    def signal(self, parameters: dict[str, Any]) -> None:
        """Export at once. NotPossible, CoolingDown."""
        now = self._clock.now()
        if self.state != "started":
            raise NotPossible(f"The workflow is {self.state}: its signal activity cannot be triggered.")
        if self._signalled is not None and now - self._signalled < self._exports.switches.signal_cool_down_seconds:
            raise CoolingDown
        self._signalled = now
        self.signals.append({"at": now, "parameters": parameters})
        self.run("signal", None)

    def as_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "next_run": self.next_run,
            "runs": self.runs,
            "commands": self.commands,
            "signals": self.signals,
        }
