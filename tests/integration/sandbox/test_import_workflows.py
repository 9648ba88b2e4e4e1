"""What sets an import workflow off, how far it gets, and what can go wrong with it."""

import pytest
import requests

from tests.integration.sandbox.import_client import FOLDER, Imports, rows
from tests.sandboxes import Sandbox


@pytest.fixture
def imports(sandbox: Sandbox) -> Imports:
    return Imports(sandbox)


def state(imports: Imports) -> str:
    told: str = imports.campaign.workflow(imports.id).json()["state"]
    return told


def test_each_workflow_is_found_by_its_id_and_tells_its_own_signal(sandbox: Sandbox, imports: Imports) -> None:
    sandbox.admin.patch("/imports/WKF202", {"resource": "cusStore", "signal": "go", "parameter": "name"})
    export, one, other = (imports.campaign.workflow(id_).json() for id_ in ("WKF123", "WKF201", "WKF202"))
    assert [told["name"] for told in (export, one, other)] == ["WKF123", "WKF201", "WKF202"]
    assert len({told["PKey"] for told in (export, one, other)}) == 3
    assert one["activities"]["activity"]["signal1"]["parameters"] == {"file": "string"}
    assert other["activities"]["activity"]["go"]["parameters"] == {"name": "string"}
    assert (one["state"], one["nextProcessingDate"]) == ("started", "")
    assert imports.campaign.workflow(one["PKey"]).json() == one
    assert imports.campaign.workflow("WKF203").status_code == 404


def test_a_signal_is_refused_for_ten_minutes_after_another(imports: Imports) -> None:
    # Given a file that was signalled
    imports.import_(rows(1))
    # When another one is signalled before ten minutes have gone by
    imports.put("profile_2.csv", rows(1, 2))
    imports.admin.post("/clock", {"advance": 590})
    early = imports.signal("profile_2.csv")
    # Then it is refused and stays where it is; and a signal of another workflow is none of its business
    assert (early.status_code, early.text[:1]) == (500, "T")
    assert imports.campaign.signal().status_code == 200
    assert "profile_2.csv" in imports.files()
    imports.admin.post("/clock", {"advance": 20})
    assert imports.signal("profile_2.csv").status_code == 200
    assert imports.ended()["file"] == "profile_2.csv"
    # And by switch nobody has to wait
    imports.admin.put("/switches", {"signal_cool_down_seconds": 0})
    assert imports.signal("profile_2.csv").status_code == 200


def test_a_signal_with_a_parameter_that_is_not_declared_or_too_long_imports_nothing(imports: Imports) -> None:
    imports.put("profile_1.csv", rows(1))
    for parameters in ({"name": "profile_1.csv"}, {"file": 5}, {"file": "x" * 70_000}):
        answer = imports.campaign.signal({"source": "API", "parameters": parameters}, "WKF201")
        assert answer.status_code == 500
    assert (imports.told()["runs"], imports.files()) == ([], ["profile_1.csv"])


def test_a_signal_takes_the_file_that_it_names_and_no_other(imports: Imports) -> None:
    for name in ("profile_1.csv", "profile_2.csv"):
        imports.put(name, rows(1))
    imports.signal("profile_2.csv")
    assert imports.ended()["file"] == "profile_2.csv"
    assert imports.files() == ["profile_1.csv", "results/profile_2.written.csv"]


def test_a_signal_that_names_none_takes_all_files_of_its_resource(imports: Imports) -> None:
    names = ("profile_1.csv", "profile_2.csv", ".profile_3.csv", "cusStore_1.csv", "profile_4.csv.part")
    for name in names:
        imports.put(name, rows(1))
    imports.campaign.signal({"source": "API"}, "WKF201")
    while len(imports.told()["runs"]) < 2 or imports.ended()["file"] != "profile_2.csv":
        pass
    assert [name for name in imports.files() if "/" not in name] == sorted(names[2:])
    # And whatever its pattern, never one that is hidden
    imports.admin.delete(f"/sftp/files/{FOLDER}/cusStore_1.csv")
    imports.set(files="*")
    imports.admin.post("/imports/WKF201/run")
    while imports.ended()["file"] != "profile_4.csv.part":
        pass
    assert [name for name in imports.files() if "/" not in name] == [".profile_3.csv"]


def test_a_file_that_is_not_there_is_passed_over_or_fails_the_workflow(imports: Imports) -> None:
    imports.admin.put("/switches", {"signal_cool_down_seconds": 0})
    imports.put("profile_1.csv", rows(1))
    for name in ("profile_9.csv", "../imports/profile_1.csv"):
        imports.signal(name)
        assert imports.ended()["state"] == "nothing"
    assert state(imports) == "started"
    imports.set(missing_file="fails")
    imports.signal("profile_9.csv")
    run = imports.ended()
    assert (run["state"], run["error"], state(imports)) == ("failed", "There is no file to import.", "failed")


