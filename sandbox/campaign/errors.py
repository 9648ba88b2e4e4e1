"""Campaign's errors: gateway refusals by code, and application errors, which come as HTTP 500 with a telling text."""

import orjson

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


def unknown_pkey(token: str) -> CampaignError:
    bare = token.removeprefix("@")
    return CampaignError(
        500,
        f"{GENERIC} '{bare}' attribute unknown (see definition of 'Profiles (nms:recipient)' schema). "
        f"XTK-170036 Unable to parse expression '@id = @{bare}'.",
    )


def no_document(key: str) -> CampaignError:
    return CampaignError(
        404,
        f"{GENERIC} Unable to find document with path 'Profile' from key '{key}:0' "
        f"(document with schema 'profile' and name '{key}')",
    )


def inconsistent_key(old: str, new: str) -> CampaignError:
    return CampaignError(
        500,
        f"{GENERIC} RST-360012 Inconsistent operation on resource 'profile' - Cannot update key '{old}' to '{new}'.",
    )


def duplicate_key(field: str, value: str) -> CampaignError:
    return CampaignError(
        500,
        f"{GENERIC} A 'Profile' with the same key '{value}' already exists. PGS-220000 PostgreSQL error: ERROR:  "
        f'duplicate key value violates unique constraint "nmsrecipient_{field.lower()}" DETAIL:  '
        f"Key (s{field.lower()})=({value}) already exists.",
    )


def unknown_property(name: str) -> CampaignError:
    return CampaignError(500, f"{GENERIC} '{name}' property is not valid for the 'profile' resource.")


def read_only_property(name: str) -> CampaignError:
    return CampaignError(
        500,
        f"{GENERIC} Cannot update the '{name}' property that is read-only '{name}' property is not valid for the "
        "'profile' resource.",
    )


def wrong_enumeration(name: str, value: str) -> CampaignError:
    return CampaignError(
        500,
        f"{GENERIC} The value '{value}' is not valid for the 'nms:recipient:{name}' enumeration of the '@{name}' field",
    )


def wrong_constant(value: str) -> CampaignError:
    return CampaignError(500, f"{GENERIC} '{value}' is not a valid constant.")
