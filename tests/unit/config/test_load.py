"""Reading configuration files: what is right is taken whole, what is wrong is named with its line."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.document import Document
from config.load import LARGEST_FILE, load, load_file
from config.problems import ConfigProblems

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "d365acs.yaml"

FULL_OF_MISTAKES = """\
connections:
  dynamics:
    url: http://contoso.crm.dynamics.com/api
    tenant: contoso.onmicrosoft.com
    tennant: x
    client_id: 42
    client_secret: hunter2
    concurrency: "8"
    requests_per_5_minutes: 0
  campaign:
    url: https://mc.adobe.io/acme/campaign/
    client_id: a
    client_id: b
    client_secret: ${env:X}
    scopes: [a b]
ingress:
  tables:
    - table: contact
      resource: profile
      key: {field: externalId, address: uri}
      apply_deletes: 1
      fields:
        - {from: emailaddress1, to: email}
        - {from: Nickname, to: email}
        - {from: fullname, too: name}
    - table: contact
      resource: !shout profile
      key: {field: cusId}
      fields: []
    - table: account
      resource: cusAccount
      key: {}
      fields:
        - {from: accountid, to: externalId}
        - {from: address1_composite, to: location}
        - {from: address1_city, to: location.city}
colour: red
"""

ITS_MISTAKES = """\
bad.yaml:3: connections.dynamics.url: must begin with https://; plain http:// is for this machine (loopback) only
bad.yaml:5: connections.dynamics.tennant: is not a known key; did you mean tenant?
bad.yaml:6: connections.dynamics.client_id: must be text: put it in quotes
bad.yaml:7: connections.dynamics.client_secret: must be a reference, ${env:NAME} or ${file:/absolute/path}; \
the secret itself does not belong here
bad.yaml:8: connections.dynamics.concurrency: must be a whole number, without quotes
bad.yaml:9: connections.dynamics.requests_per_5_minutes: must be at least 1
bad.yaml:11: connections.campaign.url: must end with the instance, https://mc.adobe.io/<instance>: \
leave out /campaign
bad.yaml:13: connections.campaign.client_id: is there twice, first on line 12
bad.yaml:15: connections.campaign.scopes.0: is one scope; list several as several items
bad.yaml:20: ingress.tables.0.key: address: uri needs unique: true, because an address must name one record only
bad.yaml:21: ingress.tables.0.apply_deletes: must be true or false
bad.yaml:24: ingress.tables.0.fields.1.from: is not a logical name of Dynamics: those are made of lower-case \
letters, digits and underscores
bad.yaml:24: ingress.tables.0.fields.1.to: email is written twice: one Campaign field takes one Dynamics column
bad.yaml:25: ingress.tables.0.fields.2.to: is missing
bad.yaml:25: ingress.tables.0.fields.2.too: is not a known key; did you mean to?
bad.yaml:26: ingress.tables.1.table: contact is mapped twice: a table is mapped once, to one resource
bad.yaml:27: tags (words that begin with !) are not allowed
bad.yaml:28: ingress.tables.1.key: a key other than externalId must say how it is looked up: \
add filter and parameter
bad.yaml:34: ingress.tables.2.fields.0.to: externalId is the key, which always takes the record's id: \
remove this line
bad.yaml:36: ingress.tables.2.fields.2.to: location.city and another field above overlap: \
map the whole field or its parts
bad.yaml:37: colour: is not a known key; here belong connections, ingress, egress, optinout"""


def problems_of(text: str) -> str:
    with pytest.raises(ConfigProblems) as caught:
        load(text, "f")
    return str(caught.value)


def test_every_mistake_of_a_file_is_reported_at_once_with_its_line() -> None:
    # Given a file with a mistake on nearly every line
    # When it is read
    with pytest.raises(ConfigProblems) as caught:
        load(FULL_OF_MISTAKES, "bad.yaml")
    # Then all of them are told, in the order of the file, and no secret is repeated
    assert str(caught.value) == ITS_MISTAKES
    assert "hunter2" not in repr(caught.value)


def test_the_example_file_is_a_whole_configuration() -> None:
    document = load_file(EXAMPLE)
    assert document.connections.dynamics.api_root == "https://contoso.crm.dynamics.com/api/data/v9.2"
    assert document.connections.campaign.api_root == "https://mc.adobe.io/contoso/campaign"
    assert document.ingress is not None
    assert [(table.stream, table.resource) for table in document.ingress.tables] == [
        ("contact", "profile"),
        ("new_vehicle", "cusVehicle"),
    ]
    assert list(document.workflows()) == ["ingress"]


def test_anchors_aliases_and_merge_keys_may_be_used() -> None:
    # Given two tables that share their key through an anchor and a merge
    text = EXAMPLE.read_text()
    head = text[: text.index("ingress:")]
    text = f"""{head}
