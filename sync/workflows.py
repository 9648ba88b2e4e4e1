"""The workflows by name."""

from sync import egress, ingress, optinout
from sync.workflow import Workflow

#: In the order in which they are shown.
_WORKFLOWS: dict[str, Workflow] = {"ingress": ingress, "egress": egress, "optinout": optinout}

NAMES = tuple(_WORKFLOWS)

#: Whose requests never wait for those of the others, where their number is limited.
FIRST = "optinout"


def workflow_named(name: str) -> Workflow:
    return _WORKFLOWS[name]
