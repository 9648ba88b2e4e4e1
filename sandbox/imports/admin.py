"""The admin API's side of file imports: the workflows, what they did, and what is to go wrong."""

from collections.abc import Callable
from typing import Any

from sandbox.campaign.workflow import NotPossible
from sandbox.imports.side import ImportSide
from sandbox.imports.workflow import ImportWorkflow

Body = dict[str, Any]


class ImportAdmin:
    """`/imports/...`. A mistake is a ValueError, something that is not there a LookupError."""

    def __init__(self, side: ImportSide, settings: Body, change: Callable[[Body], None]) -> None:
        """`settings`: the switch `import_workflows`; `change` sets it."""
        self._side = side
        self._settings = settings
        self._change = change

    def answer(self, method: str, parts: list[str], body: Body) -> object:
        if method == "GET" and not parts:
            return {"value": [workflow.as_json() for workflow in self._side.workflows.values()]}
        if method == "PATCH" and len(parts) == 1:
            self._change({**self._settings, parts[0]: {**self._settings.get(parts[0], {}), **body}})
            return self._workflow(parts[0]).as_json()
        if method == "DELETE" and len(parts) == 1:
            self._workflow(parts[0])
            self._change({id_: given for id_, given in self._settings.items() if id_ != parts[0]})
            return None
        if parts and (method, parts[1:]) in (("GET", []), ("PUT", []), ("POST", ["run"])):
            workflow = self._workflow(parts[0])
            if method == "PUT":
                workflow.put(str(body.get("state")))
            elif method == "POST":
                _run(workflow, body)
            self._side.settle()
            return workflow.as_json()
        raise LookupError(f"{method} /imports/{'/'.join(parts)}; GET / lists what there is")

    def _workflow(self, id_: str) -> ImportWorkflow:
        workflow = self._side.workflows.get(id_)
        if workflow is None:
            raise LookupError(f"import workflow {id_}; PATCH /imports/{id_} makes one of its `resource`")
        return workflow


def _run(workflow: ImportWorkflow, body: Body) -> None:
    file = body.get("file")
    if body.keys() - {"file"} or not (file is None or isinstance(file, str)):
        raise ValueError("Give file, the name of one, or nothing for all.")
    try:
        workflow.run(file)
    except NotPossible as refusal:
        raise ValueError(str(refusal)) from refusal
