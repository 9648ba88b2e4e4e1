"""The workflows by name."""

from config.document import WorkflowDocument
from config.load import read_text
from store.store import WorkflowStore
from sync import egress, ingress, optinout
from sync.workflow import Workflow

#: In the order in which they are shown.
_WORKFLOWS: dict[str, Workflow] = {"ingress": ingress, "egress": egress, "optinout": optinout}

NAMES = tuple(_WORKFLOWS)

#: Whose requests never wait for those of the others, where their number is limited.
FIRST = "optinout"


def workflow_named(name: str) -> Workflow:
    return _WORKFLOWS[name]


def document_of(workflow: WorkflowStore, revision: int | None) -> WorkflowDocument | None:
    """What a revision of the workflow's configuration says; None if there is no such revision."""
    found = workflow.revisions.get(revision) if revision else None
    if found is None:
        return None
    # Read as a file is: YAML alone would take the keys of replaced values for numbers.
    return read_text(found.document, f"revision {revision}", WorkflowDocument, "holds no configuration")