def test_a_workflow_with_a_schedule_looks_for_files_itself(imports: Imports) -> None:
    # Given a workflow that nobody signals
    imports.set(signal="", every_seconds=300)
    assert imports.campaign.workflow("WKF201").json()["activities"] == {"activity": {}}
    imports.put("profile_1.csv", rows(2))
    # When its time has not come, then nothing happens
    imports.admin.post("/clock", {"advance": 200})
    assert imports.told()["runs"] == []
    # And when it has, then the file is imported, and times without a file leave no trace
    imports.admin.post("/clock", {"advance": 150})
    run = imports.ended()
    assert (run["reason"], run["inserted"]) == ("schedule", 2)
    imports.admin.post("/clock", {"advance": 3000})
    assert len(imports.told()["runs"]) == 1
    # And stopped it does not look
    imports.campaign.command("stop", "WKF201")
    imports.put("profile_2.csv", rows(2))
    imports.admin.post("/clock", {"advance": 3000})
    assert len(imports.told()["runs"]) == 1


def test_a_workflow_that_ends_runs_once_for_each_start(imports: Imports) -> None:
    # Given a workflow that ends after each run
    imports.admin.delete("/imports/WKF201")
    imports.set(resource="profile", signal="", ends=True)
    assert state(imports) == "finished"
    imports.put("profile_1.csv", rows(2))
    # When it is started
    assert imports.campaign.command("start", "WKF201").status_code == 200
    # Then it imports what is there, and has ended again
    assert (imports.ended()["reason"], state(imports)) == ("start", "finished")
    assert imports.files() == ["results/profile_1.written.csv"]
    imports.put("profile_2.csv", rows(2, 3))
    imports.campaign.command("start", "WKF201")
    while len(imports.told()["runs"]) < 2:
        pass
    assert (imports.ended()["inserted"], state(imports)) == (2, "finished")


def test_a_workflow_begins_after_its_delay_and_keeps_its_pace(imports: Imports) -> None:
    # Given a workflow of a row a second, that begins after a minute
    imports.set(delay_seconds=60, rows_per_second=1)
    imports.put("profile_1.csv", rows(100))
    imports.signal("profile_1.csv")
    # Then the file lies there for a minute, and is gone with the first row
    assert (imports.told()["waiting"], imports.files()) == (1, ["profile_1.csv"])
    imports.admin.post("/clock", {"advance": 61})
    while not imports.told()["runs"] or imports.told()["runs"][0]["inserted"] < 1:
        pass
    assert imports.files() == []
    # And half of the time later about half of it is imported
    imports.admin.post("/clock", {"advance": 50})
    while imports.told()["runs"][0]["inserted"] < 50:
        pass
    assert imports.told()["runs"][0]["inserted"] < 100
    # And paused it gets nowhere
    imports.campaign.command("pause", "WKF201")
    stood = imports.told()["runs"][0]["inserted"]
    imports.admin.post("/clock", {"advance": 1000})
    assert imports.told()["runs"][0]["inserted"] == stood
    imports.campaign.command("resume", "WKF201")
    assert imports.told()["runs"][0]["ended_at"] is None
    imports.admin.post("/clock", {"advance": 60})
    assert imports.ended()["inserted"] == 100


@pytest.mark.parametrize(("setting", "after"), [("fail_after_rows", "failed"), ("stop_after_rows", "stopped")])
def test_a_workflow_that_ends_half_way_leaves_what_it_wrote_and_no_result(
    imports: Imports, setting: str, after: str
) -> None:
    imports.set(**{setting: 3})
    run = imports.import_(rows(10))
    assert (run["state"], run["inserted"], run["results"]) == (after, 3, [])
    assert (len(imports.admin.profiles()), imports.files(), state(imports)) == (3, [], after)
    assert "after 3 rows" in run["error"]
    # And what is signalled then is refused
    imports.admin.post("/clock", {"advance": 600})
    assert imports.signal("profile_2.csv").status_code == 500
    # And a file with fewer rows comes through
    imports.campaign.command("start", "WKF201")
    assert imports.import_(rows(2), "profile_2.csv")["state"] == "done"


