"""How the systems are reached: addresses, credentials, and how hard they may be asked."""

import re
from collections.abc import Iterator
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ModelWrapValidatorHandler, field_validator, model_validator

from config.addresses import Scopes, Url
from config.alerts import Alerts
from config.journal_connection import JOURNAL_SCOPES, JournalAccess, JournalConnection
from config.model import Model, Number, Place, Text, Whole, part, with_relations
from config.secrets import SecretRef
from config.sftp_connection import LogExport, SftpConnection

__all__ = [
    "CAMPAIGN_SCOPES",
    "CampaignConnection",
    "Connections",
    "DynamicsConnection",
    "JournalAccess",
    "JournalConnection",
    "LogExport",
    "SftpConnection",
]

#: The fewest scopes that an Adobe credential needs to use the Campaign API.
CAMPAIGN_SCOPES = (
    "AdobeID",
    "openid",
    "additional_info.projectedProductContext",
    "campaign_sdk",
    "campaign_config_server_general",
    "deliverability_service_general",
)


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
        description="How many requests one process may have under way at once.",
    )
    concurrency_together: Whole = Field(
        default=52,
        ge=1,
        description="How many requests all processes together may have under way at once (Microsoft's limit is 52 a "
        "user). Up to that, there are as many as the system answers without delay.",
    )
    execution_seconds_per_5_minutes: Whole = Field(
        default=1200,
        ge=1,
        description="For how many seconds in five minutes all workers together may keep the system busy (Microsoft's "
        "limit per user is 20 minutes). The time until an answer counts.",
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
        description="Organisation id, such as 0123456789ABCDEF@AdobeOrg. The journal asks for it; Campaign itself is "
        "not told: the token names the organisation.",
    )
    scopes: Scopes = Field(
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
    concurrency_together: Whole = Field(
        default=32,
        ge=1,
        description="How many requests all processes together may have under way at once. Up to that, there are as "
        "many as the system answers without delay.",
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
    """The two systems that are kept in step, and where Campaign's events are read."""

    dynamics: DynamicsConnection = Field(description="Microsoft Dynamics 365.")
    campaign: CampaignConnection = Field(
        description="Adobe Campaign Standard. Every file needs it, also one with egress alone, which never asks its "
        "API: all workflows of an installation share one Campaign, and the journal takes its credential from here."
    )
    journal: JournalConnection | None = Field(
        default=None, description="Campaign's events in the I/O Events journal; for egress with `source: journal`."
    )
    sftp: SftpConnection | None = Field(
        default=None,
        description="Campaign's files on its SFTP server; for ingress with `file_import`, for egress with "
        "`source: files`, for optinout with `files`, and for the export of logs, `sftp.logs`.",
    )
    alerts: Alerts | None = Field(
        default=None, description="The webhook that is told when a workflow needs people. null: nobody is told."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _journal_knows_its_organisation(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _mistakes)

    @property
    def journal_access(self) -> JournalAccess | None:
        """The journal with what its part leaves to Campaign's; None if there is no such part."""
        journal, campaign = self.journal, self.campaign
        if journal is None:
            return None
        own = journal.client_id is not None
        scopes = JOURNAL_SCOPES if own else tuple(dict.fromkeys((*campaign.scopes, *JOURNAL_SCOPES)))
        return JournalAccess(
            url=journal.url,
            org_id=journal.org_id or campaign.org_id or "",
            client_id=journal.client_id or campaign.client_id,
            client_secret=journal.client_secret or campaign.client_secret,
            scopes=journal.scopes or scopes,
            token_url=journal.token_url or campaign.token_url,
        )


def _mistakes(value: object) -> Iterator[tuple[Place, str]]:
    journal, campaign = part(value, "journal"), part(value, "campaign")
    if journal is not None and part(journal, "org_id") is None and part(campaign, "org_id") is None:
        yield (
            ("journal", "org_id"),
            "is missing: the journal asks for the organisation's id; say it here, or in connections.campaign",
        )
