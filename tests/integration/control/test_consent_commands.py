"""d365acs consent: a contact explained, decisions as a file, and what the record amounts to."""

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from control.words import exact
from store.consent import Decision
from store.outcomes import Parent, Parked, Reason, Refused
from store.records import Change
from store.sealing import AesSeal
from store.store import Store, WorkflowStore
from sync.consent.memory import HELD_MS, FlagMemory, Memory, System, Written
from sync.consent.memory_bytes import pack
from sync.consent.payload import OF_DYNAMICS, of_campaign
from sync.consent.rule import Seen
from sync.consent.states import ProfileState
from tests.integration.control.conftest import CONNECTIONS, Run

ANN, BOB = "5d6c7f1e-0f0b-4b0e-9a58-000000000001", "5d6c7f1e-0f0b-4b0e-9a58-000000000002"
AT = 1_795_168_807_000  # 2026-11-20 10:00:07 UTC
OPTINOUT = """\
optinout:
  direction: bidirectional
  flags:
    - {dynamics: donotemail, campaign: blackListEmail}
"""
KEY = b"k" * 32
NOTHING = pack(Memory())


def decision(contact: str = ANN, at_ms: int = AT, **given: Any) -> Decision:
    """Campaign says opted out, and later than Dynamics."""
    sides = (False, at_ms - 127_000), (True, at_ms - 2_000)
    usual = Decision(
        contact, "blackListEmail", *sides, 200, "documented", "campaign-newer", "campaign", "dynamics", at_ms
    )
    return usual._replace(**given)


def decided(optinout: WorkflowStore, made: Decision, how: str | None = "answer", memory: bytes = NOTHING) -> None:
    """A decision, and its end a second later; None: not known yet."""
    numbers = optinout.consent.decide(made.contact, memory, [made], now_ms=made.decided_ms)
    if how:
        at_ms = made.decided_ms + 1000
        optinout.consent.confirm(made.contact, memory, numbers, how, at_ms, now_ms=at_ms)


def remembered() -> bytes:
    seen = FlagMemory(Seen(True, AT - 2_000), Seen(True, AT - 2_000), AT - 2_000)
    fax = FlagMemory(Seen(False, AT - 127_000, -1), Seen(None, None))
    return pack(Memory('W/"5"', AT, flags={"blackListEmail": seen, "blackListFax": fax}))


def queued(optinout: WorkflowStore, payload: bytes) -> int:
    """A change of Ann's consent on the queue of a running workflow: its generation."""
    optinout.lifecycle.add_streams(["consent"])
    optinout.lifecycle.start("a test", "", 1)
    generation = optinout.lifecycle.read().generation
    assert optinout.lifecycle.run(generation, "a test", "")
    optinout.queue("consent").put_page(generation, 0, [Change(ANN, 1, payload)], "{}")
    return generation


def test_a_contact_is_explained_in_sentences(run: Run, optinout: WorkflowStore) -> None:
    # Given a decision whose answer was lost, then one that was confirmed, what was seen after it, and another contact
    decided(optinout, decision(at_ms=AT - 60_000), "reading")
    decided(optinout, decision(), memory=remembered())
    decided(optinout, decision(BOB))
    # When it is explained, by the id as some other program writes it
    result = run("consent", "explain", f"{{{ANN.upper()}}}")
    # Then the newest decision stands first, and each says everything
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == f"""\
Contact {ANN}

2026-11-20 10:00:07 UTC  email (blackListEmail)
  Dynamics: not opted out; the record was changed on 2026-11-20 09:58:00 UTC. Campaign: opted out, changed on \
2026-11-20 10:00:05 UTC.
  Clocks: that of Campaign was 0.2 s ahead of that of Dynamics, as measured; times were compared as they are.
  Policy documented: Campaign's value if its flag was changed later than the record in Dynamics; otherwise opted out \
if either system says so.
  Rule campaign-newer: The change in Campaign is the later one, so Campaign's value counts.
  Decided: opted out, as Campaign says. Written to Dynamics on 2026-11-20 10:00:08 UTC, as Dynamics confirmed.

2026-11-20 09:59:07 UTC  email (blackListEmail)
  Dynamics: not opted out; the record was changed on 2026-11-20 09:57:00 UTC. Campaign: opted out, changed on \
2026-11-20 09:59:05 UTC.
  Clocks: that of Campaign was 0.2 s ahead of that of Dynamics, as measured; times were compared as they are.
  Policy documented: Campaign's value if its flag was changed later than the record in Dynamics; otherwise opted out \
if either system says so.
  Rule campaign-newer: The change in Campaign is the later one, so Campaign's value counts.
  Decided: opted out, as Campaign says. Sent to Dynamics: the answer was lost, and the value was found there on \
2026-11-20 09:59:08 UTC.

What was seen last
FLAG            DYNAMICS       SINCE                       CAMPAIGN   SINCE
blackListEmail  opted out      2026-11-20 10:00:05 UTC     opted out  2026-11-20 10:00:05 UTC
blackListFax    not opted out  by 2026-11-20 09:58:00 UTC  not told   not told
"""
    )


