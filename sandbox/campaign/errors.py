"""Campaign's errors: gateway refusals by code, and application errors, which come as HTTP 500 with a telling text."""

import orjson

from sandbox.campaign.definitions import Definition
from sandbox.http import JSON_TYPE, Answer

GENERIC = "RST-360011 An error has occurred - please contact your administrator."


class CampaignError(Exception):
    """One application error: HTTP status and text; the wire shape is a switch."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class GatewayError(Exception):
    """A refusal by the gateway in front of the instance; `code` starts with the HTTP status."""

    def __init__(self, status: int, code: str, message: str, retry_after: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


def error_answer(error: CampaignError, shape: str) -> Answer:
    if shape == "text":
        return Answer(error.status, [(b"Content-Type", b"text/plain;charset=utf-8")], error.message.encode())
    if shape == "code":
        body: dict[str, object] = {"code": error.status, "message": error.message}
    else:
        body = {"error_code": str(error.status), "message": error.message}
    return Answer(error.status, [JSON_TYPE], orjson.dumps(body))


def gateway_answer(error: GatewayError) -> Answer:
    headers = [JSON_TYPE]
    if error.retry_after:
        headers.append((b"Retry-After", error.retry_after.encode()))
    return Answer(error.status, headers, orjson.dumps({"error_code": error.code, "message": error.message}))


def oops(status: int) -> Answer:
    """The gateway's answer when it finds no instance behind the URI."""
    text = "Oops. Something went wrong. Check your URI and try again."
    return Answer(status, [JSON_TYPE], orjson.dumps({"code": status, "message": text}))


def unknown_pkey(resource: Definition | None, token: str) -> CampaignError:
    """None for a resource that is not played here."""
    bare = token.removeprefix("@")
    schema = f" (see definition of '{resource.label} ({resource.schema})' schema)" if resource else ""
    return CampaignError(
        500, f"{GENERIC} '{bare}' attribute unknown{schema}. XTK-170036 Unable to parse expression '@id = @{bare}'."
    )


def no_document(resource: Definition, key: str) -> CampaignError:
    return no_document_of(resource.name, resource.word, key)


def no_document_of(schema: str, word: str, key: str) -> CampaignError:
    """For what is no resource with records, such as a workflow."""
    return CampaignError(
        404,
        f"{GENERIC} Unable to find document with path '{word}' from key '{key}:0' "
        f"(document with schema '{schema}' and name '{key}')",
    )


def no_resource(name: str) -> CampaignError:
    return CampaignError(404, f"{GENERIC} Unable to find the resource '{name}'.")


def inconsistent_key(resource: Definition, old: str, new: str) -> CampaignError:
    return CampaignError(
        500,
        f"{GENERIC} RST-360012 Inconsistent operation on resource '{resource.name}' - "
        f"Cannot update key '{old}' to '{new}'.",
    )


def duplicate_key(resource: Definition, field: str, value: str) -> CampaignError:
    return CampaignError(
        500,
        f"{GENERIC} A '{resource.word}' with the same key '{value}' already exists. PGS-220000 PostgreSQL error: "
        f'ERROR:  duplicate key value violates unique constraint "{resource.column.lower()}_{field.lower()}" DETAIL:  '
        f"Key (s{field.lower()})=({value}) already exists.",
    )


def missing_value(field: str) -> CampaignError:
    """How Campaign words an empty mandatory field is not documented: here the database refuses it."""
    return CampaignError(
        500,
        f'{GENERIC} PGS-220000 PostgreSQL error: ERROR:  null value in column "s{field.lower()}" violates '
        "not-null constraint",
    )


def out_of_range(value: object, kind: str) -> CampaignError:
    """The database's words for a number that its column cannot hold."""
    column = {"byte": "smallint", "short": "smallint", "long": "integer", "int64": "bigint", "float": "real"}
    return CampaignError(
        500,
        f'{GENERIC} PGS-220000 PostgreSQL error: ERROR:  value "{value}" is out of range for type '
        f"{column.get(kind, 'double precision')}",
    )


def unknown_property(resource: Definition, name: str) -> CampaignError:
    return CampaignError(500, f"{GENERIC} '{name}' property is not valid for the '{resource.name}' resource.")


def read_only_property(resource: Definition, name: str) -> CampaignError:
    return CampaignError(
        500,
        f"{GENERIC} Cannot update the '{name}' property that is read-only '{name}' property is not valid for the "
        f"'{resource.name}' resource.",
    )


def wrong_enumeration(resource: Definition, name: str, value: str) -> CampaignError:
    return CampaignError(
        500,
        f"{GENERIC} The value '{value}' is not valid for the '{resource.schema}:{name}' enumeration of the "
        f"'@{name}' field",
    )


def wrong_constant(value: str) -> CampaignError:
    return CampaignError(500, f"{GENERIC} '{value}' is not a valid constant.")
