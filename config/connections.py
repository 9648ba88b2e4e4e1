"""How the two systems are reached: addresses, credentials, and how hard they may be asked."""

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator

from config.model import Model, NotEmpty, Number, Text, Whole
from config.secrets import SecretRef

#: The fewest scopes that an Adobe credential needs to use the Campaign API.
CAMPAIGN_SCOPES = (
    "AdobeID",
    "openid",
    "additional_info.projectedProductContext",
    "campaign_sdk",
    "campaign_config_server_general",
    "deliverability_service_general",
)


def is_loopback(host: str) -> bool:
    """Whether this host name or address is the machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(text: str) -> str:
    """Refuses an address over which a secret could leak; returns it with a lower-case host, without final slashes."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is not a valid address; it looks like https://host/path") from None
    host = parts.hostname
    if not host or re.search(r"[\s\\\x00-\x1f\x7f]", text):
        raise ValueError("is not a valid address; it looks like https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password; credentials have their own keys")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError("must not hold a query (?) or a fragment (#)")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError("must begin with https://; plain http:// is for this machine (loopback) only")
    network = f"[{host}]" if ":" in host else host
    if port is not None:
        network = f"{network}:{port}"
    return urlunsplit(SplitResult(parts.scheme, network, parts.path.rstrip("/"), "", ""))


Url = Annotated[Text, AfterValidator(_url), WithJsonSchema({"type": "string", "pattern": "^https?://"})]
"""An https address (http on loopback hosts only), without credentials, query or final slash."""


def _scope(text: str) -> str:
    if re.search(r"[,\s]", text):
        raise ValueError("is one scope; list several as several items")
    return text


class DynamicsConnection(Model):
    """Microsoft Dynamics 365: the organisation and the application user that reads it."""

    url: Url = Field(description="Address of the organisation, such as https://contoso.crm.dynamics.com.")
    tenant: Text = Field(description="Microsoft Entra tenant: its id, or one of its domains.")
    client_id: Text = Field(description="Application (client) id of the app registration.")
    client_secret: SecretRef = Field(description="Where its client secret is kept: ${env:NAME} or ${file:/path}.")
    token_url: Url | None = Field(
        default=None,
        description="Where access tokens are fetched; only for clouds other than the public one. "
        "Default: https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token.",
    )
    api_version: Text = Field(default="v9.2", description="Version of the Dataverse Web API.")
    requests_per_5_minutes: Whole = Field(
        default=6000,
        ge=1,
        description="How many requests all workers together may send in five minutes "
        "(Microsoft's limit per user is 6,000).",
    )
    concurrency: Whole = Field(
        default=8,
        ge=1,
        le=52,
        description="How many requests one process may have under way at once (Microsoft's limit is 52 a user).",
    )

    @field_validator("url")
    @classmethod
    def _url_is_the_organisation(cls, url: str) -> str:
        if urlsplit(url).path:
            raise ValueError("must be the organisation alone, without a path: leave out /api/data and the like")
        return url

    @field_validator("tenant")
    @classmethod
    def _tenant_is_an_id_or_domain(cls, tenant: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", tenant):
            raise ValueError("must be the tenant's id or one of its domains, such as contoso.onmicrosoft.com")
        return tenant

    @field_validator("api_version")
    @classmethod
    def _version_looks_like_one(cls, version: str) -> str:
        if not re.fullmatch(r"v[0-9]+\.[0-9]+", version):
            raise ValueError("must look like v9.2")
        return version

    @property
    def token_endpoint(self) -> str:
        """Where access tokens are fetched."""
        return self.token_url or f"https://login.microsoftonline.com/{self.tenant}/oauth2/v2.0/token"

    @property
    def api_root(self) -> str:
        """Where the Web API's resources stand, without a final slash."""
        return f"{self.url}/api/data/{self.api_version}"

    @property
    def scope(self) -> str:
        """The scope to ask a token for: everything that the application user may do in this organisation."""
        return f"{self.url}/.default"


class CampaignConnection(Model):
    """Adobe Campaign Standard: the instance and the OAuth server-to-server credential that writes to it."""

    url: Url = Field(description="Address of the instance: https://mc.adobe.io/<instance>.")
    client_id: Text = Field(description="Client id of the OAuth server-to-server credential.")
    client_secret: SecretRef = Field(description="Where its client secret is kept: ${env:NAME} or ${file:/path}.")
    org_id: Text | None = Field(
        default=None,
        description="Organisation id, such as 0123456789ABCDEF@AdobeOrg, to tell organisations apart. "
        "Campaign itself is not told: the token names the organisation.",
    )
    scopes: Annotated[tuple[Annotated[Text, AfterValidator(_scope)], ...], NotEmpty] = Field(
        default=CAMPAIGN_SCOPES,
        json_schema_extra={"minItems": 1},
        description="Scopes of the credential. The default is the least that the Campaign API needs.",
    )
    token_url: Url = Field(
        default="https://ims-na1.adobelogin.com/ims/token/v3",
        description="Where access tokens are fetched.",
    )
    concurrency: Whole = Field(
        default=8,
        ge=1,
        le=64,
        description="How many requests one writer may have under way at once.",
    )
    requests_per_second: Number | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="How many requests all workers together may send in a second. Without it only Campaign's "
        "own throttling counts.",
    )
    profile_api: Literal["profileAndServices", "profileAndServicesExt"] = Field(
        default="profileAndServicesExt",
        description="Which API holds profiles: profileAndServicesExt knows extension fields and custom filters, "
        "profileAndServices does not.",
    )

    @field_validator("url")
    @classmethod
    def _url_names_the_instance(cls, url: str) -> str:
        segments = urlsplit(url).path.split("/")[1:]
        if segments[1:] == ["campaign"] or segments == ["campaign"]:
            raise ValueError("must end with the instance, https://mc.adobe.io/<instance>: leave out /campaign")
        if len(segments) != 1:
            raise ValueError("must end with the instance and nothing else: https://mc.adobe.io/<instance>")
        return url

    @property
    def api_root(self) -> str:
        """Where the APIs of the instance stand, without a final slash."""
        return f"{self.url}/campaign"


class Connections(Model):
    """The two systems that are kept in step."""

    dynamics: DynamicsConnection = Field(description="Microsoft Dynamics 365.")
    campaign: CampaignConnection = Field(description="Adobe Campaign Standard.")
