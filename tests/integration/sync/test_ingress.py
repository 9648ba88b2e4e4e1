"""How many requests a write costs, with every way an instance may let us address a record."""

import pytest

from config.defaults import default_contact_mapping
from config.ingress import CampaignKey, IngressConfig
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.errors import AlreadyExists, Refused, TrackingOff
from connectors.http import NoThrottle
from store.ledger import Entry, Standing
from store.record_queue import Lane, Leased, Unchanged
from sync.fitting.findings import Misfitting
from sync.ingress import connect_streams
from sync.schemas import dump, load, read_schemas
from sync.streams import Send, Stream
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection, tell_secrets
from tests.sandboxes import Sandbox

CONTACT = "00000000-0000-4000-8000-00000000c0de"
URI = CampaignKey(unique=True, address="uri")
UNIQUE_FILTER = CampaignKey(unique=True)
FILTER = CampaignKey()


@pytest.fixture(autouse=True)
def secrets(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_secrets(sandbox, monkeypatch)


def connect(sandbox: Sandbox, key: CampaignKey) -> Stream:
    """The stream of the out-of-the-box contact mapping with this key."""
    mapping = default_contact_mapping().model_copy(update={"key": key, "apply_deletes": True})
    config = IngressConfig(tables=(mapping,))
    source = Dynamics(dynamics_connection(sandbox), NoThrottle())
    target = Campaign(campaign_connection(sandbox), NoThrottle())
    # As every process gets them: written down at the start, read again from the store.
    schemas = load(dump(read_schemas(config, source, target, timeout=30)))
    [stream] = connect_streams(config, schemas, source, target, page_size=5000, concurrency=1)
    sandbox.admin.delete("/calls")
    return stream


def leased(last_name: str | None, version: int = 2) -> Leased:
    payload = b"null" if last_name is None else b'{"lastname":"%s"}' % last_name.encode()
    return Leased(CONTACT, version, 0, Lane.LIVE, payload, 0, 0)


def write(stream: Stream, record: Leased, entry: Entry | None) -> Entry:
    """Writes one record; answers what the ledger would say then."""
    decision = stream.target.prepare(record, entry)
    assert isinstance(decision, Send | Unchanged)
    if isinstance(decision, Send):
        stream.target.send([decision], lambda: 10.0)
    assert decision.entry is not None
    return decision.entry


def calls(sandbox: Sandbox) -> dict[str, int]:
    """Campaign requests since the last look."""
    counted: dict[str, int] = sandbox.admin.get("/calls")["campaign"]
    sandbox.admin.delete("/calls")
    return counted


@pytest.mark.parametrize(
    ("key", "insert", "update", "delete"),
    [
        (URI, {"POST": 1}, {"PATCH": 1}, {"DELETE": 1}),
        (UNIQUE_FILTER, {"POST": 1}, {"GET": 1, "PATCH": 1}, {"GET": 1, "DELETE": 1}),
        (FILTER, {"GET": 1, "POST": 1}, {"GET": 1, "PATCH": 1}, {"GET": 1, "DELETE": 1}),
    ],
    ids=["key in the address", "unique key behind a filter", "key behind a filter"],
)
def test_a_write_costs_no_more_requests_than_it_needs(
    sandbox: Sandbox, key: CampaignKey, insert: dict[str, int], update: dict[str, int], delete: dict[str, int]
) -> None:
    # Given a key of this kind
    stream = connect(sandbox, key)
    # When a record is created, arrives unchanged, changes, is deleted, and its deletion arrives again
    entry = write(stream, leased("Doe"), None)
    assert calls(sandbox) == insert
    entry = write(stream, leased("Doe"), entry)
    assert calls(sandbox) == {}
    entry = write(stream, leased("Roe"), entry)
    assert calls(sandbox) == update
    [profile] = sandbox.admin.profiles()
    assert (profile["externalId"], profile["lastName"]) == (CONTACT, "Roe")
    entry = write(stream, leased(None), entry)
    assert calls(sandbox) == delete
    assert entry.standing is Standing.DELETED
    write(stream, leased(None), entry)
    # Then each cost exactly that, and nothing is left
    assert calls(sandbox) == {}
    assert sandbox.admin.profiles() == []


@pytest.mark.parametrize("key", [URI, UNIQUE_FILTER, FILTER], ids=["address", "unique filter", "filter"])
def test_a_write_whose_confirmation_was_lost_makes_no_second_profile(sandbox: Sandbox, key: CampaignKey) -> None:
    # Given a record that was written, and a ledger that does not know
    stream = connect(sandbox, key)
    write(stream, leased("Doe"), None)
    # When it is written again, changed meanwhile
    write(stream, leased("Roe"), None)
    # Then there is one profile, with the newest value
    assert [profile["lastName"] for profile in sandbox.admin.profiles()] == ["Roe"]


@pytest.mark.parametrize("key", [URI, UNIQUE_FILTER, FILTER], ids=["address", "unique filter", "filter"])
def test_a_profile_that_somebody_deleted_in_campaign_comes_back_with_the_next_change(
    sandbox: Sandbox, key: CampaignKey
) -> None:
    # Given a record that we wrote and somebody else deleted
    stream = connect(sandbox, key)
    entry = write(stream, leased("Doe"), None)
    sandbox.admin.post("/reset")
    # When it changes in Dynamics
    write(connect(sandbox, key), leased("Roe"), entry)
    # Then it is there again
    assert [profile["lastName"] for profile in sandbox.admin.profiles()] == ["Roe"]


def test_two_records_with_one_key_are_left_alone_and_named(sandbox: Sandbox) -> None:
    # Given an instance that does not enforce the key, and two profiles that carry it
    sandbox.admin.put("/switches", {"profile_key": "none"})
    stream = connect(sandbox, FILTER)
    entry = write(stream, leased("Doe"), None)
    write(connect(sandbox, UNIQUE_FILTER), leased("Doe"), None)
    # When the contact changes
    with pytest.raises(Refused, match="2 records carry this record's key; merge them in Campaign"):
        write(stream, leased("Roe"), entry)
    # Then neither was touched
    assert [profile["lastName"] for profile in sandbox.admin.profiles()] == ["Doe", "Doe"]


def test_a_table_without_change_tracking_is_named_with_the_remedy(sandbox: Sandbox) -> None:
    sandbox.admin.put("/switches", {"change_tracking": {"contact": False}})
    with pytest.raises(TrackingOff, match="change tracking is off for contact: switch on 'Track changes'"):
        connect(sandbox, URI)


def test_a_mapping_that_does_not_fit_is_refused_before_anything_flows(sandbox: Sandbox) -> None:
    with pytest.raises(Misfitting, match="noSuchField"):
        connect(sandbox, CampaignKey(field="noSuchField", unique=True, address="uri"))


def test_another_unique_field_that_is_taken_is_the_records_own_fault(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an instance that also enforces the e-mail address, which another profile has
    stream = connect(sandbox, URI)

    def taken(*_: object) -> str:
        raise AlreadyExists("campaign", "profile: a record with this email exists", field="semail")

    monkeypatch.setattr(Campaign, "create", taken)
    # When a contact is written, then it is refused with the vendor's reason rather than tried again
    with pytest.raises(AlreadyExists, match="with this email exists"):
        write(stream, leased("Doe"), None)
