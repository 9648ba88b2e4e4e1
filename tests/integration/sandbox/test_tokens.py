"""The token endpoints of Entra and IMS, and what an expired token meets."""

import pytest
import requests

from tests.sandboxes import Sandbox


def entra(sandbox: Sandbox, **changed: str) -> requests.Response:
    of = sandbox.info["dynamics"]
    form = {
        "grant_type": "client_credentials",
        "client_id": of["client_id"],
        "client_secret": of["client_secret"],
        "scope": of["url"] + "/.default",
    }
    return requests.post(of["token_url"], data={**form, **changed}, timeout=10)


def test_entra_answers_in_the_shape_of_version_2_with_numbers(sandbox: Sandbox) -> None:
    body = entra(sandbox).json()
    assert body.keys() == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3599)


def test_the_first_version_of_the_endpoint_answers_with_strings(sandbox: Sandbox) -> None:
    of = sandbox.info["dynamics"]
    form = {"grant_type": "client_credentials", "client_id": of["client_id"], "client_secret": of["client_secret"]}
    url = of["token_url"].replace("/oauth2/v2.0/", "/oauth2/")
    body = requests.post(url, data={**form, "resource": of["url"] + "/"}, timeout=10).json()
    assert body["expires_in"] == "3599"
    assert body["resource"] == of["url"] + "/"


def test_entra_names_each_mistake_by_its_code(sandbox: Sandbox) -> None:
    expected = {
        (401, "invalid_client", 7000215): {"client_secret": "wrong"},
        (400, "unauthorized_client", 700016): {"client_id": "nobody"},
        (400, "invalid_request", 900144): {"scope": ""},
        (400, "invalid_scope", 1002012): {"scope": "offline_access"},
        (400, "invalid_resource", 500011): {"scope": "https://other.test/.default"},
        (400, "unsupported_grant_type", 70003): {"grant_type": "password"},
    }
    for (status, error, code), changed in expected.items():
        answer = entra(sandbox, **changed)
        body = answer.json()
        assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code])
        assert body["error_description"].startswith(f"AADSTS{code}: ")


def test_ims_answers_in_seconds_and_refuses_in_its_own_words(sandbox: Sandbox) -> None:
    of = sandbox.info["campaign"]
    form = {"grant_type": "client_credentials", "client_id": of["client_id"], "client_secret": of["client_secret"]}
    good = requests.post(of["token_url"], data={**form, "scope": "openid, campaign_sdk"}, timeout=10)
    by_query = requests.post(of["token_url"], params={**form, "scope": "openid"}, timeout=10)
    bad = requests.post(of["token_url"], data={**form, "client_secret": "x", "scope": "openid"}, timeout=10)
    assert good.json().keys() == {"access_token", "token_type", "expires_in"}
    assert (good.json()["token_type"], good.json()["expires_in"]) == ("bearer", 86399)
    assert by_query.status_code == 200
    assert bad.status_code == 400
    assert bad.json() == {"error": "invalid_client", "error_description": "invalid client_secret parameter"}


def test_an_expired_token_meets_an_empty_401_with_a_challenge(sandbox: Sandbox) -> None:
    # Given a good token
    headers = sandbox.dynamics_headers()
    assert requests.get(sandbox.dynamics_api + "/WhoAmI", headers=headers, timeout=10).status_code == 200
    # When an hour goes by
    sandbox.admin.post("/clock", {"advance": 3600})
    # Then it is refused, and the challenge names the tenant and the resource
    answer = requests.get(sandbox.dynamics_api + "/WhoAmI", headers=headers, timeout=10)
    of = sandbox.info["dynamics"]
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == (
        f"Bearer authorization_uri=https://login.microsoftonline.com/{of['tenant']}/oauth2/authorize, "
        f"resource_id={of['url']}/"
    )


def test_all_tokens_are_told_that_were_given_out_since_the_last_reset(sandbox: Sandbox) -> None:
    def told() -> list[str]:
        found: list[str] = sandbox.admin.get("/tokens")["value"]
        return found

    # Given tokens of both issuers, none of which is good any more
    taken = [sandbox.dynamics_headers(), sandbox.dynamics_headers(), sandbox.campaign_headers()]
    sandbox.admin.post("/tokens/expire")
    # And one whose answer never arrived
    sandbox.admin.put("/faults", {"tokens": {"rate_reset_after": 1}})
    with pytest.raises(requests.ConnectionError):
        sandbox.journal_headers()
    # Then all are told
    assert {headers["Authorization"].removeprefix("Bearer ") for headers in taken} < {*told()}
    assert len(told()) == 4
    # And after a reset none but the next ones
    sandbox.admin.post("/reset")
    assert told() == []
    token = sandbox.campaign_headers()["Authorization"].removeprefix("Bearer ")
    assert told() == [token]


def test_all_tokens_can_be_made_to_expire_at_once(sandbox: Sandbox) -> None:
    dynamics, campaign = sandbox.dynamics_headers(), sandbox.campaign_headers()
    sandbox.admin.post("/tokens/expire")
    assert requests.get(sandbox.dynamics_api + "/WhoAmI", headers=dynamics, timeout=10).status_code == 401
    refused = requests.get(sandbox.profiles_api, headers=campaign, timeout=10)
    assert refused.status_code == 401
    assert refused.json() == {"error_code": "401013", "message": "Oauth token is not valid"}
