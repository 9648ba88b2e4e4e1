"""Dataverse errors: shape, codes, texts (learn.microsoft.com, compose HTTP requests and handle errors)."""

from collections.abc import Iterable


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


def bad_query(message: str) -> DataverseError:
    return DataverseError(400, "0x80060888", message)


def unknown_property(name: str, table: str) -> DataverseError:
    return bad_query(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.")


def bad_payload(set_name: str, message: str) -> DataverseError:
    return DataverseError(
        400,
        "0x80048d19",
        f"Error identified in Payload provided by the user for Entity :'{set_name}', For more information on this "
        "error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : "
        f"Microsoft.OData.ODataException: {message}",
    )


def no_such_segment(segment: str) -> DataverseError:
    return DataverseError(404, "0x8006088a", f"Resource not found for the segment '{segment}'.")


def missing_row(table: str, row_id: str, text: str) -> DataverseError:
    """`text` is the switch `missing_row_text`: two wordings are seen in the wild."""
    if text == "entity":
        return DataverseError(404, "0x80040217", f"Entity '{table}' With Id = {row_id} Does Not Exist")
    return DataverseError(404, "0x80040217", f"{table} With Id = {row_id} Does Not Exist")


def already_there() -> DataverseError:
    return DataverseError(412, "0x80040237", "A record with matching key values already exists.")


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
