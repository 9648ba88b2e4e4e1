"""All import workflows, as the world holds them, and the task that goes on with them while nobody looks."""

import asyncio
from time import perf_counter

from sandbox.campaign.instance import Instance
from sandbox.campaign.writes import Writes
from sandbox.clock import Clock
from sandbox.events.folder import Folder
from sandbox.imports.workflow import ImportWorkflow
from sandbox.switches import Switches

#: So long nobody else is answered, in seconds: while it goes on by itself, and when somebody looks.
_SLICE, _LOOK = 0.005, 0.02
#: How often it looks at the clock while it waits for it.
_PAUSE = 0.01


class ImportSide:
    """One for each beginning: `close` it before the next. `use` tells which workflows there are."""

    def __init__(self, clock: Clock, seed: int, instance: Instance, writes: Writes, folder: Folder) -> None:
        self._clock = clock
        self._seed = seed
        self._instance = instance
        self._writes = writes
        self._folder = folder
        self._task: asyncio.Task[None] | None = None
        self.workflows: dict[str, ImportWorkflow] = {}

    def use(self, switches: Switches) -> None:
        """Take new switches: workflows come and go, and the folders of a new one are there."""
        before, self.workflows = self.workflows, {}
        for id_ in switches.import_workflows:
            known = before.get(id_)
            if known is None:
                beside = (self._instance, self._writes, self._folder, self.wake)
                self.workflows[id_] = ImportWorkflow(self._clock, switches, self._seed, id_, *beside)
            else:
                folders = (known.settings.folder, known.settings.results_folder)
                known.use(switches)
                self.workflows[id_] = known
                if folders == (known.settings.folder, known.settings.results_folder):
                    continue
            settings = self.workflows[id_].settings
            self._folder.make(settings.folder)
            self._folder.make(settings.results_folder)

    def settle(self) -> None:
        """Bring them up to this moment, or as far as a moment allows."""
        until = perf_counter() + _LOOK
        for workflow in self.workflows.values():
            workflow.work(until)
        self.wake()

    def wake(self) -> None:
        """Go on by itself for as long as one of them is busy."""
        if self._task is None and any(workflow.is_busy for workflow in self.workflows.values()):
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return  # not served yet: whoever looks calls `settle`
            self._task = loop.create_task(self._go_on())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = None

    async def _go_on(self) -> None:
        try:
            while True:
                busy = [workflow for workflow in self.workflows.values() if workflow.is_busy]
                if not busy:
                    return
                more = [workflow.work(perf_counter() + _SLICE) for workflow in busy]
                await asyncio.sleep(0 if any(more) else _PAUSE)
        finally:
            if self._task is asyncio.current_task():
                self._task = None
