"""Dead letters that stand for a whole file: which file each one means, and how that is read once more."""

from typing import NamedTuple

from control.configuration import newest_document
from control.status.files import FilesRead, files_read_by
from store.files import FileVersion, ReadFile
from store.store import WorkflowStore
from sync.files.reader import whole_file
from sync.workflow import document_of

#: The kind of such a letter, in every workflow.
KIND = "file-set-aside"


class WholeFile(NamedTuple):
    version: FileVersion  #: that was set aside
    known: ReadFile  #: what is known of the file by now

    @property
    def is_gone(self) -> bool:
        """Whether the folder has it no longer."""
        return self.known.gone_ms is not None

    @property
    def is_over(self) -> bool:
        """Whether another version of it has come since, or this one was read after all."""
        return not self.known.is_of(self.version) or not self.known.aside


def whole_files(workflow: WorkflowStore, stream: str) -> dict[str, WholeFile]:
    """By id of their letters, the files of a stream that were set aside; none if it reads no files."""
    versions = [(version, known) for known in workflow.files(stream).read().values() for version in known.asides]
    # What it takes to read a configuration is spent only where there are any.
    reads = _reads(workflow, stream) if versions else None
    if reads is None:
        return {}
    return {reads.letter_of(whole_file(version)): WholeFile(version, known) for version, known in versions}


def _reads(workflow: WorkflowStore, stream: str) -> FilesRead | None:
    """What is read there under the configuration that runs, or else under the one that is saved."""
    for document in (document_of(workflow, workflow.lifecycle.read().revision), newest_document(workflow)):
        reads = files_read_by(document) if document else None
        if reads is not None and reads.stream == stream:
            return reads
    return None
