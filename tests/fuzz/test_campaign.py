"""Answers of Campaign: whatever comes, a call gives what it promises or ends in one clean sentence."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.ingress import CampaignKey
from connectors.campaign import Campaign
from connectors.campaign_metadata import CampaignResource
from connectors.campaign_profiles import ProfilePage
from connectors.campaign_workflows import WorkflowState
from connectors.errors import ConnectorError
from tests.fuzz.answers import PLANTED, STATUSES, bodies, headers, is_clean
from tests.fuzz.budget import examples
from tests.integration.connectors.odd_server import OddServer, Reply

KEY, BY_URI = CampaignKey(), CampaignKey(field="cusCrmId", unique=True, address="uri")
SENT = {"email": PLANTED, "location": {"city": "Oslo"}, "cusLink": {"PKey": "@Ab-_9"}}
FIELDS = ("PKey", "externalId", "blackListEmail", "lastModified")

PROFILE = {
    "PKey": "@Ab-_9",
    "externalId": PLANTED,
    "email": PLANTED,
    "blackListEmail": True,
    "lastModified": "2026-11-22 08:30:00.000Z",
    "href": "/acme/campaign/profileAndServicesExt/profile/@Ab-_9",
}
LIST = {"content": [PROFILE, PROFILE], "count": {"value": 2}, "serverSidePagination": True}
LIST_ON = LIST | {"next": {"href": "/acme/campaign/profileAndServicesExt/profile/by?_lineStart=@x"}}
DESCRIPTION = {
    "content": {
        "email": {"type": "string", "length": "100", "readOnly": "false", "label": "Email"},
        "gender": {"type": "enumeration", "values": {"value": [{"@name": "male"}]}},
        "location": {"type": "element", "content": {"city": {"type": "string", "length": 30}}},
        "orgUnit": {"type": "link", "resTarget": "geoUnit", "content": {"x": {"type": "string"}}},
    },
    "filters": {"href": "/acme/campaign/profileAndServicesExt/resourceType/@x/filters/"},
}
FILTERS = {"byEmail": {"data": "/profileAndServices/profile/byEmail?email=$value"}, "byText": {"data": "/a/byText"}}
RESOURCES = {"cusCard": {"type": "collection", "label": "Card", "help": "Cards"}, "title": "x"}
WORKFLOW = {
    "PKey": "@wkf",
    "state": "Started",
    "activities": {"activity": {"signal1": {"name": "signal1", "trigger": {"href": "/acme/campaign/trigger/@x"}}}},
}
ERROR = {"error_code": "500", "message": f"PAS-170006 The value '{PLANTED}' is not valid for the 'email' attribute"}
VALID: list[Any] = [PROFILE, LIST, LIST_ON, DESCRIPTION, FILTERS, RESOURCES, WORKFLOW, ERROR, {"error": ERROR}]

Call = Callable[[Campaign], object]
CALLS: dict[str, tuple[Call, Callable[[Any], bool]]] = {
    "ping": (lambda campaign: campaign.ping(5), lambda found: found is None),
    "find": (lambda campaign: campaign.find("profile", KEY, PLANTED, 5), lambda found: all(is_pkey(p) for p in found)),
    "find by uri": (
        lambda campaign: campaign.find("profile", BY_URI, PLANTED, 5),
        lambda found: all(is_pkey(p) for p in found),
    ),
    "create": (lambda campaign: campaign.create("profile", SENT, 5), lambda found: is_pkey(found)),
    "update": (lambda campaign: campaign.update("profile", "@Ab-_9", SENT, 5), lambda found: is_pkey(found)),
    "delete": (lambda campaign: campaign.delete("profile", "@Ab-_9", 5), lambda found: found is None),
    "record": (
        lambda campaign: campaign.record("profile", "@Ab-_9", 5),
        lambda found: found is None or is_pkey(found["PKey"]),
    ),
    "resource": (lambda campaign: campaign.resource("profile", 5), lambda found: isinstance(found, CampaignResource)),
    "resources": (lambda campaign: campaign.resources(5), lambda found: len(found) >= 2),
    "filters": (lambda campaign: campaign.filters("profile", 5), lambda found: found == sorted(found)),
    "changed": (
        lambda campaign: campaign.changed_profiles("byLastModified", "since", 0, FIELDS, 100, 5),
        lambda found: isinstance(found, ProfilePage) and (found.next is None or found.next.startswith("/")),
    ),
    "follow": (
        lambda campaign: campaign.follow_profiles("/acme/campaign/next", 0, FIELDS, 5),
        lambda found: isinstance(found, ProfilePage) and found.next != "/acme/campaign/next",
    ),
    "state": (lambda campaign: campaign.workflows.state("WKF1", 5), lambda found: isinstance(found, WorkflowState)),
    "command": (lambda campaign: campaign.workflows.command("WKF1", "start", 5), lambda found: found is None),
    "signal": (
        lambda campaign: campaign.workflows.signal("WKF1", "signal1", {"a": 1}, 5),
        lambda found: found is None,
    ),
}

#: What each call is promised, one answer after the other.
RIGHT: dict[str, list[Any]] = {
    "ping": [LIST],
    "find": [LIST],
    "resource": [DESCRIPTION],
    "resources": [RESOURCES, RESOURCES],
    "filters": [DESCRIPTION, FILTERS],
    "changed": [LIST_ON],
    "follow": [LIST],
    **{name: [PROFILE] for name in ("find by uri", "create", "update", "delete", "record")},
    **{name: [WORKFLOW] for name in ("state", "command")},
    "signal": [WORKFLOW, {}],
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_promised_is_taken(server: OddServer, campaign: Campaign, name: str) -> None:
    # The property below would hold of a product that refuses everything
    call, keeps = CALLS[name]
    server.replies = [Reply(json=answer) for answer in RIGHT[name]]
    assert keeps(call(campaign))


def is_pkey(found: object) -> bool:
    return isinstance(found, str) and found.startswith("@")


@pytest.mark.parametrize("name", CALLS)
@examples(12)
@given(st.data())
def test_whatever_campaign_answers_a_call_keeps_its_promise_or_says_why_not(
    server: OddServer, campaign: Campaign, name: str, data: st.DataObject
) -> None:
    # Given a server that answers all requests of the call with something that nobody promised
    call, keeps = CALLS[name]
    own = st.one_of(bodies(RIGHT[name]), bodies(RIGHT[name]), bodies(VALID))
    right = [Reply(json=answer) for answer in RIGHT[name][: data.draw(st.integers(0, len(RIGHT[name]) - 1))]]
    odd = data.draw(st.lists(st.builds(Reply, STATUSES, st.none(), own, headers()), min_size=1, max_size=2))
    server.replies, server.script = right + odd[:-1], lambda _: odd[-1]
    # Then there is what was promised, or one clean sentence
    try:
        found = call(campaign)
    except ConnectorError as error:
        is_clean(error)
    else:
        assert keeps(found)
    # And nothing was asked anywhere but below our own root
    assert all(made.path.startswith("/acme/campaign/") for made in server.calls)
    server.calls.clear()
