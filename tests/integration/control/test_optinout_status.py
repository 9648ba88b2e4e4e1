"""What an operator is told of opt-in/out: its decisions, contacts that are missing, clocks, and that nothing moves."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from store.consent import Decision
from store.outcomes import Parent, Parked
from store.records import Change
from store.sealing import AesSeal
from store.store import Store, WorkflowStore
from sync.consent.polled import PollPosition
from sync.consent.position import ConsentPosition, Notice, PartPosition
from sync.tables.position import Position
from tests.integration.control.conftest import CONNECTIONS, INGRESS, Run

pytestmark = pytest.mark.usefixtures("acknowledged", "answering")

OPTINOUT = """\
optinout:
  direction: bidirectional
  flags:
    - {dynamics: donotemail, campaign: blackListEmail}
"""
ONE_WAY = OPTINOUT.replace("bidirectional", "dynamics_to_campaign")
STILL = (
    "optinout moves nothing with direction: dynamics_to_campaign; consent travels with the contacts, by the mapping of "
    "contact in ingress; how many opt-outs made in Campaign that undoes is counted by: d365acs consent preview; add "
    "blackListEmail there with: d365acs mapping add-flags contact"
)


@pytest.fixture
def generation(run: Run, file: Path, optinout: WorkflowStore) -> int:
    """Opt-in/out runs."""
    file.write_text(CONNECTIONS + OPTINOUT)
    assert run("config", "apply", str(file)).exit_code == 0
    assert run("workflow", "start", "optinout").exit_code == 0
    generation = optinout.lifecycle.read().generation
    optinout.lifecycle.add_streams(["consent"])
    assert optinout.lifecycle.run(generation, "start-up checks", "both systems answer")
    return generation


def decided(optinout: WorkflowStore, skew_ms: int | None = 0, rule: str = "campaign-newer") -> None:
    to = "" if rule == "in-doubt" else "dynamics"
    sides = (False, 1), (True, 2)
    at_ms = optinout.now_ms()
    if skew_ms is not None:
        optinout.consent.note_skew(skew_ms, at_ms)
    made = Decision("a", "blackListEmail", *sides, skew_ms, "documented", rule, "campaign", to, at_ms)
    numbers = optinout.consent.decide("a", b"", [made])
    optinout.consent.confirm("a", b"", numbers if to else [], "answer", at_ms)


def shown(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("workflow", "show", "optinout", "-o", "json").stdout)
    return found


def test_decisions_are_counted_beside_the_stream(run: Run, optinout: WorkflowStore, generation: int) -> None:
    # Given two decisions, one of them in doubt
    decided(optinout)
    decided(optinout, rule="in-doubt")
    # Then they are counted, and nothing worries
    assert "Decisions     2 kept, 0 open; 1 ever in doubt\n" in run("workflow", "show", "optinout").stdout
    data = shown(run)
    assert data["consent"] == {"moves": True, "decisions": {"kept": 2, "open": 0, "in_doubt": 1}, "skew_ms": 0,
                               "set_back_again": None}  # fmt: skip
    assert data["notes"] == []
    # And other workflows have no such thing
    assert json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["consent"] is None


def test_changes_wait_for_contacts_that_dynamics_does_not_have(
    run: Run, optinout: WorkflowStore, generation: int
) -> None:
    queue = optinout.queue("consent")
    queue.put_page(generation, 0, [Change("a", 1, b"{}")], "")
    batch = queue.lease(generation, 10, 60_000)
    queue.settle(batch.number, [Parked("a", Parent("contact", "a"), released=False)])
    assert shown(run)["notes"] == [
        "optinout: 1 change waits for a contact that Dynamics does not have (parked); why: d365acs record explain a"
    ]
    lines = [re.split(r"\s{2,}", line) for line in run("workflow", "show", "optinout").stdout.splitlines()]
    [header] = [line for line in lines if line[0] == "STREAM"]
    assert ("NO CONTACT" in header, "TOKEN" in header) == (True, False)
    stopped = run("workflow", "stop", "optinout")
    assert stopped.stdout == "optinout: RUNNING -> STOPPED, 1 change kept on the queue.\n"


@pytest.mark.parametrize(
    ("skew_ms", "way"), [(7_400, "7 s ahead of"), (-5_001, "5 s behind"), (5_000, None), (-5_000, None), (None, None)]
)
def test_clocks_that_are_far_apart_are_told(
    run: Run, optinout: WorkflowStore, generation: int, skew_ms: int | None, way: str | None
) -> None:
    decided(optinout, skew_ms)
    sentence = (
        f"optinout: Campaign's clock is {way} that of Dynamics, and conflicts are decided by the times that both "
        "systems tell: have it set right, or take policy: most_restrictive, which needs no clock."
    )
    assert shown(run)["notes"] == ([sentence] if way else [])


def test_whoever_adds_a_pair_where_only_files_are_read_is_told_to_have_them_read_again(
    run: Run, optinout: WorkflowStore, file: Path, generation: int
) -> None:
    only_files = OPTINOUT.replace("bidirectional", "campaign_to_dynamics") + "  poll: null\n  files: {}\n"
    sftp = "  sftp: {host: sftp.test, user: u, private_key: '${file:/k}', host_key: 'SHA256:" + "A" * 43 + "'}\n"
    # Given a workflow that has read files, with one pair
    file.write_text(CONNECTIONS + sftp + only_files)
    assert run("config", "apply", str(file)).exit_code == 0
    optinout.queue("consent").put_page(generation, 0, [], "{}")
    # When another one is added, Then it is told that nobody says again what was said before
    more = only_files.replace("  poll", "    - {dynamics: donotphone, campaign: blackListPhone}\n  poll")
    file.write_text(CONNECTIONS + sftp + more)
    result = run("config", "apply", str(file))
    told = (result.stdout + result.stderr).replace("\n", " ")
    assert "not read again for pairs that are new or turned round (blackListPhone)" in told
    assert "d365acs replay create optinout" in told
    # But not where everybody is polled
    file.write_text(CONNECTIONS + sftp + more.replace("  poll: null\n", "").replace("donotphone", "donotbulkemail"))
    result = run("config", "apply", str(file))
    assert result.exit_code == 0 and "not read again" not in result.stdout + result.stderr


def test_a_record_that_is_sealed_does_not_hinder_the_status(run: Run, store: Store, generation: int) -> None:
    decided(Store(store.redis, "production", AesSeal([b"k" * 32])).workflow("optinout"), 60_000)
    assert shown(run)["consent"]["skew_ms"] == 60_000 and len(shown(run)["notes"]) == 1


def test_clocks_are_not_told_by_what_was_measured_the_day_before_yesterday(
    run: Run, optinout: WorkflowStore, generation: int
) -> None:
    optinout.consent.note_skew(60_000, optinout.now_ms() - 2 * 86_400_000)
    assert (shown(run)["consent"]["skew_ms"], shown(run)["notes"]) == (None, [])


def test_whoever_sets_back_what_is_written_is_told_of_with_the_way_out(
    run: Run, optinout: WorkflowStore, generation: int
) -> None:
    # Given two contacts of whom a writer has noticed it
    for ago_ms, contact in ((1000, "a"), (0, "5d6c7f1e-0f0b-4b0e-9a58-000000000001")):
        optinout.consent.note_answered(contact, optinout.now_ms() - ago_ms)
    # Then every face says so, and where to look
    [note] = shown(run)["notes"]
    assert note.startswith("optinout: The consent of 2 contacts is set back again and again")
    assert note.endswith("d365acs consent explain 5d6c7f1e-0f0b-4b0e-9a58-000000000001")
    assert shown(run)["consent"]["set_back_again"] == note.removeprefix("optinout: ")
    assert "The consent of 2 contacts is set back again and again" in run("workflow", "ls").stdout.replace("\n", " ")
    assert json.loads(run("consent", "stats", "-o", "json").stdout)["set_back_again"] == 2


def test_where_nothing_moves_the_status_says_where_consent_is_configured(run: Run, file: Path) -> None:
    # Given a direction in which consent travels with the contacts, saved and not started
    file.write_text(CONNECTIONS + INGRESS + ONE_WAY)
    run("config", "apply", str(file))
    # Then both faces say so, and nobody is asked for it
    assert (STILL in shown(run)["notes"], shown(run)["consent"]["moves"]) == (True, False)
    assert STILL in run("workflow", "ls").stdout
    checks = {one["check"]: one for one in json.loads(run("doctor", "-o", "json").stdout)}
    assert (checks["optinout pairs"]["colour"], checks["optinout configuration"]["colour"]) == ("green", "green")


def test_doctor_knows_the_pairs_that_ingress_has(run: Run, file: Path) -> None:
    # Given pairs that are in the mapping of ingress by now
    file.write_text(CONNECTIONS + INGRESS + ONE_WAY)
    run("config", "apply", str(file))
    added = run("mapping", "add-flags", "contact")
    # Then whoever added them was warned of what ingress does with opt-outs of Campaign
    assert "whoever has opted out in Campaign alone is opted in there" in added.stderr.replace("\n", " ")
    # And the doctor and the status say the same, that nothing is to be added
    checks = {one["check"]: one for one in json.loads(run("doctor", "-o", "json").stdout)}
    finding = checks["optinout pairs"]["finding"]
    assert finding.endswith("which has all pairs.") and finding in shown(run)["notes"]


def test_what_was_read_in_another_direction_is_shown_no_more(
    run: Run, file: Path, optinout: WorkflowStore, generation: int
) -> None:
    # Given sources that were read, of which one noticed something
    notice = Notice(optinout.now_ms(), "A file was removed before it was read.")
    read(optinout, generation, files=PartPosition("there", "", notice=notice))
    assert "A file was removed before it was read." in run("workflow", "ls").stdout.replace("\n", " ")
    # When it is started in a direction in which it reads nothing
    file.write_text(CONNECTIONS + ONE_WAY)
    run("config", "apply", str(file))
    optinout.lifecycle.stop("ann", "")
    assert optinout.lifecycle.start("ann", "", optinout.revisions.newest())
    # Then neither is told any more
    assert not any("A file was removed" in note for note in shown(run)["notes"])
    assert not any(stream.get("sources") for stream in shown(run)["streams"])


def test_profiles_that_opted_out_without_a_key_are_counted_once_each(
    run: Run, store: Store, optinout: WorkflowStore
) -> None:
    # Given three of them, of which one was read twice
    for seen in ([1, 2], [2, 3], []):
        optinout.consent.note_keyless(seen)
    # Then both faces say how many there are, and say nothing where there are none
    assert json.loads(run("consent", "stats", "-o", "json").stdout)["without_key"] == 3
    assert "about 3 profiles of Campaign opted out" in run("consent", "stats").stdout.replace("\n", " ")
    store.redis.delete(optinout.keys.keyless)
    assert "No key" not in run("consent", "stats").stdout


def read(optinout: WorkflowStore, generation: int, **parts: PartPosition) -> None:
    position = ConsentPosition(1, 0, parts)
    optinout.queue("consent").put_page(generation, optinout.cursor("consent").number, [], position.dump())


def test_each_source_is_shown_with_where_it_stands(run: Run, optinout: WorkflowStore, generation: int) -> None:
    # Given a poll that has seen a change, files, and contacts that are still read for the first time
    now_ms = optinout.now_ms()
    polled = PollPosition(1, walking=False, newest_ms=1_795_168_807_000)
    read(
        optinout,
        generation,
        poll=PartPosition("here", polled.dump(), read_ms=now_ms),
        files=PartPosition("there", "", notice=Notice(now_ms, "A file was removed before it was read.")),
        dynamics=PartPosition("here", Position(rows=1200, expected=3000).dump(), busy=True),
    )
    # Then people see a line each, and what one of them has noticed
    lines = run("workflow", "show", "optinout").stdout.splitlines()
    at = lines.index("SOURCE    LAST CHANGE  STANDS AT")
    assert [re.sub(r"\d+ s ago", "now", line) for line in lines[at + 1 : at + 4]] == [
        "poll          now  changes, the newest of 2026-11-20 10:00:07 UTC",
        "files               -  nothing yet",
        "dynamics            -  all contacts are read, 1,200 of 3,000 so far",
    ]
    assert re.fullmatch(r"optinout: files, \d s ago: A file was removed before it was read\.", lines[-1])
    # And programs the same
    [stream] = shown(run)["streams"]
    assert [source["source"] for source in stream["sources"]] == ["poll", "files", "dynamics"]
    assert stream["sources"][1]["notice"]["sentence"] == "A file was removed before it was read."
    assert (stream["phase"], stream["sources"][1]["last_change"]) == ("full", None)


def test_consent_is_replayed_from_a_moment_on(run: Run, optinout: WorkflowStore, generation: int) -> None:
    # When whoever has changed since a day is asked for
    asked = run("replay", "create", "optinout", "--since", "2026-11-20")
    # Then it is pending until the next start
    assert asked.stderr == (
        "The replay of optinout (since 2026-11-20 00:00 UTC) is pending; begin it with: "
        "d365acs workflow restart optinout\n"
    )
    listed = run("replay", "ls").stdout.splitlines()[1]
    assert listed.startswith("optinout  pending") and "since 2026-11-20 00:00 UTC" in listed
    # When it has begun and is being read
    began_ms = optinout.now_ms()
    optinout.replays.begin(began_ms)
    poll = PartPosition("here", PollPosition(walking=False).dump())
    position = ConsentPosition(1, began_ms, {"poll": poll, "again": PartPosition("here", PollPosition(1).dump())})
    optinout.queue("consent").put_page(generation, 0, [], position.dump())
    # Then it is shown so, and can be ended
    assert json.loads(run("replay", "ls", "-o", "json").stdout)[0]["state"] == "reading"
    assert "STREAM   " in run("workflow", "show", "optinout").stdout
    ended = run("replay", "cancel", "optinout").stderr
    assert ended == "The replay of optinout ends now: what was read of it is written, the rest is not read.\n"


def test_a_replay_of_consent_has_no_end_and_needs_something_that_moves(run: Run, file: Path, generation: int) -> None:
    assert run("replay", "create", "optinout", "--until", "2026-11-20").stderr == (
        "Error: optinout compares both systems as they are now; leave --until out.\n"
    )
    file.write_text(CONNECTIONS + ONE_WAY)
    run("config", "apply", str(file))
    assert run("replay", "create", "optinout").stderr == (
        "Error: optinout moves nothing with direction: dynamics_to_campaign; there is nothing to replay.\n"
    )
