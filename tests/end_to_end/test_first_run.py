"""The main road: everybody travels once, then changes and deletions follow."""

from collections import Counter
from uuid import uuid4

from store.lifecycle import State
from tests.end_to_end.conftest import CONTACTS
from tests.end_to_end.documents import BY_FILTER
from tests.end_to_end.stage import Stage


def test_everybody_travels_and_then_changes_and_deletions_follow_at_one_call_each(stage: Stage) -> None:
    # Given contacts in Dynamics, some of them inactive, and an empty Campaign
    contacts = stage.admin.contacts()
    assert len(contacts) == CONTACTS
    assert any(row["statecode"] == 1 for row in contacts.values())

    # When the workflow starts
    stage.run("worker", "beat")
    stage.start()

    # Then everybody has a profile, for one POST each
    stage.wait_until_settled()
    assert stage.life.state is State.RUNNING
    calls = stage.admin.get("/calls")["campaign"]
    assert calls["POST"] == CONTACTS
    assert calls.keys() <= {"GET", "POST"} and calls["GET"] <= 2 * 5, "only schemas are read, once for each process"

    # When some change and others are deleted
    stage.admin.delete("/calls")
    changed = set(stage.admin.post("/dynamics/change", {"count": 80, "seed": 1})["ids"])
    deleted = set(stage.admin.post("/dynamics/delete", {"count": 20, "seed": 2})["ids"])
    stage.wait_until_settled()

    # Then each costs one call, and those that changed and then went need only the deletion
    calls = stage.admin.get("/calls")["campaign"]
    assert calls.get("DELETE") == len(deleted)
    assert len(changed - deleted) <= calls.pop("PATCH") <= len(changed)
    assert calls.keys() <= {"DELETE", "GET"} and calls.get("GET", 0) <= 5

    # When contacts change several times while they wait for Campaign, and one is created and deleted meanwhile
    stage.admin.delete("/calls")
    stage.admin.put("/faults", {"campaign": {"rate_503": 1.0, "retry_after": None}})
    read = stage.totals()["read"]
    several = list(stage.admin.contacts())[:20]
    for seed in (7, 8, 9):
        stage.admin.post("/dynamics/change", {"ids": several, "seed": seed})
        read += len(several)
        stage.wait_until(lambda: stage.totals()["read"] >= read, "these changes are read")  # noqa: B023
    (short,) = stage.admin.post("/dynamics/create", {"ids": [str(uuid4())], "seed": 7})["ids"]
    stage.wait_until(lambda: stage.totals()["read"] >= read + 1, "the new one is read")
    stage.admin.delete(f"/dynamics/contacts/{short}")
    stage.wait_until(lambda: stage.totals()["read"] >= read + 2, "its end is read")
    stage.admin.put("/faults", {})
    stage.wait_until_settled()

    # Then each of them costs one write: several changes while waiting have become one
    statuses = stage.admin.get("/calls")["statuses"]["campaign"]
    assert statuses["200"] - stage.admin.get("/calls")["campaign"].get("GET", 0) <= len(several)
    entries = stage.admin.get("/journal")[-len(several) :]
    assert Counter(entry["key"] for entry in entries) == dict.fromkeys(several, 1)

    # When contacts change in columns that are not mapped
    stage.admin.delete("/calls")
    read = stage.totals()["read"]
    for contact in list(stage.admin.contacts())[:10]:
        stage.admin.patch(f"/dynamics/contacts/{contact}", {"description": "met at a fair"})
    stage.wait_until(lambda: stage.totals()["read"] >= read + 10, "these changes are read")
    stage.wait_until_settled()

    # Then they cost no call
    assert not stage.admin.get("/calls")["campaign"]
    assert stage.totals()["unchanged"] >= 10


def test_profiles_are_found_by_filter_where_the_instance_enforces_no_key(stage: Stage) -> None:
    # Given an instance without a unique key, in which one contact has a profile already
    stage.admin.put("/switches", {"profile_key": "none"})
    known = next(iter(stage.admin.contacts()))
    stage.admin.post("/campaign/profiles", {"externalId": known, "firstName": "Earlier"})

    # When the workflow runs, and contacts change and go
    stage.run("worker", "beat")
    stage.start(stage.configure(BY_FILTER))
    stage.wait_until_settled()
    stage.admin.post("/dynamics/change", {"count": 30, "seed": 3})
    stage.admin.post("/dynamics/delete", {"count": 10, "seed": 4})

    # Then both sides are equal, and the profile that was there was taken over
    stage.wait_until_settled()
    assert Counter(entry["method"] for entry in stage.admin.get("/journal"))["POST"] == CONTACTS - 1


def test_two_workers_share_the_work(stage: Stage) -> None:
    # Given more than one writer's worth of contacts, a slow Campaign, and two workers
    stage.admin.post("/dynamics/create", {"count": 2000, "seed": 5})
    stage.admin.put("/faults", {"campaign": {"latency_ms": 80}})
    workers = stage.run("worker", "worker", concurrency=3, slice_seconds=1)
    stage.run("beat")
    stage.wait_until(lambda: len(stage.store.heartbeats.alive()) == 3, "two workers and the beat are known")

    # When the workflow runs
    stage.start()

    # Then both write, each over connections of its own
    campaign = stage.sandbox.info["campaign"]["url"]
    stage.wait_for_writes(1)
    stage.wait_until(lambda: all(worker.talks_to(campaign) for worker in workers), "both workers write")

    # And nothing is written twice
    stage.admin.put("/faults", {})
    stage.wait_until_settled()
    written = Counter(entry["key"] for entry in stage.admin.get("/journal"))
    assert set(written.values()) == {1}
