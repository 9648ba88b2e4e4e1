"""What is wrong with mappings, links, filters and replacements: all of it at once, each at its line."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.ingress import FieldMapping, IngressConfig, TableMapping
from config.load import load
from config.problems import ConfigProblems

_HEAD = """\
connections:
  dynamics: {url: "https://contoso.crm.dynamics.com", tenant: c, client_id: x, client_secret: "${env:A}"}
  campaign: {url: "https://mc.adobe.io/c", client_id: x, client_secret: "${env:A}"}
ingress:
"""

FULL_OF_MISTAKES = """\
  park_limit_seconds: 0
  tables:
    - table: contact
      resource: profile
      key: {}
      apply_updates: yes
      filter:
        all: []
        any:
          - {field: statecode, is: eqals, value: 0}
          - {field: statecode, is: [equals], value: 0}
          - {field: Statecode, is: shout}
          - {field: statecode, as: equals, value: {a: b}}
      links:
        - {from: new_a, to: email, table: acount}
        - {from: parentid, to: parent, table: contact, required: true}
        - {from: a, to: externalId, table: account, require: true}
      fields:
        - {from: emailaddress1, to: email, replace: {1: [a], 2: null, 3: .inf, "": x}}
        - {from: name, to: parent.name, replace: [1]}
        - {source: a, to: b}
        - x
    - table: account
      resource: cusAccount
      key: {filter: a, parameter: b}
      filter: {}
    - table: new_z
      resource: cusZ
      key: {}
      filter: {some: []}
      links: x
      fields: [{from: a, to: externalId}]
"""

ITS_MISTAKES = """\
5: ingress.park_limit_seconds: must be more than 0
10: ingress.tables.0.apply_updates: must be true or false
11: ingress.tables.0.filter: must have either all (every condition holds) or any (one is enough)
12: ingress.tables.0.filter.all: must hold at least one item
14: ingress.tables.0.filter.any.0.is: is no comparison; did you mean equals?
15: ingress.tables.0.filter.any.1.is: must be the name of a comparison
16: ingress.tables.0.filter.any.2.field: is not a logical name of Dynamics: those are made of lower-case letters, \
digits and underscores
16: ingress.tables.0.filter.any.2.is: must be equals, not_equals, one_of, none_of, empty, not_empty, less_than, \
at_most, more_than, at_least, between, contains, not_contains, begins_with, not_begins_with, ends_with, \
not_ends_with, before, on_or_before, after, on_or_after, contains_any, contains_all or contains_none
17: ingress.tables.0.filter.any.3.is: is missing
17: ingress.tables.0.filter.any.3.value: must be one value: text, a number, true or false
17: ingress.tables.0.filter.any.3.as: is not a known key; did you mean is?
19: ingress.tables.0.links.0.table: acount is not mapped, and a link leads to a mapped table; did you mean account?
20: ingress.tables.0.links.1.required: must be false: the link leads to contact itself, whose first record could \
never be written
21: ingress.tables.0.links.2.require: is not a known key; did you mean required?
21: ingress.tables.0.links.2.to: externalId is the key, which always takes the record's id: remove this line
23: ingress.tables.0.fields.0.replace.1: must be one value: text, a number, true or false
23: ingress.tables.0.fields.0.replace.2: must be one value: text, a number, true or false
23: ingress.tables.0.fields.0.replace.3: must be one value: text, a number, true or false
23: ingress.tables.0.fields.0.to: email is written twice: one Campaign field takes one Dynamics column
24: ingress.tables.0.fields.1.replace: must be a group of keys (lines of the form key: value)
24: ingress.tables.0.fields.1.to: parent.name and another field above overlap: map the whole field or its parts
25: ingress.tables.0.fields.2.from: is missing
25: ingress.tables.0.fields.2.source: is not a known key; here belong from, to, apply_updates, technical_value, replace
26: ingress.tables.0.fields.3: must be a group of keys (lines of the form key: value)
30: ingress.tables.1.filter: must have either all (every condition holds) or any (one is enough)
34: ingress.tables.2.filter.some: is not a known key; here belong all, any
35: ingress.tables.2.links: must be a list (lines that begin with a dash)
36: ingress.tables.2.fields.0.to: externalId is the key, which always takes the record's id: remove this line"""


def mistakes(ingress: str) -> str:
    with pytest.raises(ConfigProblems) as caught:
        load(_HEAD + ingress, "f")
    return str(caught.value).replace("f:", "")


def table(name: str, links: str = "", key: str = "{}") -> str:
    listed = f"\n      links: [{links}]" if links else ""
    return f"    - table: {name}\n      resource: cus\n      key: {key}{listed}\n"


def test_every_mistake_of_the_mappings_is_told_at_once_with_its_line() -> None:
    assert mistakes(FULL_OF_MISTAKES) == ITS_MISTAKES


@pytest.mark.parametrize(
    ("links", "told"),
    [
        ("{from: x, to: y, table: c}", ["a -> c -> b -> a"]),
        ("{from: x, to: y, table: b}", ["a -> b -> a"]),
        ("{from: x, to: y, table: c}, {from: x, to: z, table: b}", ["a -> c -> b -> a", "a -> b -> a"]),
    ],
)
def test_links_that_run_in_a_circle_are_named_with_the_whole_circle(links: str, told: list[str]) -> None:
    # Given b, a child of a; c, a child of b; and a, that would be a child of one of them
    tables = table("b", "{from: f, to: t, table: a}") + table("c", "{from: f, to: t, table: b}") + table("a", links)
    # When the file is read, then each link that closes a circle is told with its way
    assert mistakes(f"  tables:\n{tables}").splitlines() == [
        f"17: ingress.tables.2.links.{number}.table: closes a circle of links, {way}: "
        "no table of it could be written first; remove one of these links"
        for number, way in enumerate(told)
    ]


