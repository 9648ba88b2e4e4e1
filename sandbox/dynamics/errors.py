"""Dataverse errors: shape, codes, texts (learn.microsoft.com, compose HTTP requests and handle errors)."""

from collections.abc import Iterable
from typing import Any

import orjson

from sandbox.http import Answer

JSON = (b"Content-Type", b"application/json; odata.metadata=minimal")
_HELP_LINK = "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a{code}&client=platform"


class DataverseError(Exception):
    """One error answer: HTTP status, hex code, text; extra headers for 429 and 401."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Iterable[tuple[bytes, bytes]] = (),
        empty: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = list(headers)
        self.empty = empty


def error_answer(error: DataverseError, annotated: bool = False) -> Answer:
    """The error as an answer; `annotated`: the caller asked for all annotations."""
    if error.empty:
        return Answer(error.status, error.headers)
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if annotated:
        body |= {
            "@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus": "0",
            "@Microsoft.PowerApps.CDS.ErrorDetails.SubErrorCode": "2146233088",
            "@Microsoft.PowerApps.CDS.HelpLink": _HELP_LINK.format(code=error.code.removeprefix("0x")),
            "@Microsoft.PowerApps.CDS.TraceText": "",
            "@Microsoft.PowerApps.CDS.InnerError.Message": error.message,
        }
    return Answer(error.status, [JSON, *error.headers], orjson.dumps({"error": body}))


def bad_query(message: str) -> DataverseError:
    return DataverseError(400, "0x80060888", message)


def unknown_property(name: str, table: str) -> DataverseError:
    return bad_query(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.")


def bad_payload(set_name: str, message: str, code: str = "0x80048d19") -> DataverseError:
    return DataverseError(
        400,
        code,
        f"Error identified in Payload provided by the user for Entity :'{set_name}', For more information on this "
        "error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : "
        f"Microsoft.OData.ODataException: {message}",
    )


def no_such_segment(segment: str) -> DataverseError:
    return DataverseError(404, "0x8006088a", f"Resource not found for the segment '{segment}'.")


def missing_row(table: str, row_id: str, text: str, status: int = 404) -> DataverseError:
    """`text` is the switch `missing_row_text`: two wordings are seen in the wild."""
    if text == "entity":
        return DataverseError(status, "0x80040217", f"Entity '{table}' With Id = {row_id} Does Not Exist")
    return DataverseError(status, "0x80040217", f"{table} With Id = {row_id} Does Not Exist")


def already_there() -> DataverseError:
    return DataverseError(412, "0x80040237", "A record with matching key values already exists.")


def not_supported(method: str, table: str) -> DataverseError:
    """What the platform says of tables that are written through others."""
    message = {"POST": "Create", "DELETE": "Delete"}.get(method, "Update")
    return DataverseError(400, "0x80040800", f"The '{message}' method does not support entities of type '{table}'.")


def version_mismatch() -> DataverseError:
    return DataverseError(
        412,
        "0x80060882",
        "The version of the existing record doesn't match the RowVersion property provided.",
    )


def expired_version(status: int) -> DataverseError:
    return DataverseError(
        status,
        "0x80044352",
        "Version stamp associated with the client has expired. Please perform a full sync.",
    )
