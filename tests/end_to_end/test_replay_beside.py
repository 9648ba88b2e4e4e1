"""A replay beside live changes: these arrive within seconds and are never overwritten, whatever dies meanwhile."""

from typing import Any

from control.replays import pause, replays, resume
from control.replays.data import replay_data
from tests.end_to_end import documents
from tests.end_to_end.conftest import SHOP, OpenStage
from tests.end_to_end.stage import Stage

CONTACTS = documents.ingress(documents.contacts())


def listed(stage: Stage) -> dict[str, Any]:
    [found] = replays(stage.store)
    return replay_data(found)


def last_name(stage: Stage, contact: str) -> object:
    return stage.records("profile").get(contact, {}).get("lastName")


def test_a_change_during_a_replay_arrives_within_seconds_and_is_never_overwritten_by_the_replayed_copy(
    open_shop: OpenStage,
) -> None:
    # Given all contacts in Campaign, some of them altered there by hand
    stage = open_shop(batch_size=5, read_page_size=10)
    worker, _ = stage.run("worker", "beat")
    stage.start(stage.save(CONTACTS))
    stage.wait_until_settled()
    contacts = sorted(stage.rows("contact"))
    for altered in contacts[::7]:
        stage.admin.patch(f"/campaign/profiles/{altered}", {"lastName": "Altered"})
    journal = len(stage.admin.get("/journal"))

    # When all are replayed at once, slowly, and the first one and the last one change meanwhile
    told = stage.d365acs("replay", "create", "contact", "--now", "--rate", "2.5", "--why", "profiles were altered")
    assert "begins now" in told
    stage.wait_until(lambda: listed(stage)["read"], "the replay has begun")
    for changed in (contacts[0], contacts[-1]):
        stage.admin.patch(f"/dynamics/contacts/{changed}", {"lastname": "Changed"})
    stage.wait_until(lambda: last_name(stage, contacts[0]) == "Changed", "the change has arrived", 15)
    stage.wait_until(lambda: last_name(stage, contacts[-1]) == "Changed", "the other one, too", 15)

    # Then the replay was not over by then
    assert listed(stage)["state"] == "reading" and listed(stage)["read"] < SHOP["contact"]

    # When it is paused, and the workflow stopped and started, then it stands still
    pause(stage.store, "contact", "tester")
    stage.restart()
    stage.wait_for_ticks(1)
    paused = listed(stage)
    stage.wait_for_ticks(3)
    assert (paused["state"], listed(stage)["read"]) == ("paused", paused["read"])

    # When it goes on, and all workers are killed in its midst
    resume(stage.store, "contact", "tester")
    stage.wait_until(lambda: listed(stage)["read"] > paused["read"], "the replay goes on")
    worker.kill()
    stage.run("worker")
    stage.wait_until(lambda: listed(stage)["state"] == "done", "the replay is over", 60)

    # Then both sides are equal, every contact was written, and the changes stand
    stage.wait_until_settled()
    written = {entry["key"] for entry in stage.admin.get("/journal")[journal:]}
    assert written == set(contacts)
    assert [last_name(stage, changed) for changed in (contacts[0], contacts[-1])] == ["Changed"] * 2


def test_a_part_of_a_table_is_replayed_and_the_rest_is_left_alone(open_shop: OpenStage) -> None:
    # Given all contacts in Campaign
    stage = open_shop(batch_size=20)
    stage.run("worker", "beat")
    stage.start(stage.save(CONTACTS))
    stage.wait_until_settled()
    contacts = sorted(stage.rows("contact"))
    chosen, gone = contacts[3:6], "00000000-0000-4000-8000-000000000001"
    journal = len(stage.admin.get("/journal"))
    # When a few are replayed by their ids, one of them unknown
    named = stage.home / "ids.txt"
    named.write_text("\n".join([*chosen, gone]))
    stage.d365acs("replay", "create", "contact", "--ids", str(named))
    stage.wait_until(lambda: listed(stage)["state"] == "done", "the replay is over")
    assert (listed(stage)["missing"], listed(stage)["queued"]) == (1, 3)
    # And then those for which a condition holds, of the later half of the last changes
    rows = stage.rows("contact")
    since = sorted(row["modifiedon"] for row in rows.values())[len(rows) // 2]
    wanted = [key for key, row in rows.items() if row["modifiedon"] >= since and row.get("gendercode") == 2]
    assert 0 < len(wanted) < len(rows) // 2 + 1
    stage.d365acs("replay", "create", "contact", "--since", since, "--where", "gendercode equals 2")
    stage.wait_until(lambda: listed(stage)["state"] == "done" and listed(stage)["ids"] is None, "this one is over, too")
    stage.wait_until_settled()
    # Then these were written, once each time, and no others
    written = sorted(entry["key"] for entry in stage.admin.get("/journal")[journal:])
    assert written == sorted([*chosen, *wanted])