ingress:
  tables:
    - table: contact
      resource: profile
      key: &key {{filter: byCrmId, parameter: crmId_parameter}}
      fields: &fields [{{from: fax, to: fax}}]
    - table: lead
      resource: cusLead
      key: {{field: cusCrmId, <<: *key}}
      fields: *fields
"""
    # When it is read
    document = load(text, "f")
    # Then the second table has the first one's filter and its own field
    assert document.ingress is not None
    first, second = document.ingress.tables
    assert (second.key.field, second.key.filter, second.fields) == ("cusCrmId", "byCrmId", first.fields)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", "f:1: holds no configuration: it begins with the key connections"),
        ("- 1\n- 2\n", "f:1: holds no configuration: it begins with the key connections"),
        ("a: b\nc: d: e\n", "f:2: is not YAML: mapping values are not allowed here"),
        ("\n\n'a", "f:3: is not YAML: found unexpected end of stream"),
        ("a: 1\nb: \x00", "f:2: holds a character that YAML forbids"),
        ('a: "\\UFFFFFFFF"', "f:1: is not YAML: it holds a wrong escape sequence"),
        ("[" * 5000, "f:1: is nested too deeply"),
        ("a: 1\n--- b\n", "f:2: is not YAML: but found another document"),
        ("connections: null", "f:1: connections: must be a group of keys (lines of the form key: value)"),
        (" " * (LARGEST_FILE + 1), "f:1: is larger than 1,000,000 bytes, which no configuration needs"),
        ("é" * (LARGEST_FILE // 2 + 1), "f:1: is larger than 1,000,000 bytes, which no configuration needs"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_file_that_is_not_a_configuration_says_why(text: str, problems: str) -> None:
    assert problems_of(text) == problems


def test_a_mistake_stands_where_it_was_written_last_even_beside_a_merge_key() -> None:
    # Given a wrong value that is written out, and an anchor further up that a merge brings in
    text = "x: &x {url: 1}\nconnections:\n  dynamics:\n    url: 2\n    <<: *x\n"
    # Then the line is that of the value which counts
    assert "f:4: connections.dynamics.url: must be text: put it in quotes" in problems_of(text)


def test_an_alias_of_something_around_it_is_refused() -> None:
    assert "f:1: a.0: is an alias of something that it is part of" in problems_of("a: &a [*a]")


def test_a_small_file_cannot_blow_up_through_aliases() -> None:
    # Given eight lines, each of them nine times the line before
    lines = ["x0: &x0 [y]"] + [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 9)]
    # Then reading stops at a limit
    assert "expands to more than 100,000 values" in problems_of("\n".join(lines))


def test_a_key_like_on_is_the_word_that_was_written() -> None:
    # YAML 1.1 takes on, yes and 1 for other things than text; as keys they are text here
    assert "f:1: on: is not a known key" in problems_of("on: 1")


def test_a_file_that_cannot_be_read_is_a_problem_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match=r"absent\.yaml: cannot be read: No such file or directory$"):
        load_file(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(ConfigProblems, match=r"latin\.yaml:2: is not UTF-8 text$"):
        load_file(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(ConfigProblems, match=r"larger than 1,000,000 bytes"):
        load_file(tmp_path / "large.yaml")


_SIGNS = "connections ingress tables : --- ... &a *a << ! { } [ ] ' \" \\ | > 0x 1:30 2024-13-45 .inf null % # é"
_WORDS = st.sampled_from([*_SIGNS.split(), ": ", "- ", "? ", "\n", "\n  ", "\t"])


@given(st.one_of(st.text(), st.lists(st.one_of(_WORDS, st.text(max_size=3)), max_size=40).map("".join)))
@example("a: 0x\nb: 1__\nc: 0b_\n")
@example("x: +" + "9" * 5000)
@example('x: "\\ud800"')
def test_no_text_raises_anything_but_config_problems(text: str) -> None:
    try:
        assert isinstance(load(text, "f"), Document)
    except ConfigProblems as problems:
        assert problems.problems
        assert all(1 <= (problem.line or 0) <= text.count("\n") + 2 for problem in problems.problems)


@given(st.data())
def test_no_damaged_example_raises_anything_but_config_problems(data: st.DataObject) -> None:
    # Given the example file with one piece of it replaced by noise
    text = EXAMPLE.read_text()
    start = data.draw(st.integers(0, len(text)))
    noise = data.draw(st.one_of(_WORDS, st.text(max_size=5)))
    damaged = text[:start] + noise + text[start + data.draw(st.integers(0, 30)) :]
    # Then it is read, or its problems are told
    try:
        load(damaged, "f")
    except ConfigProblems as problems:
        assert problems.problems
