"""Addresses and secret references: what is refused, and what is made of the rest."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.connections import CAMPAIGN_SCOPES, CampaignConnection, DynamicsConnection
from config.secrets import SecretMissing, resolve


def dynamics(**changes: Any) -> DynamicsConnection:
    values = {
        "url": "https://contoso.crm.dynamics.com",
        "tenant": "contoso.onmicrosoft.com",
        "client_id": "id",
        "client_secret": "${env:SECRET}",
    }
    return DynamicsConnection.model_validate(values | changes)


def campaign(**changes: Any) -> CampaignConnection:
    values = {
        "url": "https://mc.adobe.io/contoso",
        "client_id": "id",
        "client_secret": "${env:SECRET}",
        "org_id": "A@AdobeOrg",
    }
    return CampaignConnection.model_validate(values | changes)


def test_what_is_not_said_has_an_honest_default() -> None:
    assert dynamics().token_endpoint == "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token"
    assert dynamics().scope == "https://contoso.crm.dynamics.com/.default"
    assert campaign().scopes == CAMPAIGN_SCOPES
    assert campaign().requests_per_second is None


def test_addresses_are_normalised() -> None:
    assert dynamics(url="https://Contoso.CRM.dynamics.com:8443//").url == "https://contoso.crm.dynamics.com:8443"
    assert campaign(url="https://mc.adobe.io/contoso/").api_root == "https://mc.adobe.io/contoso/campaign"


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1"])
def test_plain_http_is_allowed_on_this_machine(url: str) -> None:
    assert dynamics(url=url).url == url


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://contoso.crm.dynamics.com", "must begin with https://"),
        ("http://localhost.example.com", "must begin with https://"),
        ("http://127.0.0.1.example.com", "must begin with https://"),
        ("ftp://contoso.crm.dynamics.com", "must begin with https://"),
        ("https://user:hunter2@contoso.crm.dynamics.com", "must not hold a user name or password"),
        ("https://@contoso.crm.dynamics.com", "must not hold a user name or password"),
        ("https://contoso.crm.dynamics.com/api/data", "without a path"),
        ("https://contoso.crm.dynamics.com?x=1", "must not hold a query"),
        ("https://contoso.crm.dynamics.com#", "must not hold a query"),
        ("https://contoso.crm.dynamics.com:x", "is not a valid address"),
        ("https://", "is not a valid address"),
        ("https://con toso.example.com", "is not a valid address"),
        ("https://[::1", "is not a valid address"),
        ("https://example.com\\@contoso.example.com", "is not a valid address"),
        ("", "must not be empty"),
        (" https://contoso.crm.dynamics.com", "must not begin or end with a blank"),
    ],
)
def test_an_address_that_could_leak_or_mislead_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(sentence)) as caught:
        dynamics(url=url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://mc.adobe.io", "https://mc.adobe.io/a/b", "https://mc.adobe.io/a/campaign"])
def test_a_campaign_address_ends_with_the_instance(url: str) -> None:
    with pytest.raises(ValidationError, match="must end with the instance"):
        campaign(url=url)


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "../common"},
        {"tenant": ""},
        {"client_id": ""},
        {"api_version": "9.2"},
        {"concurrency": 53},
        {"concurrency": True},
        {"client_secret": "$(env:SECRET)"},
        {"client_secret": "${env:A B}"},
        {"client_secret": "${file:relative}"},
        {"client_secret": ""},
        {"token_url": "http://login.example.com"},
    ],
    ids=str,
)
def test_a_value_out_of_bounds_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        dynamics(**changes)


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan"), "5"])
def test_a_rate_is_a_positive_number(rate: object) -> None:
    with pytest.raises(ValidationError):
        campaign(requests_per_second=rate)


def test_a_pasted_secret_is_never_repeated() -> None:
    with pytest.raises(ValidationError, match="must be a reference") as caught:
        dynamics(client_secret="hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_secret_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Given a secret in a variable and one in a file
    monkeypatch.setenv("SECRET", "first")
    file = tmp_path / "secret"
    file.write_text("line\n")
    assert (resolve("${env:SECRET}"), resolve(f"${{file:{file}}}")) == ("first", "line")
    # When both are rotated
    monkeypatch.setenv("SECRET", "second")
    file.write_text("other\r\n")
    # Then the new ones are read
    assert (resolve("${env:SECRET}"), resolve(f"${{file:{file}}}")) == ("second", "other")


def test_a_secret_that_cannot_be_read_is_named_by_its_reference(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ABSENT", raising=False)
    with pytest.raises(SecretMissing, match=r"^The environment variable ABSENT is not set;"):
        resolve("${env:ABSENT}")
    monkeypatch.setenv("EMPTY", "")
    with pytest.raises(SecretMissing, match=r"^The secret \$\{env:EMPTY\} is empty\.$"):
        resolve("${env:EMPTY}")
    with pytest.raises(SecretMissing, match=r"absent cannot be read: No such file or directory\.$"):
        resolve(f"${{file:{tmp_path}/absent}}")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(SecretMissing, match=r"does not hold UTF-8 text\.$"):
        resolve(f"${{file:{tmp_path}/binary}}")
    (tmp_path / "large").write_bytes(b"x" * 65_537)
    with pytest.raises(SecretMissing, match=r"holds more than 65536 bytes\.$"):
        resolve(f"${{file:{tmp_path}/large}}")
