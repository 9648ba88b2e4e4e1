"""Dead letters of events, whole files and changes of consent: what it means to retry each."""

import json
from pathlib import Path

import pytest

from store.files import Content, FileVersion
from store.outcomes import Reason
from store.store import WorkflowStore
from sync.consent.unusable import unusable_id
from sync.events.payload import unreadable_id
from sync.files.reader import whole_file
from tests.integration.control.conftest import CONNECTIONS, Run
from tests.integration.control.dead_letters import ANN, BOB, configured, running, set_aside, settle

pytestmark = pytest.mark.usefixtures("answering", "acknowledged")

SFTP = """\
  sftp:
    host: sftp.test
    user: d365acs
    private_key: ${file:/nowhere}
    host_key: SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
"""
EVENTS = f"{CONNECTIONS}{SFTP}egress: {{source: files, files: {{folder: logs}}}}\n"
CONSENT = f"""{CONNECTIONS}{SFTP}optinout:
  direction: bidirectional
  files: {{}}
  flags:
    - {{dynamics: donotemail, campaign: blackListEmail}}
"""
WHY = "has no column externalID."
FILE = Reason("file-set-aside", f"The file logs_1.txt {WHY}")
BAD = FileVersion("logs_1.txt", 9, 1_776_000_000)


@pytest.fixture
def events(run: Run, file: Path, egress: WorkflowStore, acknowledged: None) -> WorkflowStore:
    """Egress from files runs; one file was set aside as a whole, and one event for itself."""
    configured(run, file, EVENTS)
    running(run, egress, "events")
    egress.files("events").remember(BAD, None, aside="settings", why=WHY)
    set_aside(egress, "events", {unreadable_id(whole_file(BAD)): FILE}, b'unreadable {"whole":true,"excerpt":""}')
    set_aside(egress, "events", {ANN: Reason("unmappable", "The event has no id.", place="logs_2.txt line 7")})
    return egress


def test_a_whole_file_is_read_again_and_an_event_goes_back_to_its_queue(run: Run, events: WorkflowStore) -> None:
    retried = run("dlq", "retry", "egress", "--all")
    assert retried.stdout == "1 event waits on the queue again; 1 file is read again.\n"
    # Then the file is to be looked at, the letter is gone, and nobody is told of it any more
    assert events.files("events").looks()["logs_1.txt"].is_of(BAD)
    assert events.queue("events").backlog().dead == 0
    assert settle(events, "events") == [ANN]
    assert "were set aside" not in run("workflow", "ls").stdout


def test_a_file_alone_puts_nothing_on_the_queue(run: Run, events: WorkflowStore) -> None:
    assert run("dlq", "retry", "egress", "--cause", "file-set-aside").stdout == "1 file is read again.\n"
    assert events.queue("events").total() == 0


def test_a_file_that_is_gone_must_be_uploaded(run: Run, events: WorkflowStore) -> None:
    files = events.files("events")
    files.note_gone(files.read(), [], events.now_ms(), leaves=False)
    retried = run("dlq", "retry", "egress", "--cause", "file-set-aside")
    assert retried.stdout == "1 is a dead letter as before.\n"
    assert retried.stderr == "logs_1.txt is no longer in the folder: upload it, and it is read by itself.\n"


def test_the_letter_of_a_file_that_was_read_after_all_only_goes(run: Run, events: WorkflowStore) -> None:
    events.files("events").remember(FileVersion("logs_1.txt", 10, 1_776_000_600), Content(10, "d", "b"))
    retried = run("dlq", "retry", "egress", "--cause", "file-set-aside")
    assert retried.stdout == "Of 1 something newer was read already.\n"
    assert events.files("events").looks() == {}


def test_an_event_is_shown_without_its_values_and_a_file_by_what_is_wrong(run: Run, events: WorkflowStore) -> None:
    event = {"id": "e1", "email": "ann@example.org", "data": {"tries": 2}}
    set_aside(events, "events", {BOB: Reason("unmappable", "The event has no type.")},
              b"files@logs_2.txt%20line%209 " + json.dumps(event).encode())  # fmt: skip
    shown = run("dlq", "show", "egress", BOB).stdout
    assert "Content     an event of Campaign\n" in shown and "ann@" not in shown
    assert shown.endswith(
        'NAME   VALUE\nid     (2 characters)\nemail  (15 characters)\ndata   {"tries": "(a number)"}\n'
    )
    whole = run("dlq", "show", "egress", unreadable_id(whole_file(BAD))).stdout
    assert f"Why         The file logs_1.txt {WHY}\n" in whole and "Content     a whole file\n" in whole


@pytest.fixture
def consent(run: Run, file: Path, optinout: WorkflowStore, acknowledged: None) -> WorkflowStore:
    configured(run, file, CONSENT)
    running(run, optinout, "consent")
    return optinout


def test_a_change_of_consent_is_compared_again_and_what_says_nothing_is_dropped(
    run: Run, consent: WorkflowStore
) -> None:
    profile = b'{"from":"campaign","flags":{"blackListEmail":{"out":true,"at":1}},"seen":2,"modified":3,"present":true}'
    set_aside(consent, "consent", {ANN: Reason("refused", "Two profiles carry this contact's key.")}, profile)
    set_aside(consent, "consent", {BOB: Reason("unusable-row", "optout.csv line 3: it has no contact.")},
              b'{"from":"file","where":"optout.csv line 3","flaw":"it has no contact","excerpt":";1"}')  # fmt: skip
    commands = {one["cause"]: one["command"] for one in json.loads(run("dlq", "stats", "-o", "json").stdout)}
    assert commands == {
        "refused": "d365acs dlq retry optinout --stream consent --cause refused",
        "unusable-row": "d365acs dlq drop optinout --stream consent --cause unusable-row",
    }
    assert run("dlq", "show", "optinout", ANN).stdout.endswith("blackListEmail  (yes or no)\n")
    assert run(*commands["refused"].split()[1:]).stdout == "1 change waits on the queue again.\n"
    batch = consent.queue("consent").lease(consent.lifecycle.read().generation, 9, 60_000)
    assert [(record.id, record.payload) for record in batch.records] == [(ANN, profile)]
    assert run(*commands["unusable-row"].split()[1:], "--yes").stdout == "1 dead letter given up.\n"


def test_a_whole_file_of_consent_is_told_as_one_and_read_again(run: Run, consent: WorkflowStore) -> None:
    consent.files("consent").remember(BAD, None, aside="settings", why=WHY)
    row = Reason("unusable-row", f"logs_1.txt: it {WHY}")
    set_aside(consent, "consent", {unusable_id(whole_file(BAD)): row}, b'{"from":"file","excerpt":""}')
    [cause] = json.loads(run("dlq", "stats", "optinout", "-o", "json").stdout)
    assert cause["cause"] == "file-set-aside"
    assert run(*cause["command"].split()[1:]).stdout == "1 file is read again.\n"
    assert consent.files("consent").looks()["logs_1.txt"].is_of(BAD)
