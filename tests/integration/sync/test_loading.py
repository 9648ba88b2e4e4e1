"""First loads through Campaign's file import: the same ledger and the same outcomes as single writes."""

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.errors import Unreachable
from store.ledger import Standing
from store.lifecycle import State
from store.record_queue import Lane, Leased
from store.whereabouts import Place, whereabouts
from sync.loading import collecting
from sync.writing import WriteEnd
from tests.integration.sync.loading_stage import FIELDS, RESULTS, LoadStage


def test_a_first_load_travels_in_a_file_and_stands_in_the_ledger_as_if_written_singly(loading: LoadStage) -> None:
    # Given some thousand contacts
    loading.start_with(2000)
    # When they are written
    loading.write_until_done()
    # Then all of them are in Campaign, out of one file, each once
    assert loading.names() == loading.wanted()
    assert loading.in_files() == len(loading.wanted()) == len(loading.journal())
    # And the ledger knows all of them, and nothing is left on the server
    assert None not in loading.entries()
    assert {entry.standing for entry in loading.entries() if entry} == {Standing.PRESENT}
    assert loading.files() == {} and loading.loads.read() is None
    assert loading.workflow.troubles.all() == [] and loading.off() == ""
    # And only what has changed since is written again, singly
    loading.rename(min(loading.wanted()), "Newer")
    loading.read()
    loading.write_until_done()
    assert loading.names() == loading.wanted()
    assert len(loading.journal()) == len(loading.wanted()) + 1


def test_the_file_is_hidden_until_its_records_belong_to_the_load(loading: LoadStage) -> None:
    loading.start_with(30)
    # When a load is committed
    load = loading.write_until_loaded()
    # Then its file has a name that Campaign does not take, and its records are with nobody else
    assert [path.rpartition("/")[2] for path in loading.files()] == [f".{load.name}.csv.part"]
    assert loading.journal() == [] and load.count == len(loading.wanted())
    where = whereabouts(loading.redis, loading.queue.keys, min(loading.wanted()))
    assert where is not None and (where.place, where.lane) == (Place.LOADED, Lane.REPLAY)
    # And the file says what the mapping says
    lines = next(iter(loading.files().values())).splitlines()
    assert lines[0] == "externalId,firstName,lastName,location.city"
    assert {line.partition(",")[0] for line in lines[1:]} == loading.wanted().keys()
    loading.write_until_done()


def test_what_campaign_refuses_becomes_a_dead_letter_with_the_reason_of_a_single_write(loading: LoadStage) -> None:
    # Given contacts of which three have an address that Campaign takes for none
    loading.configure(fields={**FIELDS, "emailaddress1": "email"})
    wrong = set(loading.create(40)[:3])
    for record_id in wrong:
        loading.admin.patch(f"/dynamics/tables/contact/{record_id}", {"emailaddress1": "nowhere"})
    loading.start()
    loading.read()
    # When they are loaded
    loading.write_until_done()
    # Then all others are there, and of each of the three Campaign was asked singly why
    assert loading.names().keys() == loading.wanted().keys() - wrong
    letters = list(loading.queue.dead_letters())
    assert {letter.id for letter in letters} == wrong
    assert {(letter.reason.kind, letter.reason.system) for letter in letters} == {("refused", "campaign")}
    assert all("email" in letter.reason.sentence for letter in letters)
    assert loading.off() == "" and loading.files() == {}


def test_rows_that_are_not_confirmed_are_written_singly(loading: LoadStage) -> None:
    # Given a workflow that refuses every seventh row for no reason, and does not list every fifth
    loading.imports(reject_every=7, unlisted_every=5)
    loading.start_with(100)
    loading.write_until_done()
    # Then nothing is missing, and the ledger has nothing that was not confirmed
    assert loading.names() == loading.wanted()
    assert {entry.standing for entry in loading.entries() if entry} == {Standing.PRESENT}
    assert loading.off() == ""


def test_a_change_during_the_import_waits_and_wins(loading: LoadStage) -> None:
    # Given an import that takes its time, by the sandbox's clock
    loading.imports(delay_seconds=100)
    ids = loading.start_with(50)
    loading.write_until_loaded()
    for _ in range(3):
        loading.write()
    assert loading.journal() == []
    # From now on nobody takes for certain that Campaign does not hold them, nor that it does
    ledger = loading.queue.ledger
    assert ledger.perhaps_present(ids) == set(ids) and ledger.present(ids) == set()
    # When a contact changes twice, one that is in no file is created, and another one is deleted
    loading.rename(ids[0], "Second")
    loading.read()
    loading.rename(ids[0], "Third")
    late = loading.create(1)[0]
    loading.read()
    loading.write()
    # Then the newcomer does not wait for the import, and the changed one does
    assert [entry["key"] for entry in loading.journal()] == [late]
    # And when the import is over, the newest version follows
    loading.admin.post("/clock", {"advance": 200})
    loading.write_until_done()
    assert loading.names() == loading.wanted() and loading.names()[ids[0]] == "Third"
    versions = [entry["version"] for entry in loading.journal() if entry["key"] == ids[0]]
    assert len(versions) == 2 and versions[-1] == "Third"