def test_a_workflow_that_somebody_stops_or_that_fails_drops_what_it_was_at(imports: Imports) -> None:
    # Given one that is at work, with another file waiting
    imports.admin.put("/switches", {"signal_cool_down_seconds": 0})
    imports.set(rows_per_second=1)
    for number in (1, 2):
        imports.put(f"profile_{number}.csv", rows(100))
        imports.signal(f"profile_{number}.csv")
    while not imports.told()["runs"] or imports.told()["runs"][0]["state"] != "importing":
        pass
    # When it is stopped
    imports.campaign.command("stop", "WKF201")
    # Then the file under way is lost, the one that waits stays, and a start brings neither back
    told = imports.told()
    assert ([run["state"] for run in told["runs"]], told["waiting"]) == (["stopped"], 0)
    imports.campaign.command("start", "WKF201")
    imports.admin.post("/clock", {"advance": 3600})
    assert len(imports.told()["runs"]) == 1
    assert imports.files() == ["profile_2.csv"]
    # And by the admin side it fails
    imports.set(rows_per_second=1)
    imports.signal("profile_2.csv")
    while len(imports.told()["runs"]) < 2:
        pass
    imports.admin.put("/imports/WKF201", {"state": "failed"})
    assert imports.told()["runs"][1]["state"] == "failed"


def test_a_workflow_that_takes_no_file_leaves_it_where_it_is(imports: Imports) -> None:
    imports.set(takes_files=False)
    imports.put("profile_1.csv", rows(2))
    assert imports.signal("profile_1.csv").status_code == 200
    imports.admin.post("/clock", {"advance": 3600})
    told = imports.told()
    assert (told["runs"], len(told["signals"]), imports.files()) == ([], 1, ["profile_1.csv"])


@pytest.mark.parametrize(("when", "left"), [("read", []), ("end", []), ("never", ["profile_1.csv"])])
def test_the_source_file_goes_when_it_was_read_at_the_end_or_never(
    imports: Imports, when: str, left: list[str]
) -> None:
    imports.set(delete_source=when, rows_per_second=1)
    imports.put("profile_1.csv", rows(10))
    imports.signal("profile_1.csv")
    while not imports.told()["runs"] or imports.told()["runs"][0]["state"] != "importing":
        pass
    assert imports.files() == ([] if when == "read" else ["profile_1.csv"])
    imports.admin.post("/clock", {"advance": 10})
    imports.ended()
    assert imports.files() == [*left, "results/profile_1.written.csv"]


def test_every_so_many_rows_are_refused_or_written_and_not_told(imports: Imports) -> None:
    imports.set(reject_every=4, unlisted_every=3)
    run = imports.import_(rows(12))
    # Rows 4, 8 and 12 are refused; of the nine written ones the third, the sixth and the ninth are not told
    assert (run["written"], run["rejected"], run["unlisted"]) == (9, 3, 3)
    assert [line[0] for line in imports.result("rejects")[1:]] == ["k-4", "k-8", "k-12"]
    assert [line[0] for line in imports.result("written")[1:]] == ["k-1", "k-2", "k-5", "k-6", "k-9", "k-10"]
    assert len(imports.admin.profiles()) == 9


def test_results_come_late_and_half_at_first_the_refused_before_the_written(imports: Imports) -> None:
    # Given a workflow whose results take half an hour, and are seen half for ten minutes
    imports.set(reject_every=2, results_delay_seconds=1800, half_results_seconds=600)
    imports.put("profile_1.csv", rows(10))
    imports.signal("profile_1.csv")
    while not imports.told()["runs"] or imports.told()["runs"][0]["written"] < 5:
        pass
    assert imports.files() == []
    imports.admin.post("/clock", {"advance": 1801})

    def missing() -> dict[str, int]:
        imports.told()
        found = imports.admin.get("/sftp/files")["value"]
        return {file["path"].split(".")[-2]: file["missing"] for file in found if file["path"].startswith(FOLDER)}

    def until(count: int) -> dict[str, int]:
        while len(missing()) < count:
            pass
        return missing()

    # Then they come one after the other, each in two pieces
    assert until(1)["rejects"] > 0
    imports.admin.post("/clock", {"advance": 601})
    told = until(2)
    assert (told["rejects"], told["written"] > 0) == (0, True)
    assert imports.told()["runs"][0]["ended_at"] is None
    imports.admin.post("/clock", {"advance": 601})
    assert imports.ended()["state"] == "done"
    assert missing() == {"rejects": 0, "written": 0}
    assert len(imports.result("written")) == 6


def test_a_results_folder_that_is_gone_fails_the_workflow(imports: Imports) -> None:
    imports.admin.delete(f"/sftp/files/{FOLDER}/results")
    run = imports.import_(rows(2))
    assert (run["state"], run["error"]) == ("failed", f"The folder {FOLDER}/results is not there.")
    assert len(imports.admin.profiles()) == 2


def test_a_workflow_that_does_not_run_is_not_run_by_the_admin_side_either(sandbox: Sandbox, imports: Imports) -> None:
    imports.campaign.command("pause", "WKF201")
    url = sandbox.info["admin"]["url"] + "/imports/WKF201/run"
    answer = requests.post(url, json={}, timeout=10)
    assert (answer.status_code, "The workflow is paused" in answer.json()["error"]) == (400, True)
