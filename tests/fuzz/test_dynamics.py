"""Answers of Dynamics: whatever comes, a call gives what it promises or ends in one clean sentence."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dynamics import Dynamics
from connectors.dynamics_creates import Create
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page, Row
from connectors.dynamics_updates import Update, Updated
from connectors.errors import ConnectorError, ForeignLink, Malformed
from tests.fuzz.answers import PLANTED, STATUSES, bodies, headers, is_clean
from tests.fuzz.budget import examples
from tests.fuzz.odd_values import as_json
from tests.integration.connectors.odd_server import OddServer, Reply

ANN, BOB = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
ROOT = "/api/data/v9.2/"
COLUMNS = ("firstname", "lastname", "gendercode", "parentcustomerid")

ROW = {
    "@odata.etag": 'W/"7"',
    "contactid": ANN,
    "firstname": PLANTED,
    "lastname": None,
    "gendercode": 1,
    "gendercode@OData.Community.Display.V1.FormattedValue": "x",
    "_parentcustomerid_value": BOB,
    "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
    "modifiedon": "2026-11-22T08:30:00Z",
}
GONE = {"@odata.context": "https://x.example/$deletedEntity", "id": BOB, "reason": "deleted"}
PAGE = {"value": [ROW, GONE], "@odata.deltaLink": "https://x.example/api/data/v9.2/contacts?$deltatoken=1"}
PAGE_ON = {"value": [ROW], "@odata.nextLink": "/api/data/v9.2/contacts?$skiptoken=1"}
LABEL = {"UserLocalizedLabel": {"Label": "Contact"}, "LocalizedLabels": [{"Label": "Contact"}]}
DEFINITION = {
    "LogicalName": "contact",
    "EntitySetName": "contacts",
    "PrimaryIdAttribute": "contactid",
    "ChangeTrackingEnabled": True,
    "DisplayName": LABEL,
    "Attributes": [
        {"LogicalName": "firstname", "AttributeType": "String", "AttributeTypeName": {"Value": "StringType"}},
        {"LogicalName": "gendercode", "AttributeType": "Picklist", "DisplayName": LABEL, "IsValidForRead": True},
    ],
}
CASTS = {
    "value": [
        {"LogicalName": "firstname", "MaxLength": 50},
        {"LogicalName": "gendercode", "OptionSet": {"Options": [{"Value": 1, "Label": LABEL}]}},
    ]
}
DEFINITIONS = {"value": [DEFINITION]}
PRIVILEGES = {"Privileges": [{"Name": "prvReadContact", "PrivilegeType": "Read"}]}
REACH = {"RolePrivileges": [{"Depth": "Global", "PrivilegeName": "prvReadContact"}]}
COUNT = {"EntityRecordCountCollection": {"Keys": ["contact"], "Values": [3]}}
ERROR = {"error": {"code": "0x80044331", "message": f"The value '{PLANTED}' of {PLANTED} is too long for 'firstname'"}}
GONE_LINK = {"error": {"code": "0x80040217", "message": f"contact With Id = {ANN} Does Not Exist"}}
WHO = {"UserId": ANN}
LIFE = {"value": [{"expirechangetrackingindays": 30}]}
LINKS = {
    "value": [
        {
            "ReferencedEntity": "contact",
            "ReferencingAttribute": "regardingobjectid",
            "ReferencingEntityNavigationPropertyName": "regardingobjectid_contact",
        }
    ]
}
ROWS = {"value": [ROW]}
VALID: list[Any] = [ROW, PAGE, PAGE_ON, DEFINITION, CASTS, DEFINITIONS, COUNT, ERROR, GONE_LINK, LINKS]

Call = Callable[[Dynamics, DynamicsTable], object]
CALLS: dict[str, tuple[Call, Callable[[Any], bool]]] = {
    "who": (lambda dynamics, _: dynamics.who_am_i(5), lambda found: isinstance(found, str)),
    "privileges": (lambda dynamics, _: dynamics.privileges("contact", 5), lambda found: isinstance(found, dict)),
    "reach": (lambda dynamics, _: dynamics.reach(ANN, "prvReadContact", 5), lambda found: found is not None),
    "table": (lambda dynamics, _: dynamics.table("contact", 5), lambda found: isinstance(found, DynamicsTable)),
    "tables": (lambda dynamics, _: dynamics.tables(5), lambda found: isinstance(found, list)),
    "activities": (lambda dynamics, _: dynamics.activities(5), lambda found: isinstance(found, list)),
    "activity": (lambda dynamics, _: dynamics.activity("adobe_emailsend", 5), lambda found: found is not None),
    "life": (lambda dynamics, _: dynamics.token_days(5), lambda found: found is None or found > 0),
    "count": (lambda dynamics, _: dynamics.count("contact", 5), lambda found: found is None or isinstance(found, int)),
    "first": (lambda dynamics, contact: dynamics.first_page(contact, COLUMNS, timeout=5), lambda found: is_page(found)),
    "annotated": (
        lambda dynamics, contact: dynamics.first_page(
            contact, COLUMNS, labels=["gendercode"], tables=["parentcustomerid"], timeout=5
        ),
        lambda found: is_page(found),
    ),
    "follow": (
        lambda dynamics, contact: dynamics.follow(contact, f"{ROOT}contacts?$deltatoken=1", COLUMNS, timeout=5),
        lambda found: is_page(found),
    ),
    "scan": (
        lambda dynamics, contact: dynamics.scan(contact, "", COLUMNS, timeout=5),
        lambda found: isinstance(found, Page) and found.delta_link is None,
    ),
    "row": (
        lambda dynamics, contact: dynamics.row(contact, ANN, COLUMNS, timeout=5),
        lambda found: found is None or (isinstance(found, Row) and found.id == ANN),
    ),
    "existing": (
        lambda dynamics, contact: dynamics.existing(contact, [ANN, BOB], 5),
        lambda found: found <= {ANN, BOB},
    ),
    "current": (
        lambda dynamics, contact: dynamics.current(contact, [ANN, BOB], COLUMNS, 5),
        lambda found: found.keys() <= {ANN, BOB},
    ),
}

#: What each call is promised, one answer after the other. What an answer lacks, the server says is not there.
RIGHT: dict[str, list[Any]] = {
    "who": [WHO],
    "privileges": [PRIVILEGES],
    "reach": [REACH],
    "table": [DEFINITION, CASTS, CASTS],
    "tables": [DEFINITIONS],
    "activities": [DEFINITIONS],
    "activity": [DEFINITION, CASTS, CASTS, LINKS],
    "life": [LIFE],
    "count": [COUNT],
    "row": [ROW],
    "scan": [PAGE_ON],
    "existing": [ROWS],
    "current": [ROWS],
    **{name: [PAGE] for name in ("first", "annotated", "follow")},
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_promised_is_taken(server: OddServer, dynamics: Dynamics, contact: DynamicsTable, name: str) -> None:
    # The properties below would hold of a product that refuses everything
    call, keeps = CALLS[name]
    server.replies = [Reply(json=answer) for answer in RIGHT[name]]
    found = call(dynamics, contact)
    assert found and keeps(found)


def is_page(found: object) -> bool:
    """Every row has an id, and exactly what was asked for; and the reading can go on."""
    assert isinstance(found, Page)
    for row in found.rows:
        assert isinstance(row.id, str) and (row.values is None) == (row.version is None)
        assert row.values is None or set(COLUMNS) <= row.values.keys()
    return bool(found.next_link) != bool(found.delta_link)


@pytest.mark.parametrize("name", CALLS)
@examples(12)
@given(st.data())
def test_whatever_dynamics_answers_a_call_keeps_its_promise_or_says_why_not(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, name: str, data: st.DataObject
) -> None:
    # Given a server that answers the first requests of the call with something nobody promised, and then refuses
    call, keeps = CALLS[name]
    own = st.one_of(bodies(RIGHT[name]), bodies(RIGHT[name]), bodies(VALID))
    right = [Reply(json=answer) for answer in RIGHT[name][: data.draw(st.integers(0, len(RIGHT[name]) - 1))]]
    odd = data.draw(st.lists(st.builds(Reply, STATUSES, st.none(), own, headers()), min_size=1, max_size=2))
    server.replies = right + odd
    server.script = lambda _: Reply(404)
    # Then there is what was promised, or one clean sentence
    try:
        found = call(dynamics, contact)
    except ConnectorError as error:
        is_clean(error)
    else:
        assert keeps(found)
    # And nothing was asked anywhere but below our own root
    assert all(made.path.startswith("/") for made in server.calls)
    server.calls.clear()


CREATES = [Create("adobe_emailsends", id_, orjson.dumps({"subject": PLANTED})) for id_ in (ANN, BOB)]


def part(status: int, set_name: str, id_: str, body: bytes) -> bytes:
    """One answer within a batch."""
    head = f"HTTP/1.1 {status} Odd\r\nOData-EntityId: https://x.example{ROOT}{set_name}({id_})\r\n"
    return b"Content-Type: application/http\r\n\r\n" + head.encode() + b"\r\n" + body


@st.composite
def batches(draw: st.DrawFn, set_name: str) -> bytes:
    """The answer to a batch: parts that confirm, refuse, stand elsewhere or are missing, torn at any byte."""
    statuses = st.sampled_from([200, 204, 204, 400, 404, 412, 429, 500, 99, 999])
    made = st.builds(part, statuses, st.just(set_name), st.sampled_from([ANN, BOB, "x"]), bodies(VALID))
    parts = draw(st.lists(st.one_of(made, st.binary(max_size=20)), max_size=4))
    whole = b"".join(b"--x\r\n" + one + b"\r\n" for one in parts) + b"--x--\r\n"
    if draw(st.booleans()):
        start = draw(st.integers(0, len(whole)))
        whole = whole[:start] + draw(st.binary(max_size=4)) + whole[start + draw(st.integers(0, 60)) :]
    return whole


BATCH = st.sampled_from(
    ["multipart/mixed; boundary=x", 'multipart/mixed; boundary="x"', "multipart/mixed", "text/html"]
)


@examples(80)
@given(st.data())
def test_of_a_batch_each_row_is_confirmed_by_name_or_has_an_error_of_its_own(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, data: st.DataObject
) -> None:
    # Given a batch that creates rows, or changes them, and an answer that nobody promised
    creating = data.draw(st.booleans())
    body = data.draw(batches("adobe_emailsends" if creating else "contacts"))
    server.replies = [Reply(data.draw(STATUSES), None, body, {"Content-Type": data.draw(BATCH)})]
    updates = [Update(contact, id_, {"firstname": PLANTED}, 'W/"7"') for id_ in (ANN, BOB)]
    # Then each row has an outcome, or the batch as a whole an error
    found: list[Any]
    try:
        found = list(dynamics.create_absent(CREATES, 5) if creating else dynamics.update_all(updates, 5))
    except ConnectorError as error:
        is_clean(error)
        return
    assert len(found) == 2
    for id_, outcome in zip((ANN, BOB), found, strict=True):
        if isinstance(outcome, ConnectorError):
            is_clean(outcome)
        elif outcome is not False:
            # And none is taken for written whom the answer does not name
            assert isinstance(outcome, bool | Updated)
            assert id_.encode() in body.lower()


_SCHEMES = ["http://", "https://", "//", "\\\\", "/\\", "HTTP://", "ftp://", "\\/", "https:///"]


@examples(60)
@given(
    st.sampled_from(["@odata.nextLink", "@odata.deltaLink"]),
    st.sampled_from(_SCHEMES),
    st.sampled_from(
        ["elsewhere.example", "127.0.0.1@elsewhere.example", "127.0.0.1:1", "[::1]", "127.0.0.1.elsewhere"]
    ),
    st.text(max_size=8),
)
def test_a_link_that_leads_elsewhere_is_not_followed(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, member: str, scheme: str, host: str, tail: str
) -> None:
    # Given a page with a link to another host, in any spelling that somebody may take for one
    server.calls.clear()
    server.replies = [Reply(body=as_json({"value": [], member: f"{scheme}{host}/{tail}"}))]
    server.script = lambda _: Reply(json={"value": [], "@odata.deltaLink": "/x"})
    # When it is followed, it stops the workflow without saying where it leads, and nothing is asked
    with pytest.raises((ForeignLink, Malformed)) as stopped:
        page = dynamics.first_page(contact, COLUMNS, timeout=5)
        dynamics.follow(contact, page.next_link or page.delta_link or "", COLUMNS, timeout=5)
    is_clean(stopped.value)
    assert "elsewhere" not in str(stopped.value)
    assert len(server.calls) == 1