def test_fewer_than_the_threshold_are_written_singly(loading: LoadStage) -> None:
    loading.configure(threshold=5000, at_most=5000)
    loading.start_with(100)
    loading.write_until_done()
    assert loading.in_files() == 0 and loading.names() == loading.wanted()


def test_changes_of_what_campaign_has_already_travel_singly_and_are_no_reason_to_try_again_and_again(
    loading: LoadStage,
) -> None:
    # Given contacts that Campaign has
    ids = loading.start_with(60)
    loading.write_until_done()
    before = len(loading.journal())
    # When most of them change, more than the threshold
    for record_id in ids[:40]:
        loading.rename(record_id, "Changed")
    loading.read()
    loading.write_until_done()
    # Then they are written singly, and no load is begun for a while
    assert loading.names() == loading.wanted()
    assert len(loading.journal()) == before + 40 and loading.in_files() == before
    assert loading.loads.later_ms() > loading.runtime.store.now_ms()


def test_an_import_that_confirms_less_than_half_is_not_repeated(loading: LoadStage) -> None:
    # Given a workflow that does not list what it has written
    loading.imports(unlisted_every=1)
    loading.start_with(100)
    loading.write_until_done()
    # Then everything is written singly, operators are told, and no more loads are made in this run
    assert loading.names() == loading.wanted()
    assert "had only 0 of them confirmed" in loading.off() and "WKF201" in loading.off()
    before = loading.in_files()
    loading.create(100)
    loading.read()
    loading.write_until_done()
    assert loading.in_files() == before and loading.names() == loading.wanted()
    # And the next start tries anew
    loading.stop()
    loading.start()
    assert loading.off() == ""


def test_results_that_cannot_be_read_confirm_nothing(loading: LoadStage) -> None:
    # Given a workflow whose results have another column
    loading.imports(takes_files=False)
    load = loading.make_load(50)
    loading.write()
    loading.put_file(f"{RESULTS}/{load.name}.written.csv", "key\nx\n")
    # When they are found
    loading.write_until_done()
    # Then everything is written singly, with a sentence that says why
    assert loading.names() == loading.wanted() and loading.in_files() == 0
    assert "no column externalId" in loading.off()
    assert loading.files() == {}


def test_a_row_that_was_refused_and_is_listed_all_the_same_is_not_believed(loading: LoadStage) -> None:
    # Given results that contradict each other, and nothing that was imported
    loading.imports(takes_files=False)
    load = loading.make_load(50)
    loading.write()
    doubtful, listed = sorted(loading.wanted())[:2]
    loading.put_file(f"{RESULTS}/{load.name}.rejects.csv", f"externalId,reason\n{doubtful},x\n")
    loading.put_file(f"{RESULTS}/{load.name}.written.csv", "externalId\n" + "\n".join(loading.wanted()))
    # When they are read
    loading.write_until_done()
    # Then that row alone is written singly
    assert loading.names() == {doubtful: loading.wanted()[doubtful]}
    assert loading.queue.ledger.present([doubtful, listed]) == {doubtful, listed}


def test_results_that_still_grow_are_waited_for(loading: LoadStage) -> None:
    # Given results that are there by half for a while
    loading.configure(settled_seconds=1)
    loading.imports(half_results_seconds=50)
    loading.make_load(80)
    loading.write()
    loading.write()
    loading.admin.post("/clock", {"advance": 60})
    loading.imports()
    load = loading.loads.read()
    assert load is not None and f"{RESULTS}/{load.name}.written.csv" in loading.files()
    # When they are looked at by half, and are whole a moment later
    loading.write()
    seen = loading.loads.read()
    assert seen is not None and seen.seen != "" and loading.queue.backlog().leased == load.count
    loading.admin.post("/clock", {"advance": 60})
    loading.imports()
    # Then everything counts as written, out of the file, once they have not changed for long enough
    loading.write()
    loading.loads.note(load, settling_ms=1)
    loading.write_until_done()
    assert loading.in_files() == len(loading.journal()) == len(loading.wanted())


@pytest.mark.parametrize("trigger", ["start", "none"])
def test_a_workflow_may_be_started_or_look_by_itself(loading: LoadStage, trigger: str) -> None:
    loading.configure(trigger=trigger)
    loading.imports(**({"ends": True} if trigger == "start" else {"every_seconds": 1}))
    if trigger == "start":
        loading.stand("finished")
    loading.make_load(100)
    loading.write()
    loading.admin.post("/clock", {"advance": 5})
    loading.write_until_done()
    assert loading.names() == loading.wanted()
    assert loading.in_files() == len(loading.journal()) == len(loading.wanted())
    commands = [one["method"] for one in loading.imports()["commands"]]
    assert commands == (["start"] if trigger == "start" else [])
    assert loading.imports()["signals"] == []


