"""Egress: what its defaults are, and every mistake that can be made in it."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.activities import Activities, ClickActivity
from config.connections import CAMPAIGN_SCOPES, CampaignConnection, Connections, DynamicsConnection, JournalConnection
from config.document import WorkflowDocument
from config.egress import EgressConfig, FileEvents
from config.event_fields import EventTypes, JournalFields
from config.journal_connection import JOURNAL_SCOPES
from config.load import load, load_file
from config.problems import ConfigProblems
from config.sftp_connection import SftpConnection
from tests.unit.config.egresses import FINGERPRINT, HOST_KEY

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
JOURNAL = "https://events.example.com/events/organizations/1/integrations/2/3"

FULL_OF_MISTAKES = """\
connections:
  dynamics: {url: https://c.crm.dynamics.com, tenant: a.b, client_id: x, client_secret: "${env:A}"}
  campaign: {url: https://mc.adobe.io/c, client_id: x, client_secret: "${env:A}"}
  journal:
    url: https://events.example.com/a
    client_id: other
  sftp:
    host: sftp://contoso.campaign.adobe.com
    port: 0
    user: d365acs
    private_key: hunter2
    host_key: contoso.campaign.adobe.com ssh-ed25519 AAAA
egress:
  sorce: files
  without_contact: drop
  batch_size: 1001
  contact_limit_seconds: -1
  journal:
    page_size: 0
    fields: {id: a..b, mirror: x}
  files:
    folder: ../logs
    pattern: "logs_[0-9.txt"
    delimiter: ab
    encoding: utf-16
    afterwards: archive
  types:
    click: ["2", shop]
    open: [SHOP, "2"]
    bounce: [send]
  date_formats: ["%H:%M", "%Q", "%d.%m.%Y %I:%M", "%Y-%m-%d %Z", "%d/%m/%Y %H:%M:%S"]
  activities:
    open:
      table: adobe_emailsend
      date: subject
      campaign: new_name
      delivery: new_name
"""

ITS_MISTAKES = """\
bad.yaml:4: connections.journal.org_id: is missing: the journal asks for the organisation's id; say it here, \
or in connections.campaign
bad.yaml:4: connections.journal.client_secret: is missing: client_id is there, and a credential of the journal's own \
has both
bad.yaml:5: connections.journal.url: must be the whole address of one registration's journal, \
as the Developer Console shows it
bad.yaml:8: connections.sftp.host: must be the name or address of a host alone, without a scheme, user, port or path
bad.yaml:9: connections.sftp.port: must be at least 1
bad.yaml:11: connections.sftp.private_key: must be a reference, ${env:NAME} or ${file:/absolute/path}; \
the secret itself does not belong here
bad.yaml:12: connections.sftp.host_key: begins with the name of the host, as ssh-keyscan shows it: leave out the \
name before it
bad.yaml:14: egress.sorce: is not a known key; did you mean source?
bad.yaml:15: egress.without_contact: must be 'set_aside' or 'ignore'
bad.yaml:16: egress.batch_size: must be at most 500
bad.yaml:17: egress.contact_limit_seconds: must be at least 0
bad.yaml:19: egress.journal.page_size: must be at least 1
bad.yaml:20: egress.journal.fields.id: must be the names that lead to a value, with a dot between two: data.externalId
bad.yaml:20: egress.journal.fields.mirror: is not a known key; did you mean mirror_page?
bad.yaml:21: egress.files.archive_folder: is missing: with afterwards: archive it says where the files are moved
bad.yaml:22: egress.files.folder: must be a folder of the server, such as d365_loads/exports, without .., * \
and backslashes
bad.yaml:23: egress.files.pattern: has a [ that is not closed: [0-9] is one digit, and [[] is the sign itself
bad.yaml:24: egress.files.delimiter: must be one character that is no letter, digit or line break, such as ";"; \
a tab is "\\t"
bad.yaml:25: egress.files.encoding: must keep ASCII as it is, one byte a letter, as utf-8, latin-1 and windows-1252 do
bad.yaml:28: egress.types.click.0: 2 is listed under open, too: each value has one meaning
bad.yaml:28: egress.types.click.1: shop is listed under open, too: each value has one meaning
bad.yaml:30: egress.types.bounce.0: send is listed under send, too: each value has one meaning
bad.yaml:31: egress.date_formats.0: must tell the whole date, %Y %m %d, and the hour by %H, or by %I with %p
bad.yaml:31: egress.date_formats.1: is not a format of dates as strptime takes it, such as %d/%m/%Y %H:%M:%S
bad.yaml:31: egress.date_formats.2: must tell the whole date, %Y %m %d, and the hour by %H, or by %I with %p
bad.yaml:31: egress.date_formats.3: must not hold %Z: names of time zones do not say how far they are from UTC; %z does
bad.yaml:34: egress.activities.open.table: adobe_emailsend takes the send events already: \
each kind has a table of its own
bad.yaml:35: egress.activities.open.date: subject is written by itself: name another column
bad.yaml:37: egress.activities.open.delivery: new_name takes campaign already: each column takes one thing"""


def connections(**others: Any) -> dict[str, Any]:
    return {
        "dynamics": {
            "url": "https://c.crm.dynamics.com",
            "tenant": "a.b",
            "client_id": "x",
            "client_secret": "${env:A}",
        },
        "campaign": {"url": "https://mc.adobe.io/c", "client_id": "x", "client_secret": "${env:A}", "org_id": "A@O"},
        **others,
    }


def sftp(**changes: Any) -> SftpConnection:
    values = {"host": "h", "user": "u", "private_key": "${file:/k}", "host_key": HOST_KEY}
    return SftpConnection.model_validate(values | changes)


def mistake_of(model: type[Any], **values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return str(caught.value)


def test_every_mistake_of_an_egress_file_is_reported_at_once_with_its_line() -> None:
    # Given a file with a mistake on nearly every line
    # When it is read
    with pytest.raises(ConfigProblems) as caught:
        load(FULL_OF_MISTAKES, "bad.yaml")
    # Then all of them are told, in the order of the file, and no secret is repeated
    assert sorted(str(caught.value).splitlines()) == sorted(ITS_MISTAKES.splitlines())
    assert "hunter2" not in repr(caught.value)


def test_the_example_of_the_journal_is_a_whole_configuration() -> None:
    document = load_file(EXAMPLES / "egress.yaml")
    egress = document.egress
    assert egress is not None and egress.source == "journal"
    assert list(document.workflows()) == ["egress"]
    assert document.workflows()["egress"].egress == egress
    # and what it says about fields and tables are the defaults
    assert (egress.journal, egress.activities) == (EgressConfig().journal, EgressConfig().activities)
    access = document.connections.journal_access
    assert access is not None and access.org_id == document.connections.campaign.org_id


def test_the_example_of_files_is_a_whole_configuration() -> None:
    document = load_file(EXAMPLES / "egress-files.yaml")
    assert document.egress is not None and document.egress.source == "files"
    assert document.connections.sftp is not None and document.connections.sftp.host_key.startswith("ssh-ed25519 ")
    assert document.egress.files.delimiter == "\t"
    assert document.egress.fields("files") == EgressConfig().files.fields


def test_an_empty_part_takes_all_defaults() -> None:
    # Given an egress part without a word
    text = f"connections:\n  journal: {{url: '{JOURNAL}'}}\n"
    text += "".join(f"  {name}: {value}\n" for name, value in connections().items()) + "egress: {}\n"
    # When it is read, then all kinds of events flow from the journal
    egress = load(text, "f").egress
    assert egress == EgressConfig()
    assert egress.fields(egress.source) == JournalFields()
    assert all(egress.events.on(kind) for kind in ("send", "open", "click", "bounce"))


@pytest.mark.parametrize(
    ("source", "there", "sentence"),
    [
        ("journal", "sftp", "journal needs connections.journal: add it, or say source: files"),
        ("files", "journal", "files needs connections.sftp: add it, or say source: journal"),
    ],
)
def test_a_source_without_its_connection_is_named_where_it_is_chosen(source: str, there: str, sentence: str) -> None:
    # Given a file with the connection of the other source alone
    parts = {"journal": {"url": JOURNAL}, "sftp": sftp().model_dump(exclude_none=True)}
    value = {"connections": connections(**{there: parts[there]}), "egress": {"source": source}}
    # Then the mistake stands where the source is chosen, in a file and in a revision alike
    with pytest.raises(ValidationError) as caught:
        WorkflowDocument.model_validate(value)
    (error,) = caught.value.errors()
    assert (error["loc"], error["msg"]) == (("egress", "source"), sentence)
    # and with its own connection it is right
    value["connections"] = connections(**parts)
    assert WorkflowDocument.model_validate(value)


def test_without_a_source_it_is_the_journals_connection_that_is_missed() -> None:
    with pytest.raises(ValidationError, match=r"journal needs connections\.journal"):
        WorkflowDocument.model_validate({"connections": connections(), "egress": {}})
    # while ingress needs neither
    assert WorkflowDocument.model_validate({"connections": connections()})


def _connections(campaign: dict[str, Any], journal: dict[str, Any]) -> Connections:
    system: dict[str, Any] = {"client_id": "campaign's", "client_secret": "${env:C}"}
    return Connections(
        dynamics=DynamicsConnection(url="https://c.crm.dynamics.com", tenant="a.b", **system),
        campaign=CampaignConnection(url="https://mc.adobe.io/c", org_id="C@O", **(system | campaign)),
        journal=JournalConnection(url=JOURNAL, **journal),
    )


def test_the_journal_is_read_with_campaigns_credential_unless_it_has_its_own() -> None:
    # Given a journal that leaves everything to Campaign's part
    shared = _connections({"scopes": ("openid", "campaign_sdk")}, {}).journal_access
    # Then its credential is Campaign's, with the scopes of the journal added
    assert shared is not None
    assert (shared.client_id, shared.client_secret, shared.org_id) == ("campaign's", "${env:C}", "C@O")
    assert shared.token_url == "https://ims-na1.adobelogin.com/ims/token/v3"
    assert set(shared.scopes) == {"campaign_sdk", *JOURNAL_SCOPES} and len(set(shared.scopes)) == len(shared.scopes)
    # Given one with a credential of its own, then Campaign's scopes are none of its
    own = _connections({}, {"client_id": "own", "client_secret": "${env:J}", "org_id": "J@O"}).journal_access
    assert own is not None
    assert (own.client_id, own.client_secret, own.org_id, own.scopes) == ("own", "${env:J}", "J@O", JOURNAL_SCOPES)
    # and scopes that are said are the scopes
    said = _connections({}, {"scopes": ("adobeio_api",)}).journal_access
    assert said is not None and said.scopes == ("adobeio_api",)
    assert set(CAMPAIGN_SCOPES) - set(JOURNAL_SCOPES)  # or this test would prove nothing


def test_half_a_credential_is_refused() -> None:
    sentence = "client_id\n  is missing: client_secret is there"
    assert sentence in mistake_of(JournalConnection, url=JOURNAL, client_secret="${env:J}")


@pytest.mark.parametrize(
    "host_key",
    [
        HOST_KEY,
        f"{HOST_KEY} root@contoso",
        FINGERPRINT,
        "ssh-rsa " + base64.b64encode(b"\0\0\0\x07ssh-rsa\0\0\0\x03\1\0\1").decode(),
    ],
)
def test_a_host_key_is_a_public_key_or_its_fingerprint(host_key: str) -> None:
    assert sftp(host_key=host_key).host_key == " ".join(host_key.split()[:2])


@pytest.mark.parametrize(
    "host_key",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        HOST_KEY[:-3] + "!",
        HOST_KEY.replace("ed25519", "rsa"),
        f"contoso.campaign.adobe.com {HOST_KEY}",
        "ssh-dss AAAAB3NzaC1kc3MAAAAB",
        "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
        FINGERPRINT[:-1],
        f"{FINGERPRINT}=",
        FINGERPRINT.lower(),
    ],
)
def test_anything_else_is_no_host_key(host_key: str) -> None:
    with pytest.raises(ValidationError, match="host_key"):
        sftp(host_key=host_key)


@pytest.mark.parametrize(
    "host", ["a@b.example.com", "b.example.com:22", "b.example.com/x", "a b", "-x", "a..b", "é.example.com", "x" * 64]
)
def test_a_host_stands_alone(host: str) -> None:
    with pytest.raises(ValidationError, match="the name or address of a host alone"):
        sftp(host=host)
    assert sftp(host="SFTP.Example.com").host == "sftp.example.com"


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-8-sig", "latin-1", "windows-1252", "iso-8859-15", "ascii"])
def test_an_encoding_keeps_ascii(encoding: str) -> None:
    assert FileEvents(encoding=encoding).encoding == encoding


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-32-le", "utf-7", "cp037", "iso2022_jp", "hz", "unicode_escape", "idna", "punycode"]
)
def test_an_encoding_in_which_ascii_is_something_else_is_refused(encoding: str) -> None:
    assert "must keep ASCII as it is" in mistake_of(FileEvents, encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-9", "rot13", "base64", "undefined"])
def test_what_is_no_encoding_is_refused(encoding: str) -> None:
    assert "encoding" in mistake_of(FileEvents, encoding=encoding)


@pytest.mark.parametrize("delimiter", ["", ";;", "a", "1", "\n", "\r", "\0", "é", "§"])
def test_a_delimiter_is_one_sign(delimiter: str) -> None:
    assert "must be one character" in mistake_of(FileEvents, delimiter=delimiter)


def test_a_delimiter_is_not_the_quote() -> None:
    assert "must differ from the delimiter" in mistake_of(FileEvents, delimiter='"', quote='"')


@pytest.mark.parametrize("pattern", ["*", "[[]x", "[]]", "[!]]*", "a[0-9][!a-z].txt"])
def test_a_pattern_whose_brackets_are_closed_is_right(pattern: str) -> None:
    assert FileEvents(pattern=pattern).pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("logs/*.txt", "the folder has its own key"),
        ("[", "is not closed"),
        ("[]", "is not closed"),
        ("[a]x[!]", "is not closed"),
    ],
)
def test_a_pattern_that_means_something_else_than_it_seems_is_refused(pattern: str, sentence: str) -> None:
    assert sentence in mistake_of(FileEvents, pattern=pattern)


def test_files_are_not_moved_to_where_they_would_be_found_again() -> None:
    said = mistake_of(FileEvents, folder="in/", afterwards="archive", archive_folder="in")
    assert "must be another folder" in said
    # by default, too
    default = FileEvents.model_fields["folder"].default
    assert "must be another folder" in mistake_of(FileEvents, afterwards="archive", archive_folder=default)
    assert FileEvents(folder="in/", afterwards="archive", archive_folder="in/done//").archive_folder == "in/done"


@pytest.mark.parametrize(
    "date_format",
    ["%Y-%m-%d", "%d.%m.%y %H:%M", "%Y%m%d%H%M%S", "%d %B %Y %I:%M:%S %p", "%Y-%j %H", "%m/%d/%Y %H:%M:%S%z"],
)
def test_a_format_that_tells_a_date_is_right(date_format: str) -> None:
    assert EgressConfig(date_formats=(date_format,)).date_formats == (date_format,)


@pytest.mark.parametrize("date_format", ["%", "%d/%m %H:%M", "%Y-%m", "%I:%M %d.%m.%Y", "x", "%m/%y", "%Y-%m-%d %M"])
def test_a_format_that_loses_a_part_of_a_date_is_refused(date_format: str) -> None:
    assert "date_formats.0" in mistake_of(EgressConfig, date_formats=[date_format])


def test_a_value_has_one_meaning_with_the_defaults_that_are_left_among_them() -> None:
    # Given a list that takes a value out of another one, which is left to its default
    said = mistake_of(EventTypes, send=["send", "OPEN"])
    assert "send.1\n  OPEN is listed under open, too" in said
    # When the other list is written without it, then it is right; and saying a value twice in one list is harmless
    assert EventTypes(send=("send", "open", "send"), open=("2",)).send == ("send", "open", "send")


def test_each_kind_has_a_table_of_its_own_with_the_defaults_among_them() -> None:
    assert "adobe_emailbounce takes the bounce events" in mistake_of(Activities, send={"table": "adobe_emailbounce"})
    swapped = Activities.model_validate({"send": {"table": "adobe_emailopen"}, "open": {"table": "adobe_emailsend"}})
    assert (swapped.of("send").table, swapped.of("open").table) == ("adobe_emailopen", "adobe_emailsend")


def test_columns_are_listed_without_those_that_are_not_written() -> None:
    mapping = ClickActivity(campaign=None, url="new_url")
    assert mapping.columns == {
        "date": "adobe_clickedon",
        "delivery": "adobe_deliveryname",
        "mirror_page": "adobe_mirrorpageurl",
        "url": "new_url",
    }
    assert "adobe_deliveryname takes delivery already" in mistake_of(ClickActivity, url="adobe_deliveryname")


@pytest.mark.parametrize("name", ["source", "events", "journal", "files", "types", "activities", "batch_size"])
def test_null_is_not_a_way_to_leave_something_out(name: str) -> None:
    assert re.search(rf"^{name}$", mistake_of(EgressConfig, **{name: None}), re.MULTILINE)
