"""An import workflow: what sets it off, which files it takes, and how far it is."""

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from time import perf_counter
from typing import Any

from sandbox.campaign.instance import Instance
from sandbox.campaign.showing import View
from sandbox.campaign.workflow import NotPossible, Workflow
from sandbox.campaign.writes import Writes
from sandbox.clock import Clock
from sandbox.events.folder import Folder
from sandbox.imports.run import Halted, Run
from sandbox.imports.settings import ImportSettings
from sandbox.switches import Switches


class ImportWorkflow(Workflow):
    """It works in steps, whenever `work` is called, and gets as far as the sandbox's clock allows: a workflow that is
    paused gets nowhere.
    """

    def __init__(
        self,
        clock: Clock,
        switches: Switches,
        seed: int,
        id_: str,
        instance: Instance,
        writes: Writes,
        folder: Folder,
        woken: Callable[[], None],
    ) -> None:
        """`woken` is called when there is something to do."""
        super().__init__(clock, switches, f"{seed}:{id_}")
        self._id = id_
        self._instance = instance
        self._writes = writes
        self._folder = folder
        self._woken = woken
        self._looked = clock.now()
        self._worked = self._due = 0.0
        #: What set it off and was not begun yet: why, the file that was named, and when it is due.
        self._asked: list[tuple[str, str | None, float]] = []
        self._steps: Iterator[float] | None = None
        self.runs: list[dict[str, Any]] = []
        self.use(switches)
        if self.settings.ends:
            self.state = "finished"

    def use(self, switches: Switches) -> None:
        """Take new switches; a run under way goes on as it began."""
        self.switches = switches
        self.settings = ImportSettings.from_json(switches.import_workflows[self._id])

    @property
    def id(self) -> str:
        return self._id

    @property
    def label(self) -> str:
        return f"Import of {self.settings.resource}"

    @property
    def signal_name(self) -> str:
        return self.settings.signal

    @property
    def parameters(self) -> dict[str, str]:
        return {self.settings.parameter: "string"} if self.settings.parameter else {}

    @property
    def every(self) -> float | None:
        return self.settings.every_seconds

    @property
    def is_busy(self) -> bool:
        """Stopping, it goes on with the run that it is at, and begins no other."""
        under_way = self._steps is not None
        return (self.state == "started" and bool(self._asked)) or (under_way and self.state in ("started", "stopping"))

    def work(self, until: float) -> bool:
        """Go on, until the performance counter shows `until`; whether more could be done at once."""
        self._count()
        if self._take_due() and not self._asked and self._steps is None and self._found(None):
            self._ask("schedule", None)
        while self.is_busy:
            if self._steps is None:
                reason, file, due = self._asked[0]
                if due > self._worked:
                    return False
                del self._asked[0]
                self._steps, self._due = self._import(reason, file), 0.0
            if self._due > self._worked:
                return False
            if perf_counter() > until:
                return True
            self._step()
        return False

    def run(self, file: str | None) -> None:
        """As the admin API asks for it. NotPossible."""
        if self.state != "started":
            raise NotPossible(f"The workflow is {self.state}: PUT its state, started, first.")
        self._ask("admin", file)

    def put(self, state: str) -> None:
        """Stopped or failed it drops what it was at."""
        self._count()
        super().put(state)
        if state in ("stopped", "failed"):
            self._drop(state, "Somebody stopped the workflow." if state == "stopped" else "The workflow failed.")
        self._woken()

    def as_json(self) -> dict[str, Any]:
        named = {"id": self._id, "settings": self.switches.import_workflows[self._id], "waiting": len(self._asked)}
        return {**named, **super().as_json(), "runs": self.runs}

    def _triggered(self, parameters: dict[str, Any]) -> None:
        self._ask("signal", parameters.get(self.settings.parameter))

    def _begun(self) -> None:
        """By itself that sets off the workflow that ends."""
        super()._begun()
        if self.settings.ends:
            self._ask("start", None)

    def _ask(self, reason: str, file: str | None) -> None:
        if self.settings.takes_files:
            self._count()
            self._asked.append((reason, file, self._worked + self.settings.delay_seconds))
            self._woken()

    def _count(self) -> None:
        """The seconds that it has been at work."""
        now = self._clock.now()
        if self.state in ("started", "stopping"):
            self._worked += max(0.0, now - self._looked)
        self._looked = now

    def _step(self) -> None:
        assert self._steps is not None
        try:
            self._due = next(self._steps)
        except StopIteration:
            self._steps = None
            if self.settings.ends and self.state == "started" and not self._asked:
                super().put("finished")
        except Halted as halt:
            super().put(halt.state)
            self._drop(halt.state, halt.error)

    def _drop(self, state: str, error: str) -> None:
        """Nothing of it goes on; what was imported stays, what was taken is lost."""
        self._asked.clear()
        self._steps = None
        if self.runs and self.runs[-1]["ended_at"] is None:
            self.runs[-1] |= {"state": state, "error": error, "ended_at": self._clock.now()}

    def _import(self, reason: str, asked: str | None) -> Iterator[float]:
        """File by file. Halted."""
        names = self._found(asked)
        wanted: list[str | None] = [*names] or [asked]
        for name in wanted:
            told = self._told(reason, name)
            self.runs.append(told)
            if names:
                yield from self._one(told)
            elif self.settings.missing_file == "fails":
                raise Halted("failed", "There is no file to import.")
            told |= {"state": "done" if names else "nothing", "ended_at": self._clock.now()}

    def _one(self, told: dict[str, Any]) -> Iterator[float]:
        resource = self._instance.resources[self.settings.resource]
        view = View(self._instance, resource, resource.definition.apis[-1], "")
        run = Run(self._clock, lambda: self._worked, self.settings, view, self._writes, self._folder, told)
        return run.steps()

    def _told(self, reason: str, name: str | None) -> dict[str, Any]:
        counts = dict.fromkeys(("rows", "inserted", "updated", "written", "rejected", "unlisted", "halves"), 0)
        times = {"begun_at": self._clock.now(), "taken_at": None, "ended_at": None}
        return {"reason": reason, "file": name, "state": "begun", "error": "", **counts, **times, "results": []}

    def _found(self, asked: str | None) -> list[str]:
        """The files to take, oldest name first: hidden ones are none, nor what lies elsewhere."""
        place = self._folder.place(self.settings.folder)
        here = sorted(entry.name for entry in place.iterdir() if entry.is_file()) if place.is_dir() else []
        visible = [name for name in here if not name.startswith(".")]
        if asked is not None:
            return [name for name in visible if name == asked]
        return [name for name in visible if fnmatchcase(name, self.settings.pattern)]
