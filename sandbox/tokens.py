"""Entra and IMS: two token endpoints, the client-credentials grant, and the list of tokens that are good."""

import base64
import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import orjson

from sandbox.clock import Clock
from sandbox.http import Answer, Request, json_answer

NO_STORE = [(b"Cache-Control", b"no-store, no-cache"), (b"Content-Type", b"application/json; charset=utf-8")]


@dataclass(frozen=True, slots=True)
class Credentials:
    """One made-up application: what the launcher prints and the token endpoints expect."""

    tenant: str
    client_id: str
    client_secret: str
    user_id: str
    organization_id: str
    business_unit_id: str
    campaign_client_id: str
    campaign_client_secret: str
    org_id: str
    organization: str

    @classmethod
    def made_up(cls, seed: int, organization: str) -> "Credentials":
        def made(name: str) -> str:
            return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()

        def guid(name: str) -> str:
            return str(uuid.UUID(hex=made(name)[:32], version=4))

        return cls(
            tenant=guid("tenant"),
            client_id=guid("client"),
            client_secret="sandbox~" + made("secret")[:32],
            user_id=guid("user"),
            organization_id=guid("organization"),
            business_unit_id=guid("unit"),
            campaign_client_id=made("campaign")[:32],
            campaign_client_secret="p8e-" + made("campaign secret")[:28],
            org_id=made("org")[:24].upper() + "@AdobeOrg",
            organization=organization,
        )


