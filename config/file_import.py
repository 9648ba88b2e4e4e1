"""Large first loads through Campaign's file import: which workflow of Campaign takes the files, and how it is told."""

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from config.consent_sources import WorkflowId
from config.model import Model, Number, Place, Whole, part, with_relations, written
from config.names import CampaignName
from config.remote_files import Folder

Trigger = Literal["signal", "start", "none"]
"""How Campaign's workflow learns that there is a file."""


class FileImport(Model):
    """New records of a table travel in files, when many wait, instead of one by one. A workflow that is built in
    Campaign for this table takes them from the SFTP server and says there what it has imported."""

    workflow: WorkflowId = Field(
        description="ID of the workflow of Campaign that imports the files, as its properties show it, such as WKF201."
    )
    trigger: Trigger = Field(
        default="signal",
        description="How it learns of a file: `signal` triggers its External signal activity, while it runs; `start` "
        "starts it, since it ends after each run; `none`: it has a schedule of its own.",
    )
    signal: CampaignName = Field(
        default="signal1", description="Its External signal activity, by its name; counts with `trigger: signal` alone."
    )
    file_parameter: CampaignName | None = Field(
        default="file",
        description="The text parameter of the signal that takes the file's name; the activity declares it. null: it "
        "has none, and the workflow takes what it finds.",
    )
    folder: Folder = Field(
        default="d365_loads/imports", description="Folder of the SFTP server where the files are left for Campaign."
    )
    results_folder: Folder = Field(
        default="d365_loads/imports/results",
        description="Folder where the workflow says what it has imported; another one than `folder`.",
    )
    threshold: Whole = Field(
        default=10_000, ge=1, description="How many records must wait before a file is made; fewer are written singly."
    )
    at_most: Whole = Field(default=100_000, ge=1, le=500_000, description="How many records one file holds at most.")
    settled_seconds: Number = Field(
        default=5,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="How many seconds the results must stay the same before they are taken for whole.",
    )
    cool_down_seconds: Number = Field(
        default=600,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="How many seconds pass between two signals; Campaign takes one in ten minutes. Meanwhile records "
        "are written singly.",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _parts_agree(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _mistakes)


def _mistakes(value: object) -> Iterator[tuple[Place, str]]:
    fields = FileImport.model_fields
    folder, results = (written(value, name) or fields[name].default for name in ("folder", "results_folder"))
    if folder.rstrip("/") == results.rstrip("/"):
        yield ("results_folder",), "must be another folder than the one where the files are left"
    threshold, most = (_number(value, name) for name in ("threshold", "at_most"))
    if threshold > most:
        yield ("threshold",), f"must not be more than at_most, {most:,}: one file would never hold so many"


def _number(value: object, name: str) -> int:
    found = part(value, name)
    default: int = FileImport.model_fields[name].default
    return found if isinstance(found, int) else default