def test_a_parent_may_be_reached_on_two_ways_and_a_table_may_link_to_itself() -> None:
    # Given a line that leads to its invoice and to the contact of the invoice, and contacts with an assistant
    tables = (
        table("line", "{from: i, to: i, table: invoice, required: true}, {from: c, to: c, table: contact}")
        + table("invoice", "{from: c, to: c, table: contact, required: true}")
        + table("contact", "{from: a, to: a, table: contact}")
    )
    # Then nothing is wrong
    document = load(f"{_HEAD}  tables:\n{tables}", "f")
    assert document.ingress is not None and len(document.ingress.tables) == 3


def test_many_ways_to_one_table_are_looked_at_once() -> None:
    # Given a ladder of 40 rungs, the top last, which has more ways than can be counted
    tables = [mapping("t41"), mapping("t40")]
    for n in reversed(range(40)):
        links = [{"from": "a", "to": f"to{step}", "table": f"t{n + step}"} for step in (1, 2)]
        tables.append(mapping(f"t{n}", links))
    # Then it is judged nevertheless
    assert len(IngressConfig.model_validate({"tables": tables}).tables) == 42


def test_a_key_of_its_own_is_told_from_the_link_that_takes_it() -> None:
    key = "{field: crmId, filter: byCrmId, parameter: p}"
    tables = table("a", "{from: x, to: crmId, table: b}", key) + table("b")
    assert mistakes(f"  tables:\n{tables}") == (
        "9: ingress.tables.0.links.0.to: crmId is the key, which always takes the record's id: remove this line"
    )


def test_the_names_of_the_code_are_no_keys_of_a_file() -> None:
    assert "comparison: is not a known key" in mistakes(
        "  tables:\n    - table: a\n      filter: {all: [{field: a, comparison: empty}]}\n"
    )


def test_words_that_old_yaml_takes_for_something_else_are_text() -> None:
    # Given the country Norway, a code with zeros in front, a time, and a hexadecimal number
    tables = (
        table("a") + "      fields: [{from: a, to: b, replace: {1: NO, 2: 010, 3: 1:30, 4: 0x10, 5: yes, 6: 1_0}}]\n"
    )
    # When they are read
    document = load(f"{_HEAD}  tables:\n{tables}", "f")
    # Then none of them has become another value
    assert document.ingress is not None
    assert list(document.ingress.tables[0].fields[0].replace.values()) == ["NO", "010", "1:30", "0x10", "yes", "1_0"]


def mapping(name: str, links: Any = (), **changes: Any) -> dict[str, Any]:
    return {"table": name, "resource": "cus", "key": {}, "links": list(links), **changes}


def test_a_field_may_say_otherwise_than_its_table() -> None:
    # Given a table whose updates are off and whose choices travel as labels
    found = TableMapping.model_validate(
        mapping(
            "contact",
            apply_updates=False,
            technical_values=False,
            fields=[
                {"from": "a", "to": "a"},
                {"from": "b", "to": "b", "apply_updates": True, "technical_value": True},
            ],
        )
    )
    silent, loud = found.fields
    # Then only the field that says so differs
    assert (found.updates(silent), found.technical(silent)) == (False, False)
    assert (found.updates(loud), found.technical(loud)) == (True, True)
    # and what a field says counts the other way round, too
    free = found.model_copy(update={"apply_updates": True, "technical_values": True})
    denied = FieldMapping(source="c", target="c", apply_updates=False, technical_value=False)
    assert (free.updates(silent), free.technical(silent)) == (True, True)
    assert (free.updates(denied), free.technical(denied)) == (False, False)


def test_mistakes_of_mappings_made_in_code_are_found_as_well() -> None:
    # Given models instead of a file
    one = TableMapping.model_validate(mapping("a", [{"from": "x", "to": "y", "table": "nowhere"}]))
    with pytest.raises(ValidationError, match="nowhere is not mapped"):
        IngressConfig(tables=(one,))
    field = FieldMapping(source="x", target="y")
    with pytest.raises(ValidationError, match="y is written twice"):
        TableMapping.model_validate({**dict(one), "fields": (field,)})


def test_the_example_of_every_feature_has_every_feature() -> None:
    # Given the file that shows everything
    text = (Path(__file__).parents[3] / "docs" / "examples" / "every-feature.yaml").read_text()
    document = load(text, "f")
    assert document.ingress is not None
    tables = document.ingress.tables
    # Then three custom tables hang together below contacts
    assert [(one.table, [link.table for link in one.links]) for one in tables] == [
        ("contact", []),
        ("new_membership", ["contact", "contact"]),
        ("new_invoice", ["new_membership"]),
        ("new_invoiceline", ["new_invoice"]),
    ]
    # and each key of a mapping is said somewhere, with both of its values where it has two
    for name in ("technical_values", "delete_filtered_out"):
        assert {getattr(one, name) for one in tables} == {True, False}
    fields = [field for one in tables for field in one.fields]
    for model, found in ((TableMapping, tables), (FieldMapping, fields)):
        for name in model.model_fields:
            assert any(name in one.model_fields_set for one in found), name
    links = [link for one in tables for link in one.links]
    assert {link.required for link in links} == {True, False}
    assert {one.filter.every for one in tables if one.filter} == {True, False}
    assert {one.key.address for one in tables} == {"uri", "filter"}
