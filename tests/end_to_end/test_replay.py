"""Replays: a whole table is written once more, and Campaign is put right where somebody changed it by hand."""

from collections import Counter

from tests.end_to_end import documents
from tests.end_to_end.conftest import SHOP, OpenStage

TWO_TABLES = documents.ingress(documents.contacts(), documents.memberships())


def test_a_replay_is_pending_until_the_next_start_and_then_puts_right_what_was_done_by_hand(
    open_shop: OpenStage,
) -> None:
    # Given records that Campaign had before, one of them without any key of ours
    stage = open_shop(batch_size=20)
    strangers = [
        stage.admin.post("/campaign/profiles", {"firstName": "Walk-in", "email": "guest@example.com"}),
        stage.admin.post("/campaign/profiles", {"externalId": "till-17", "firstName": "Till"}),
    ]
    stage.stays = {stranger["externalId"] for stranger in strangers}

    # And a workflow that has caught up
    stage.run("worker", "beat")
    stage.start(stage.save(TWO_TABLES))
    stage.wait_until_settled()

    # When profiles and memberships are changed and deleted by hand in Campaign
    altered, deleted, *_ = (key for key, row in stage.rows("contact").items())
    childless = stage.rows("contact").keys() - {
        row.get(link)
        for row in stage.rows("new_membership").values()
        for link in ("_new_contactid_value", "_new_sponsorid_value")
    }
    deleted = min(childless)
    stage.admin.patch(f"/campaign/profiles/{altered}", {"lastName": "Altered", "email": ""})
    stage.admin.delete(f"/campaign/profiles/{deleted}")
    wrong, missing, *_ = stage.rows("new_membership")
    stage.admin.patch(f"/campaign/resources/cusMembership/{wrong}", {"number": "by hand", "sponsor": None})
    stage.admin.delete(f"/campaign/resources/cusMembership/{missing}")

    # And replays are asked for, one of them twice
    first = stage.d365acs("replay", "create", "contact", "--why", "profiles were altered")
    again = stage.d365acs("replay", "create", "contact")
    stage.d365acs("replay", "create", "new_membership")
    assert "pending;" in first and "pending already;" in again

    # Then they are shown as pending, and nothing happens yet
    stage.admin.delete("/calls")
    stage.wait_for_ticks(1)
    assert stage.writes() == 0
    assert stage.shown()["pending_replays"] == ["contact", "new_membership"]
    assert "a replay of contact, new_membership is pending" in stage.d365acs("workflow", "show", "ingress")

    # When it is stopped, and started with a slow Campaign; meanwhile contacts change
    journal = len(stage.admin.get("/journal"))
    stage.admin.put("/faults", {"campaign": {"latency_ms": 40}})
    stage.restart()
    stage.wait_for_writes(10)
    changed = stage.admin.post("/dynamics/change", {"count": 30, "seed": 1})["ids"]
    stage.admin.put("/faults", {})
    stage.wait_until(lambda: stage.totals()["read"] >= 2 * SHOP["contact"] + len(changed), "all is read once more")

    # Then both sides are equal; each record was written once, those that changed after it at most once more
    stage.wait_until_settled()
    written = Counter(entry["key"] for entry in stage.admin.get("/journal")[journal:])
    assert written.keys() == stage.rows("contact").keys() | stage.rows("new_membership").keys()
    assert set(written.values()) <= {1, 2} and {key for key, times in written.items() if times == 2} <= set(changed)
    assert not stage.orphans()

    # And the replay is over, and the next start does not replay again
    assert stage.shown()["pending_replays"] == []
    stage.admin.delete("/calls")
    stage.restart()
    stage.admin.patch(f"/dynamics/contacts/{altered}", {"lastname": "Afterwards"})
    stage.wait_until_settled()
    assert stage.writes() == 2, "an update counts two engine calls"

    # And nobody touched what was there before
    found = {profile["PKey"]: profile for profile in stage.admin.profiles()}
    assert [found[stranger["PKey"]] for stranger in strangers] == strangers
