"""A workflow as Campaign's API knows it: its state, its commands, its external signal (ACS, controlling a workflow,
triggering a signal activity).
"""

import base64
import hashlib
from abc import ABC, abstractmethod
from typing import Any

from sandbox.clock import Clock
from sandbox.switches import Switches

#: `stopping` comes and goes by the admin API alone: how long a workflow takes to stop is not documented.
STATES = ("started", "paused", "stopping", "stopped", "failed", "finished")

#: By command: the states in which it does something, and the state behind it.
_COMMANDS = {
    "start": (("stopped", "failed", "finished"), "started"),
    "pause": (("started",), "paused"),
    "resume": (("paused",), "started"),
    "stop": (("started", "paused", "stopping", "failed"), "stopped"),
}


class NotPossible(Exception):
    """A command or a signal that the workflow's state rules out; the text says which."""


class CoolingDown(Exception):
    """A signal so soon after the one before."""


class Workflow(ABC):
    """What every workflow has; a subclass says what it does. Time is the sandbox's clock."""

    def __init__(self, clock: Clock, switches: Switches, name: str) -> None:
        """`name`: its tokens follow from it."""
        self._clock = clock
        self.switches = switches
        self.pkey, self.activity = (_token(f"{name}:{part}") for part in ("workflow", "signal"))
        self.state = "started"
        self._counted_from = clock.now()
        self._signalled: float | None = None
        self.commands: list[dict[str, Any]] = []
        self.signals: list[dict[str, Any]] = []

    @property
    @abstractmethod
    def id(self) -> str: ...

    @property
    @abstractmethod
    def label(self) -> str: ...

    @property
    @abstractmethod
    def signal_name(self) -> str:
        """Of its external signal activity; empty: it has none."""

    @property
    @abstractmethod
    def parameters(self) -> dict[str, str]:
        """Those that the signal activity declares, with their types."""

    @property
    @abstractmethod
    def every(self) -> float | None:
        """Seconds from one run of its schedule to the next; None: it has no schedule."""

    @abstractmethod
    def _triggered(self, parameters: dict[str, Any]) -> None:
        """A signal has come."""

    @property
    def next_run(self) -> float | None:
        """Sandbox time; None where it waits for somebody."""
        return None if self.every is None or self.state != "started" else self._counted_from + self.every

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
        """Into a state as if somebody had done it in Campaign's own interface. ValueError."""
        if state not in STATES:
            raise ValueError(f"state must be one of {', '.join(STATES)}.")
        before, self.state = self.state, state
        if state == "started" and before not in ("started", "paused"):
            self._begun()

    def _begun(self) -> None:
        """It was started, not resumed: the schedule counts anew."""
        self._counted_from = self._clock.now()

    def signal(self, parameters: dict[str, Any]) -> None:
        """NotPossible, CoolingDown."""
        now = self._clock.now()
        if self.state != "started":
            raise NotPossible(f"The workflow is {self.state}: its signal activity cannot be triggered.")
        if self._signalled is not None and now - self._signalled < self.switches.signal_cool_down_seconds:
            raise CoolingDown
        self._signalled = now
        self.signals.append({"at": now, "parameters": parameters})
        self._triggered(parameters)

    def _take_due(self) -> bool:
        """Whether a run of the schedule is due; it counts as made then. Runs that were missed meanwhile are one."""
        now, every, due = self._clock.now(), self.every, self.next_run
        if every is None or due is None or now < due:
            return False
        self._counted_from += (now - self._counted_from) // every * every
        return True

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state, "next_run": self.next_run, "commands": self.commands, "signals": self.signals}


def _token(text: str) -> str:
    return "@" + base64.urlsafe_b64encode(hashlib.shake_128(text.encode()).digest(72)).decode()
