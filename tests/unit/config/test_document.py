"""Writing documents as YAML, comparing them, and the mapping that comes out of the box."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.connections import CampaignConnection, Connections, DynamicsConnection
from config.defaults import default_contact_mapping
from config.document import Document, WorkflowDocument, diff, dump
from config.egress import JournalEvents
from config.event_fields import EventTypes, JournalFields
from config.ingress import Condition, FieldMapping, IngressConfig, TableMapping
from config.load import load, load_file
from tests.unit.config.egresses import EGRESS_CONFIGS, JOURNALS, SFTPS
from tests.unit.config.mappings import ingress_configs
from tests.unit.config.optinouts import optinout_configs

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "d365acs.yaml"

#: How long it takes to make documents up depends on what else the machine does.
_BUSY = [HealthCheck.too_slow]

_LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


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
    egress = draw(st.none() | EGRESS_CONFIGS)
    optinout = draw(st.none() | optinout_configs())
    source = egress.source if egress else ""
    files = source == "files" or (optinout is not None and optinout.files is not None)
    return Document(
        connections=Connections(
            dynamics=dynamics,
            campaign=campaign,
            journal=draw(JOURNALS if source == "journal" else st.none() | JOURNALS),
            sftp=draw(SFTPS if files else st.none() | SFTPS),
        ),
        ingress=draw(st.none() | ingress_configs()),
        egress=egress,
        optinout=optinout,
    )


@settings(max_examples=50, suppress_health_check=_BUSY)
@given(_documents())
def test_a_written_document_reads_back_as_the_same_document(document: Document) -> None:
    assert load(dump(document), "f") == document


def test_no_value_is_written_where_it_stands_for_something_else_than_the_default() -> None:
    # Given a page size that is left to the server, and tables that are looked for in no list
    events = JournalEvents(page_size=None, fields=JournalFields(url=None))
    # When it is written, then reading it brings back the same
    assert JournalEvents.model_validate(yaml.safe_load(dump(events))) == events
    assert "page_size: null\n" in dump(events) and "  url: null\n" in dump(events)
    # and empty lists alike, while what is empty by default is left out
    assert "ignore: []" in dump(EventTypes(ignore=()))
    assert "status" not in dump(JournalFields())


@pytest.mark.parametrize("text", ["a\x85b", "\x85", "\u2028 \u2029", "\ufeff", "\r\n", "\t"])
def test_every_line_break_of_unicode_survives(text: str) -> None:
    # Given a replacement from and to a text with it
    field = FieldMapping(source="f", target="t", replace={text: text})
    # When it is written and read back
    found = yaml.load(dump(field), yaml.SafeLoader)
    # Then it is the same
    assert found["replace"] == {text: text}


@settings(max_examples=50, suppress_health_check=_BUSY)
@given(_documents())
def test_a_stored_revision_reads_back_as_the_same_revision(document: Document) -> None:
    for part in document.workflows().values():
        assert WorkflowDocument.model_validate_json(part.model_dump_json()) == part


@settings(max_examples=30, suppress_health_check=_BUSY)
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
    assert changes == ["--- old", "+++ new", "-      resource: cusVehicle", "+      resource: cusCar"]


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
    assert len(pairs) == 14
    # and Dynamics' numbers of a gender become Campaign's names
    (gender,) = (rule for rule in mapping.fields if rule.target == "gender")
    assert (gender.source, gender.replace) == ("gendercode", {"1": "male", "2": "female", "": "unknown"})


def test_a_written_mapping_has_a_line_for_each_field_and_none_for_what_is_empty() -> None:
    # Given a mapping with a replacement, a filter and no links
    mapping = TableMapping.model_validate(
        {
            "table": "contact",
            "resource": "profile",
            "key": {},
            "filter": {"any": [{"field": "statecode", "is": "one_of", "value": [0, 1.0]}]},
            "fields": [
                {"from": "fax", "to": "fax", "apply_updates": False},
                {"from": "gendercode", "to": "gender", "replace": {"1": "male", "true": 2.0, "": "no", "007": "x: y"}},
            ],
        }
    )
    # When it is written, then it reads like one that was written by hand
    assert dump(mapping) == (
        "table: contact\n"
        "resource: profile\n"
        "key:\n"
        "  field: externalId\n"
        "  unique: false\n"
        "  address: filter\n"
        "  filter: byExternalId\n"
        "  parameter: externalId_parameter\n"
        "apply_updates: true\n"
        "technical_values: true\n"
        "apply_deletes: false\n"
        "delete_filtered_out: false\n"
        "filter:\n"
        "  any:\n"
        "    - {field: statecode, is: one_of, value: [0, 1]}\n"
        "fields:\n"
        "  - {from: fax, to: fax, apply_updates: false}\n"
        "  - from: gendercode\n"
        "    to: gender\n"
        "    replace: {1: male, true: 2, \"\": 'no', '007': 'x: y'}\n"
    )
    # and an empty list that must be there is there
    assert dump(IngressConfig(tables=())) == "park_limit_seconds: 900\ntables: []\n"
    # and a number that was said is written as the same number by default is
    assert dump(IngressConfig(tables=(), park_limit_seconds=900)) == dump(IngressConfig(tables=()))


def test_true_is_not_one() -> None:
    # Python takes them for equal, but a changed configuration must not pass for an unchanged one
    def condition(value: object) -> Condition:
        return Condition.model_validate({"field": "a", "is": "equals", "value": value})

    def rule(new: object) -> FieldMapping:
        return FieldMapping.model_validate({"from": "a", "to": "b", "replace": {"x": new}})

    assert condition(True) != condition(1) and rule(True) != rule(1)
    assert condition(1.0) == condition(1) and rule(1.0) == rule(1)