def test_the_paired_column_is_told_and_older_decisions_are_told_to_be_there(
    run: Run, optinout: WorkflowStore, file: Path
) -> None:
    # Given two decisions, and a saved configuration
    file.write_text(CONNECTIONS + OPTINOUT)
    assert run("config", "apply", str(file)).exit_code == 0
    for at_ms in (AT - 60_000, AT):
        decided(optinout, decision(at_ms=at_ms)._replace(column="donotbulkemail"))
    # When the newest one is asked for
    result = run("consent", "explain", ANN, "--limit", "1")
    # Then the column that was paired then stands beside the flag
    headlines = [line for line in result.stdout.splitlines() if line.startswith("2026")]
    assert headlines == ["2026-11-20 10:00:07 UTC  email (blackListEmail), in Dynamics donotbulkemail"]
    assert result.stderr == "There are older decisions; see more with: --limit 10\n"


def test_whoever_sets_back_what_is_written_is_told_of_with_its_contact(run: Run, optinout: WorkflowStore) -> None:
    # Given an opt-in that was written to Dynamics five times for one change, the last time just now
    now_ms = optinout.now_ms()
    written = Written(System.DYNAMICS, False, now_ms, 5)
    flag = FlagMemory(Seen(True, AT), Seen(False, AT), AT, shown=True, written=written)
    optinout.consent.decide(ANN, pack(Memory('W/"1"', AT, flags={"blackListEmail": flag})))
    # Then that is told, and until when it is held back
    told = run("consent", "explain", ANN).stdout.replace("\n", " ")
    assert "email (blackListEmail): not opted out was written to Dynamics 5 times for one and the same change" in told
    assert f"It is written once more on {exact(now_ms + HELD_MS)}." in told
    # And of an opt-out that it is not held back
    out = flag._replace(written=written._replace(opted_out=True))
    optinout.consent.decide(ANN, pack(Memory('W/"1"', AT, flags={"blackListEmail": out})))
    told = run("consent", "explain", ANN).stdout
    assert "opted out was written to Dynamics 5 times" in told and "once more" not in told


def test_what_waits_what_is_parked_and_what_was_set_aside_is_told(run: Run, optinout: WorkflowStore) -> None:
    # Given a change read from Campaign that is on the queue
    profile = ProfileState({"blackListEmail": Seen(True, AT)}, AT, AT + 500)
    generation, queue = queued(optinout, of_campaign(profile)), optinout.queue("consent")

    def told() -> str:
        return run("consent", "explain", ANN).stdout.splitlines()[-1]

    # Then it is told, and not that nothing would come of it
    assert "Nothing was decided about it" not in run("consent", "explain", ANN).stdout
    read = "A change in Campaign, read on 2026-11-20 10:00:07 UTC,"
    assert told() == f"{read} is on the queue; both systems are compared when its turn comes."
    # When it waits for its contact
    parked_ms = AT + 60_000
    batch = queue.lease(generation, 10, 60_000, now_ms=parked_ms)
    queue.settle(batch.number, [Parked(ANN, Parent("contact", ANN), released=False)], now_ms=parked_ms)
    # Then it is told since when
    assert told() == f"{read} waits since 2026-11-20 10:01:07 UTC for the contact, which Dynamics does not have."
    assert json.loads(run("consent", "explain", ANN, "-o", "json").stdout)["waiting"] == {
        "source": "campaign",
        "read": "2026-11-20T10:00:07.500Z",
        "without_contact_since": "2026-11-20T10:01:07.000Z",
    }
    # When a change in Dynamics comes, and is refused
    queue.put_page(generation, 1, [Change(ANN, 2, OF_DYNAMICS)], "{}")
    assert told() == "A change in Dynamics is on the queue; both systems are compared when its turn comes."
    batch = queue.lease(generation, 10, 60_000)
    queue.settle(batch.number, [Refused(ANN, Reason("doubles", "two profiles carry its key"))], now_ms=AT + 90_000)
    # Then it is told why
    assert told() == (
        "A change was set aside on 2026-11-20 10:01:37 UTC after 1 attempt (doubles): two profiles carry its key."
    )