def test_a_file_waits_for_the_cool_down_while_others_are_written(loading: LoadStage) -> None:
    # Given a workflow that was signalled a moment ago
    loading.admin.put("/switches", {"signal_cool_down_seconds": 600})
    loading.start_with(30)
    loading.write_until_done()
    assert len(loading.imports()["signals"]) == 1
    # When another file is in its place
    loading.create(60)
    loading.read()
    loading.write_until_loaded()
    loading.write()
    loading.write()
    waiting = loading.loads.read()
    assert waiting is not None and waiting.triggered_ms == 0 and waiting.retry_ms > loading.runtime.store.now_ms()
    # Then a newcomer is written meanwhile
    late = loading.create(1)[0]
    loading.read()
    loading.write()
    assert late in loading.names() and waiting.count == loading.queue.backlog().leased
    # And the file is told of when that is over
    loading.admin.post("/clock", {"advance": 700})
    loading.loads.note(waiting, retry_ms=0)
    loading.write_until_done()
    assert loading.names() == loading.wanted() and len(loading.imports()["signals"]) == 2


def test_no_load_is_begun_before_the_workflow_can_be_signalled_again(loading: LoadStage) -> None:
    # Given a load a moment ago, and ten minutes between two
    loading.configure(cool_down_seconds=600)
    loading.start_with(30)
    loading.write_until_done()
    before = loading.in_files()
    assert before == len(loading.wanted())
    # When many more come
    loading.create(60)
    loading.read()
    loading.write_until_done()
    # Then they do not wait for it
    assert loading.in_files() == before and loading.names() == loading.wanted()


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_a_workflow_that_does_not_run_gets_no_file(loading: LoadStage, state: str) -> None:
    loading.stand(state)
    loading.start_with(100)
    assert loading.write() is WriteEnd.SLICE_OVER or loading.trouble()
    assert f"WKF201 is {state}" in loading.trouble() and "written singly" in loading.trouble()
    loading.write_until_done()
    assert loading.in_files() == 0 and loading.names() == loading.wanted()
    # And that is nobody's trouble any more once nothing waits
    loading.write()
    assert loading.trouble() == ""


def test_a_workflow_that_has_lost_its_signal_gets_no_file(loading: LoadStage) -> None:
    # Given a signal that gets another name in Campaign while ingress runs
    loading.start_with(100)
    loading.imports(signal="signal9")
    # When what waits is written
    loading.write()
    # Then it waits in no file of which nobody could be told
    assert loading.trouble().endswith(
        "has no external signal signal1 (it has: signal9); correct ingress.tables[contact].file_import.signal; "
        "meanwhile records of contact are written singly"
    )
    loading.write_until_done()
    assert loading.in_files() == 0 and loading.names() == loading.wanted()


def test_records_are_written_singly_where_the_server_takes_no_file(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an SFTP server that breaks off in the middle of a file
    def broken(self: object, content: bytes, timeout: float) -> None:
        raise Unreachable("sftp", "the connection broke off")

    monkeypatch.setattr("connectors.sftp_writing.RemoteWriting.write", broken)
    loading.start_with(100)
    # When they are written
    loading.write()
    # Then operators are told, and nothing waits
    assert "the connection broke off" in loading.trouble()
    loading.write_until_done()
    assert loading.in_files() == 0 and loading.names() == loading.wanted()
    assert loading.files() == {}


@pytest.mark.parametrize("full_at", [10, 1000])
def test_a_file_with_a_hole_is_never_announced(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, full_at: int
) -> None:
    # Given a server that refuses one piece of a file, its first line or one in the middle, and takes all behind it
    monkeypatch.setattr(collecting, "BATCH", 20)
    loading.admin.put("/switches", {"sftp_full_at_byte": full_at})
    loading.start_with(100)
    # When records are written
    loading.write()
    # Then there is no load, and operators are told
    assert loading.loads.read() is None and "the server says that it failed" in loading.trouble()
    # And all of them are written singly, with the values that they have
    loading.write_until_done()
    assert loading.in_files() == 0 and loading.names() == loading.wanted()
    assert loading.files() == {}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"workflow": "WKF999"}, "correct ingress.tables[contact].file_import.workflow"),
        (
            {"signal": "signal9"},
            "no external signal signal9 (it has: signal1); correct ingress.tables[contact].file_import.signal",
        ),
    ],
)
def test_a_start_says_what_is_wrong_with_the_workflow_or_its_signal(
    loading: LoadStage, wrong: dict[str, Any], said: str
) -> None:
    loading.configure(**wrong)
    loading.press_start()
    loading.tick_until(State.FAILED)
    assert said in (loading.workflow.lifecycle.read().why or "")


def test_a_table_that_is_held_while_its_file_is_made_sends_none(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given many new contacts, whose mapping turns out not to fit while most of them are in a file
    loading.start_with(60)
    holds, generation = loading.workflow.holds, loading.workflow.lifecycle.read().generation
    divided = collecting.Collector._divided

    def then_held(self: collecting.Collector, records: Sequence[Leased]) -> collecting.Divided:
        found = divided(self, records)
        holds.hold("contact", generation, "a field is gone")
        return found

    monkeypatch.setattr(collecting.Collector, "_divided", then_held)
    # When the file is full enough
    loading.write()
    # Then it is taken away, and all of them wait
    assert (loading.files(), loading.in_files()) == ({}, 0)
    assert loading.queue.backlog().waiting == len(loading.wanted())
