"""Writing documents as YAML, comparing them, and the mapping that comes out of the box."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from config.connections import CampaignConnection, Connections, DynamicsConnection
from config.defaults import default_contact_mapping
from config.document import Document, WorkflowDocument, diff, dump
from config.ingress import CampaignKey, FieldMapping, IngressConfig, TableMapping
from config.load import load, load_file

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "d365acs.yaml"

_LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
_LOGICAL = st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True)
_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
_KEYS = st.builds(CampaignKey, field=_NAMES, filter=_NAMES, parameter=_NAMES)


@st.composite
def _tables(draw: st.DrawFn) -> TableMapping:
    key = draw(_KEYS)
    targets = draw(st.lists(_NAMES.filter(lambda name: name != key.field), unique=True, max_size=4))
    fields = tuple(FieldMapping(source=draw(_LOGICAL), target=target) for target in targets)
    deletes = draw(st.booleans())
    return TableMapping(table=draw(_LOGICAL), resource=draw(_NAMES), key=key, fields=fields, apply_deletes=deletes)


@st.composite
def _documents(draw: st.DrawFn) -> Document:
    dynamics = DynamicsConnection(
        url="https://contoso.crm.dynamics.com",
        tenant="contoso.onmicrosoft.com",
        client_id=draw(_LINES),
        client_secret="${env:D}",
        token_url=draw(st.sampled_from([None, "https://login.example.com/token"])),
        concurrency=draw(st.integers(1, 52)),
    )
    campaign = CampaignConnection(
        url="https://mc.adobe.io/contoso",
        client_id=draw(_LINES),
        client_secret="${file:/c}",
        org_id=draw(st.none() | _LINES),
        requests_per_second=draw(st.none() | st.floats(0.001, 1e6)),
    )
    tables = tuple(draw(st.lists(_tables(), max_size=3, unique_by=lambda table: table.table)))
    return Document(
        connections=Connections(dynamics=dynamics, campaign=campaign),
        ingress=draw(st.sampled_from([None, IngressConfig(tables=tables)])),
    )


@settings(max_examples=50)
@given(_documents())
def test_a_written_document_reads_back_as_the_same_document(document: Document) -> None:
    assert load(dump(document), "f") == document


@settings(max_examples=50)
@given(_documents())
def test_a_stored_revision_reads_back_as_the_same_revision(document: Document) -> None:
    for part in document.workflows().values():
        assert WorkflowDocument.model_validate_json(part.model_dump_json()) == part


@settings(max_examples=30)
@given(_documents(), _documents())
def test_documents_differ_exactly_when_their_diff_says_so(old: Document, new: Document) -> None:
    assert (diff(old, new) == "") == (old == new)


def test_a_diff_shows_the_changed_lines() -> None:
    # Given the example, and the same with another resource
    old = load_file(EXAMPLE)
    new = load(EXAMPLE.read_text().replace("cusVehicle\n", "cusCar\n"), "f")
    # When they are compared
    changes = [line for line in diff(old, new).splitlines() if line[0] in "+-"]
    # Then one line went and one came
    assert changes == ["--- old", "+++ new", "-    resource: cusVehicle", "+    resource: cusCar"]


def test_a_first_revision_is_all_new() -> None:
    document = load_file(EXAMPLE)
    lines = diff(None, document).splitlines()[3:]
    assert [line[1:] for line in lines] == dump(document).splitlines()
    assert all(line.startswith("+") for line in lines)


def test_contacts_flow_to_profiles_out_of_the_box() -> None:
    mapping = default_contact_mapping()
    assert (mapping.table, mapping.resource, mapping.key.field) == ("contact", "profile", "externalId")
    pairs = {rule.source: rule.target for rule in mapping.fields}
    assert pairs["emailaddress1"] == "email"
    assert pairs["address1_postalcode"] == "location.zipCode"
    assert len(pairs) == 13