def test_programs_get_one_contact_as_data(run: Run, optinout: WorkflowStore) -> None:
    decided(optinout, decision(), None, memory=remembered())
    found = json.loads(run("consent", "explain", ANN, "-o", "json").stdout)
    [one] = found.pop("decisions")
    assert len(one.pop("sentences")) == 5
    assert one == {
        "number": 1,
        "contact": ANN,
        "flag": "blackListEmail",
        "dynamics_opted_out": False,
        "dynamics_changed": "2026-11-20T09:58:00.000Z",
        "campaign_opted_out": True,
        "campaign_changed": "2026-11-20T10:00:05.000Z",
        "skew_ms": 200,
        "policy": "documented",
        "rule": "campaign-newer",
        "winner": "campaign",
        "opted_out": True,
        "decided": "2026-11-20T10:00:07.000Z",
        "written_to": "dynamics",
        "written": None,
        "confirmed": None,
        "closed": None,
        "column": None,
        "direction": "bidirectional",
        "dynamics_changed_after": None,
        "campaign_changed_after": None,
        "skew_within_ms": None,
    }
    email = {"opted_out": True, "changed": "2026-11-20T10:00:05.000Z", "at_the_latest": False}
    assert found["last_seen"][0] == {"flag": "blackListEmail", "column": None, "dynamics": email, "campaign": email}
    assert (found["contact"], found["more"], found["waiting"], found["set_aside"]) == (ANN, False, None, None)


def test_an_id_that_is_none_and_a_contact_that_nobody_has_seen_are_told(run: Run) -> None:
    wrong = run("consent", "explain", "ann@example.com")
    assert wrong.exit_code == 2
    assert wrong.stderr.endswith(
        "Error: Invalid value for CONTACT: ann@example.com is not the id of a contact; one looks like "
        "5d6c7f1e-0f0b-4b0e-9a58-000000000001.\n"
    )
    unknown = run("consent", "explain", ANN)
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr == (
        f"Error: Nothing is known of the contact {ANN}: optinout has seen no change of its consent, or what was "
        "decided is older than what is kept.\n"
    )


def test_decisions_are_exported_as_csv(run: Run, optinout: WorkflowStore) -> None:
    # Given decisions of three days, one of them in doubt, and one that is still open
    decided(optinout, decision(at_ms=AT - 86_400_000))
    doubtful = decision(BOB, campaign=(None, None), skew_ms=None, rule="in-doubt", winner="neither", written_to="")
    decided(optinout, doubtful._replace(column="donotemail"), None)
    decided(optinout, decision(), "refused")
    decided(optinout, decision(BOB, at_ms=AT + 5_000), None)
    # When those since a day are exported
    result = run("consent", "export", "--since", "2026-11-20", "--until", "2026-11-21")
    # Then they stand in the order in which they were closed, the open one last
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout
        == f"""\
number,contact,flag,dynamics_opted_out,dynamics_changed,campaign_opted_out,campaign_changed,skew_ms,policy,rule,\
winner,opted_out,decided,written_to,written,confirmed,closed,column,direction,dynamics_changed_after,campaign_changed_after,\
skew_within_ms
2,{BOB},blackListEmail,false,2026-11-20T09:58:00.000Z,,,,documented,in-doubt,\
neither,,2026-11-20T10:00:07.000Z,,,,2026-11-20T10:00:07.000Z,donotemail,bidirectional,,,
3,{ANN},blackListEmail,false,2026-11-20T09:58:00.000Z,true,2026-11-20T10:00:05.000Z,200,documented,campaign-newer,\
campaign,true,2026-11-20T10:00:07.000Z,dynamics,,refused,2026-11-20T10:00:08.000Z,,bidirectional,,,
4,{BOB},blackListEmail,false,2026-11-20T09:58:05.000Z,true,2026-11-20T10:00:10.000Z,200,documented,campaign-newer,\
campaign,true,2026-11-20T10:00:12.000Z,dynamics,,,,,bidirectional,,,
"""
    )
    # And the one of before is in the file of the day before
    before = run("consent", "export", "--until", "2026-11-20T00:00Z").stdout
    assert [row["number"] for row in csv.DictReader(io.StringIO(before))] == ["1"]


