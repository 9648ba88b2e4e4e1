"""What one configuration file holds, and how two of them differ."""

import difflib

import yaml
from pydantic import Field

from config.connections import Connections
from config.ingress import IngressConfig
from config.model import Model


class WorkflowDocument(Model):
    """One workflow's part of a configuration, with the connections it uses: what a revision keeps."""

    connections: Connections = Field(description="How the two systems are reached.")
    ingress: IngressConfig | None = Field(
        default=None,
        description="What flows from Dynamics to Campaign, if this is the ingress workflow's part.",
    )


class Document(Model):
    """The configuration of one instance, as one YAML file holds it."""

    connections: Connections = Field(description="How the two systems are reached.")
    ingress: IngressConfig | None = Field(
        default=None, description="What flows from Dynamics to Campaign. Left out: that workflow is not used."
    )

    def workflows(self) -> dict[str, WorkflowDocument]:
        """The workflows that this file configures, by name, each with the connections."""
        parts: dict[str, WorkflowDocument] = {}
        if self.ingress is not None:
            parts["ingress"] = WorkflowDocument(connections=self.connections, ingress=self.ingress)
        return parts


def dump(document: Model) -> str:
    """The document as YAML that `load` reads back as an equal document; defaults are written out."""
    plain = document.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


def diff(old: Model | None, new: Model) -> str:
    """A unified diff of the two documents' YAML, empty if they are equal; without an old one all lines are new."""
    before = dump(old).splitlines(keepends=True) if old is not None else []
    return "".join(difflib.unified_diff(before, dump(new).splitlines(keepends=True), "old", "new"))
