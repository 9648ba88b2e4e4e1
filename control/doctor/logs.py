"""The export of logs: can files be written to the folder that the configuration names?"""

from collections.abc import Mapping

from config.document import WorkflowDocument
from config.secrets import SecretMissing
from config.sftp_connection import SftpConnection
from connectors.errors import ConnectorError
from connectors.sftp import Sftp
from control.doctor.checks import Check, Colour
from control.words import finished


def exporters(documents: Mapping[str, WorkflowDocument]) -> dict[SftpConnection, list[str]]:
    """The connections by which logs are exported, and the workflows whose logs these are."""
    found: dict[SftpConnection, list[str]] = {}
    for workflow, document in documents.items():
        sftp = document.connections.sftp
        if sftp and sftp.logs:
            found.setdefault(sftp, []).append(workflow)
    return found


def log_check(name: str, connection: SftpConnection, seconds: float) -> Check:
    """Leaves an empty file for a moment, and nothing behind."""
    assert connection.logs is not None
    folder, sftp = connection.logs.folder, Sftp(connection)
    try:
        is_there = sftp.try_folder(folder, seconds)
    except (ConnectorError, SecretMissing) as error:
        remedy = "The workflows go on meanwhile; what is not exported waits, and is exported later."
        return Check(name, Colour.YELLOW, finished(str(error)), remedy)
    finally:
        sftp.close()
    if is_there:
        return Check(name, Colour.GREEN, f"Files can be written to {folder}.")
    return Check(name, Colour.GREEN, f"{folder} is not there yet, and can be made.")