def test_decisions_are_exported_as_lines_of_json_with_the_same_names(run: Run, optinout: WorkflowStore) -> None:
    decided(optinout, decision())
    [line] = run("consent", "export", "--since", "2026-11-20", "--until", "2026-11-21", "-o", "jsonl").stdout.split(
        "\n"
    )[:-1]
    found = json.loads(line)
    assert list(found) == run("consent", "export", "--until", "1971-01-01").stdout.rstrip("\n").split(",")
    assert (found["number"], found["opted_out"], found["written"]) == (1, True, "2026-11-20T10:00:08.000Z")


def test_all_decisions_are_exported_however_many(run: Run, optinout: WorkflowStore) -> None:
    # Given more decisions than one answer of the store holds, up to this very moment
    for number in range(1201):
        decided(optinout, decision(at_ms=AT + number))
    made = decision(at_ms=optinout.now_ms())
    numbers = optinout.consent.decide(ANN, b"", [made])
    optinout.consent.confirm(ANN, b"", numbers, "answer", made.decided_ms)
    rows = list(csv.DictReader(io.StringIO(run("consent", "export").stdout)))
    assert [int(row["number"]) for row in rows] == list(range(1, 1203))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ["--since", "yesterday"],
            "Error: Invalid value for --since: yesterday is no time; write 2026-11-20, 2026-11-21T12:00Z, or 2d for "
            "two days ago.\n",
        ),
        (
            ["--since", "2026-11-21", "--until", "2026-11-20"],
            "Error: Nothing lies between --since and --until; the earlier time is that of --since.\n",
        ),
    ],
)
def test_a_window_that_cannot_be_is_told(run: Run, options: list[str], complaint: str) -> None:
    result = run("consent", "export", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(complaint)


def test_what_the_record_amounts_to_is_counted(run: Run, optinout: WorkflowStore) -> None:
    # Given an empty record
    assert (
        run("consent", "stats").stdout
        == """\
Kept          0 decisions
Size          0 bytes
For           -
Open          0 decisions
Ever decided  0
Last decided  -
In doubt      0
"""
    )
    # When decisions were made
    decided(optinout, decision())
    decided(optinout, decision(BOB, rule="in-doubt", winner="neither", written_to=""), None)
    decided(optinout, decision(BOB), None)
    # Then they are counted by rule and by end
    lines = run("consent", "stats").stdout.splitlines()
    assert lines[0] == "Kept          2 decisions, the oldest of 2026-11-20 10:00:08 UTC"
    assert lines[3] == "Open          1 decision about 1 contact: to be written"
    assert lines[6:] == [
        "In doubt      1",
        "",
        "RULE            DECISIONS",
        "campaign-newer          2",
        "in-doubt                1",
        "",
        "END      DECISIONS",
        "answer           1  confirmed by the system that was written to",
        "reading          0  found there later, the answer having been lost",
        "refused          0  not written: refused, or changed meanwhile",
        "unknown          0  not known: the answer was lost, and the value not found there",
    ]
    # And programs get the same
    found = json.loads(run("consent", "stats", "-o", "json").stdout)
    assert found.pop("bytes") > 0
    assert found == {
        "kept": 2,
        "oldest": "2026-11-20T10:00:08.000Z",
        "retention_days": None,
        "open": 1,
        "open_contacts": 1,
        "decided": 3,
        "last_decided": "2026-11-20T10:00:07.000Z",
        "in_doubt": 1,
        "set_back_again": 0,
        "without_key": 0,
        "rules": {"campaign-newer": 2, "in-doubt": 1},
        "ends": {"answer": 1, "reading": 0, "refused": 0, "unknown": 0},
    }


def test_a_sealed_record_needs_its_key(run: Run, store: Store) -> None:
    # Given a record that was sealed
    sealed = Store(store.redis, "production", AesSeal([KEY])).workflow("optinout")
    decided(sealed, decision(), memory=remembered())
    key = base64.b64encode(KEY).decode()
    # Then the key opens it, and without the key it is told what is to be done
    for command in (("consent", "explain", ANN), ("consent", "export", "-o", "jsonl")):
        assert ANN in run(*command, D365ACS_PAYLOAD_KEYS=key).stdout
        assert run(*command).stderr == (
            "Error: The record of consent is sealed with a key that is not known here; set "
            "D365ACS_PAYLOAD_KEYS_FILE as the workers have it, with the older keys in it, too.\n"
        )
    # And counts need none
    assert json.loads(run("consent", "stats", "-o", "json").stdout)["kept"] == 1
