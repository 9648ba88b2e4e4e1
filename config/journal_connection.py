"""How the I/O Events journal is reached, in which Adobe keeps the events of a registration for seven days."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import Field, ModelWrapValidatorHandler, field_validator, model_validator

from config.addresses import Scopes, Url
from config.model import Model, Place, Text, part, with_relations
from config.secrets import SecretRef

#: What a credential needs to read a journal: those of the I/O Management API.
JOURNAL_SCOPES = (
    "AdobeID",
    "openid",
    "read_organizations",
    "additional_info.projectedProductContext",
    "additional_info.roles",
    "adobeio_api",
)


class JournalAccess(NamedTuple):
    """The journal with the credential that it is read with: what is not said in its own part is Campaign's."""

    url: str
    org_id: str
    client_id: str
    client_secret: str  #: a reference
    scopes: tuple[str, ...]
    token_url: str


class JournalConnection(Model):
    """The I/O Events journal in which Campaign's email events stand, for egress from the journal. Its credential is
    Campaign's, if that project has the I/O Management API; another one is named here."""

    url: Url = Field(
        description="Address of the registration's journal, as the Developer Console shows it: "
        "https://events-va6.adobe.io/events/organizations/.../integrations/.../..."
    )
    org_id: Text | None = Field(
        default=None,
        description="Organisation id, such as 0123456789ABCDEF@AdobeOrg, which the journal asks for. "
        "Default: that of connections.campaign.",
    )
    client_id: Text | None = Field(
        default=None, description="Client id of the credential. Default: that of connections.campaign."
    )
    client_secret: SecretRef | None = Field(
        default=None,
        description="Where its client secret is kept: ${env:NAME} or ${file:/path}. "
        "Default: that of connections.campaign.",
    )
    scopes: Scopes | None = Field(
        default=None,
        json_schema_extra={"minItems": 1},
        description="Scopes of the credential. Default: those of the I/O Management API, "
        f"{', '.join(JOURNAL_SCOPES)}; and those of connections.campaign, if its credential is used.",
    )
    token_url: Url | None = Field(
        default=None, description="Where access tokens are fetched. Default: as connections.campaign says."
    )

    @field_validator("url")
    @classmethod
    def _url_leads_to_a_registration(cls, url: str) -> str:
        if len(urlsplit(url).path.split("/")) < 3:
            raise ValueError(
                "must be the whole address of one registration's journal, as the Developer Console shows it"
            )
        return url

    @model_validator(mode="wrap")
    @classmethod
    def _credential_is_whole(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _mistakes)


def _mistakes(value: object) -> Iterator[tuple[Place, str]]:
    for name, other in (("client_id", "client_secret"), ("client_secret", "client_id")):
        if part(value, name) is None and part(value, other) is not None:
            yield (name,), f"is missing: {other} is there, and a credential of the journal's own has both"
