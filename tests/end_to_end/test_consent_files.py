"""Campaign's export files: each once and whole, beside polling without double effect; the workflow that writes them."""

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.consent_stage import EXPORTS, ConsentStage

EMAIL, PHONE = "blackListEmail", "blackListPhone"
DONE = f"{EXPORTS}/done"


def from_files(direction: str = "campaign_to_dynamics", **files: object) -> documents.Plain:
    """Files alone, each taken for whole as soon as it is seen."""
    return documents.optinout(direction, poll=None, files={"settled_seconds": 0, **files})


def exported(consent: ConsentStage) -> str:
    """The name of a new file of Campaign's export."""
    path: str = consent.admin.post("/consent/export")["path"]
    return path.rpartition("/")[2]


def test_each_file_is_read_once_when_it_is_whole_and_put_away(consent: ConsentStage) -> None:
    # Given the exports of three days, the last of which is still being written
    jo, ann, eve, sue = consent.people(4)
    consent.opt("campaign", EMAIL, True, jo, ann)
    first = exported(consent)
    consent.later(86_400)
    consent.opt("campaign", EMAIL, False, ann)
    consent.opt("campaign", PHONE, True, eve)
    second = exported(consent)
    consent.later(86_400)
    consent.opt("campaign", PHONE, True, sue, eve)
    last = exported(consent)
    whole = consent.admin.get(f"/sftp/files/{EXPORTS}/{last}")
    grown, mtime = whole["size"] - 40, whole["mtime"]
    consent.admin.put(f"/sftp/files/{EXPORTS}/{last}", {"base64": whole["base64"], "bytes": grown, "mtime": mtime})

    # When they are read, while the last one grows for longer than a file takes to be whole
    consent.save(from_files(settled_seconds=2, afterwards="archive", archive_folder=DONE))
    consent.run("worker", "beat")
    consent.start()
    consent.wait_until(lambda: consent.files_read() == [first, second], "the older files were read")
    begun = consent.store.now_ms()
    while consent.store.now_ms() < begun + 2_500:
        consent.admin.post(f"/sftp/files/{EXPORTS}/{last}", {"bytes": 1, "mtime": mtime})
        consent.wait_for_ticks(0.3)

    # Then the others have had their effect in their order, and nothing of it
    consent.wait_until(lambda: consent.stands(PHONE, eve) == (True, True), "the newer one had its effect")
    assert consent.stands(EMAIL, jo) == (True, True) and consent.stands(EMAIL, ann) == (False, False)
    assert consent.stands(PHONE, sue) == (False, True)

    # When it is whole
    consent.admin.post(f"/sftp/files/{EXPORTS}/{last}", {"mtime": mtime})

    # Then it follows, and all of them are in the archive
    consent.wait_until_settled()
    consent.wait_until(lambda: not consent.files_in(EXPORTS), "the files are put away")
    assert consent.files_in(DONE) == [first, second, last]
    rows = consent.totals()["read"]

    # When somebody changes their mind in Dynamics, and the workflow starts again
    consent.opt("dynamics", EMAIL, False, jo)
    consent.restart()
    consent.wait_for_state(State.RUNNING)
    consent.wait_for_ticks(1)

    # Then no row was read a second time
    assert consent.totals()["read"] == rows
    assert consent.stands(EMAIL, jo) == (False, True)
    assert not consent.letters()


def test_what_is_polled_and_stands_in_files_counts_once(consent: ConsentStage) -> None:
    # Given an export with changes of both kinds, of people who are polled as well, some of whom have changed again
    people = consent.people(8)
    consent.opt("campaign", EMAIL, True, *people[:6])
    consent.opt("campaign", PHONE, True, *people[4:])
    older = exported(consent)
    consent.later()
    consent.opt("campaign", EMAIL, False, *people[:2])
    newer = exported(consent)
    drive = {"id": "WKF123", "signal": "signal1", "start": True}
    both = documents.optinout(files={"settled_seconds": 0}, export_workflow=drive)

    # When it is polled, read in files, and an export is asked for
    consent.save(both)
    consent.run_until_read("worker", "worker", "beat")
    consent.wait_until_settled()
    consent.wait_until(lambda: len(consent.files_read()) >= 2, "the files were read")
    consent.wait_until_read()
    consent.wait_for_looks()

    # Then both sources were read, and each flag that differed was written once and is on record once
    assert consent.files_read() == [older, newer]
    wanted = sorted([(id_, EMAIL) for id_ in people[2:6]] + [(id_, PHONE) for id_ in people[4:]])
    assert sorted(consent.written()) == [(id_, "dynamics", flag) for id_, flag in wanted]
    assert sorted((found["contact"], found["flag"]) for found in consent.decisions()) == wanted

    # And the workflow was signalled, once; it was not started, for it was
    asked = consent.admin.get("/consent/workflow")
    assert (len(asked["signals"]), asked["commands"]) == (1, [])

    # When another workflow is to be driven, which is found stopped
    consent.switch(export_workflow="WKF900")
    consent.admin.put("/consent/workflow", {"state": "stopped"})
    consent.restart(consent.save(both | {"export_workflow": drive | {"id": "WKF900"}}))

    # Then it is started
    consent.wait_until(lambda: consent.admin.get("/consent/workflow")["state"] == "started", "it is started")
    assert [one["method"] for one in consent.admin.get("/consent/workflow")["commands"]] == ["start"]