class TokenRegister:
    """The access tokens of one issuer: token -> sandbox time of expiry."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._good_until: dict[str, float] = {}
        self._issued = 0
        #: Whatever became of them: those who look for leaks must know all.
        self.told: list[str] = []

    def issue(self, claims: dict[str, object], seconds: float) -> str:
        """A new token in the shape of a JWT; clients must take it as opaque."""
        self._issued += 1
        now = self._clock.now()
        header = {"typ": "JWT", "alg": "RS256", "kid": "sandbox"}
        payload = {**claims, "iat": int(now), "nbf": int(now), "exp": int(now + seconds), "n": self._issued}
        signature = hashlib.sha512(orjson.dumps(payload)).digest()
        token = ".".join(
            base64.urlsafe_b64encode(part).rstrip(b"=").decode()
            for part in (orjson.dumps(header), orjson.dumps(payload), signature)
        )
        self._good_until[token] = now + seconds
        self.told.append(token)
        return token

    def is_good(self, token: str) -> bool:
        return self._good_until.get(token, 0.0) > self._clock.now()

    def revoke(self, token: str) -> None:
        self._good_until.pop(token, None)

    def revoke_all(self) -> None:
        self._good_until.clear()


def bearer(request: Request) -> str:
    """The token of the Authorization header, or an empty string."""
    scheme, _, token = request.header(b"authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def scopes_of(token: str) -> frozenset[str]:
    """The scopes for which a token of IMS was given out; none of a text that is no such token."""
    try:
        payload = token.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return frozenset(claims["scope"].split(","))
    except (ValueError, LookupError, TypeError, AttributeError):
        return frozenset()


def _form(request: Request) -> dict[str, str]:
    return {
        **request.query,
        **dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)),
    }


def entra_answer(
    request: Request,
    credentials: Credentials,
    register: TokenRegister,
    clock: Clock,
    resource: str,
    seconds: int,
) -> Answer:
    """`POST /{tenant}/oauth2/v2.0/token` or `/{tenant}/oauth2/token` (learn.microsoft.com, client credentials)."""
    parts = [part for part in request.path.split("/") if part]
    second_version = parts[1:] == ["oauth2", "v2.0", "token"]
    if not second_version and parts[1:] != ["oauth2", "token"]:
        return Answer(404, [(b"Content-Type", b"text/html")], b"<html>Not Found</html>")
    if request.method != "POST":
        return _entra_error(clock, 400, "invalid_request", 900561, "The endpoint only accepts POST requests.")
    form = _form(request)
    wrong = _entra_problem(clock, parts[0], form, credentials, resource, second_version)
    if wrong is not None:
        return wrong
    now = int(clock.now())
    audience = resource
    claims: dict[str, object] = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{credentials.tenant}/",
        "appid": credentials.client_id,
        "tid": credentials.tenant,
        "oid": credentials.user_id,
    }
    token = register.issue(claims, seconds)
    if second_version:
        body: dict[str, object] = {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": token,
        }
    else:
        body = {
            "token_type": "Bearer",
            "expires_in": str(seconds),
            "ext_expires_in": str(seconds),
            "expires_on": str(now + seconds),
            "not_before": str(now),
            "resource": form["resource"],
            "access_token": token,
        }
    return Answer(200, NO_STORE, orjson.dumps(body))


def _entra_problem(
    clock: Clock,
    tenant: str,
    form: dict[str, str],
    credentials: Credentials,
    resource: str,
    second_version: bool,
) -> Answer | None:
    if tenant != credentials.tenant:
        return _entra_error(clock, 400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
    for name in ("grant_type", "client_id", "scope" if second_version else "resource"):
        if not form.get(name):
            text = f"The request body must contain the following parameter: '{name}'."
            return _entra_error(clock, 400, "invalid_request", 900144, text)
    if form["grant_type"] != "client_credentials":
        text = f"The app requested an unsupported grant type '{form['grant_type']}'."
        return _entra_error(clock, 400, "unsupported_grant_type", 70003, text)
    if form["client_id"] != credentials.client_id:
        text = f"Application with identifier '{form['client_id']}' was not found in the directory '{tenant}'."
        return _entra_error(clock, 400, "unauthorized_client", 700016, text)
    if not form.get("client_secret"):
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        return _entra_error(clock, 401, "invalid_client", 7000216, text)
    if form["client_secret"] != credentials.client_secret:
        text = (
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{form['client_id']}'."
        )
        return _entra_error(clock, 401, "invalid_client", 7000215, text)
    asked = form["scope" if second_version else "resource"]
    if second_version and not asked.endswith("/.default"):
        text = f"The provided value for the input parameter 'scope' is not valid. The scope {asked} is not valid."
        return _entra_error(clock, 400, "invalid_scope", 1002012, text)
    if asked.removesuffix("/.default").rstrip("/") != resource:
        text = f"The resource principal named {asked.removesuffix('/.default')} was not found in the tenant."
        return _entra_error(clock, 400, "invalid_resource", 500011, text)
    return None


def _entra_error(clock: Clock, status: int, error: str, code: int, text: str) -> Answer:
    stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    description = f"AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}"
    body = {
        "error": error,
        "error_description": description,
        "error_codes": [code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return Answer(status, NO_STORE, orjson.dumps(body))


def ims_answer(request: Request, credentials: Credentials, register: TokenRegister, seconds: int) -> Answer:
    """`POST /ims/token/v3` and `GET /ims/profile/v1` (developer.adobe.com, OAuth server-to-server)."""
    path = request.path.rstrip("/")
    if path == "/ims/profile/v1":
        if not register.is_good(bearer(request)):
            return json_answer(401, {"error": "invalid_token", "error_description": "invalid token"})
        context = {
            "organization_id": credentials.organization,
            "serviceCode": "dma_tartan",
            "owningEntity": credentials.org_id,
            "statusCode": "ACTIVE",
            "serviceLevel": "standard",
        }
        return json_answer(200, {"projectedProductContext": [{"prodCtx": context}]})
    if path != "/ims/token/v3":
        return json_answer(404, {"error": "not_found"})
    if request.method != "POST":
        return json_answer(405, {"error": "bad_request", "error_description": "method not allowed"})
    form = _form(request)
    if form.get("grant_type") != "client_credentials":
        return json_answer(
            400, {"error": "unsupported_grant_type", "error_description": "invalid grant_type parameter"}
        )
    if form.get("client_id") != credentials.campaign_client_id:
        return json_answer(400, {"error": "invalid_client", "error_description": "invalid client_id parameter"})
    if form.get("client_secret") != credentials.campaign_client_secret:
        return json_answer(400, {"error": "invalid_client", "error_description": "invalid client_secret parameter"})
    scopes = {scope.strip() for scope in form.get("scope", "").split(",")} - {""}
    if not scopes:
        return json_answer(400, {"error": "invalid_scope", "error_description": "invalid scope parameter"})
    claims: dict[str, object] = {
        "client_id": credentials.campaign_client_id,
        "scope": ",".join(sorted(scopes)),
    }
    token = register.issue(claims, seconds)
    return json_answer(200, {"access_token": token, "token_type": "bearer", "expires_in": seconds})
