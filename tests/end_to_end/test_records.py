"""What becomes of single records: refused, corrected, deleted while they wait, created again, read anew."""

import pytest

from tests.end_to_end import documents
from tests.end_to_end.conftest import CONTACTS, OpenStage
from tests.end_to_end.stage import Stage


def test_a_refused_record_is_set_aside_and_travels_once_it_is_corrected(stage: Stage) -> None:
    # Given one contact that Campaign will refuse, and one that cannot be mapped
    bad_address, long_name, *_ = stage.admin.contacts()
    stage.admin.patch(f"/dynamics/contacts/{bad_address}", {"emailaddress1": "nobody at example"})
    stage.admin.patch(f"/dynamics/contacts/{long_name}", {"firstname": "Wolfeschlegelsteinhausenbergerdorff"})

    # When the workflow runs
    stage.run("worker", "beat")
    stage.start()
    stage.wait_until(lambda: stage.queue.backlog().total == 0 and stage.writes() > 0, "nothing waits any more")

    # Then everybody else has a profile, and these two are set aside with their reasons, without their values
    assert len(stage.admin.profiles()) == CONTACTS - 2
    found = stage.letters()
    assert found.keys() == {bad_address, long_name}
    assert found[bad_address].reason.system == "campaign" and "email" in found[bad_address].reason.sentence
    assert "firstname" in found[long_name].reason.sentence and "30" in found[long_name].reason.sentence
    sentences = " ".join(letter.reason.sentence for letter in found.values())
    assert "nobody at example" not in sentences and "Wolfe" not in sentences

    # When they are corrected in Dynamics
    stage.admin.patch(f"/dynamics/contacts/{bad_address}", {"emailaddress1": "somebody@example.com"})
    stage.admin.patch(f"/dynamics/contacts/{long_name}", {"firstname": "Wolfe"})

    # Then they travel, and nothing is set aside any more
    stage.wait_until_settled()
    assert not stage.letters()


def test_an_expired_change_token_leads_to_a_full_read_that_costs_campaign_nothing(stage: Stage) -> None:
    # Given a workflow that has caught up
    stage.run("worker", "beat")
    stage.start()
    stage.wait_until_settled()

    # When its change token expires just as some contacts change
    stage.admin.delete("/calls")
    stage.stop()
    changed = stage.admin.post("/dynamics/change", {"count": 25, "seed": 1})["ids"]
    stage.admin.post("/dynamics/expire-delta")
    stage.start()

    # Then everything is read again, these changes are written, and nothing else is
    stage.wait_until(lambda: stage.totals()["read"] >= 2 * CONTACTS, "everything is read again")
    stage.wait_until_settled()
    calls = stage.admin.get("/calls")["campaign"]
    assert calls["PATCH"] == len(changed)
    assert calls.keys() <= {"PATCH", "GET"}

    # And changes are followed as before
    stage.admin.post("/dynamics/change", {"count": 5, "seed": 2})
    stage.wait_until_settled()


def test_deletions_that_an_expired_token_can_no_longer_tell_are_found_again(open_shop: OpenStage) -> None:
    # Given linked tables that have caught up, and were stopped
    stage = open_shop(batch_size=40)
    part = documents.ingress(documents.contacts(), documents.memberships(), documents.invoices(), documents.lines())
    stage.run("worker", "beat")
    stage.start(stage.save(part))
    stage.wait_until_settled()
    stage.stop()
    stage.admin.delete("/calls")
    journal = len(stage.admin.get("/journal"))

    # When whole families are deleted, some rows change, and every change token expires in the meantime
    gone = set(stage.admin.post("/dynamics/delete", {"count": 6, "seed": 1})["ids"])
    gone |= set(stage.admin.post("/dynamics/tables/new_invoice/delete", {"count": 6, "seed": 1})["ids"])
    changed = set(stage.admin.post("/dynamics/change", {"count": 10, "seed": 1})["ids"])
    stage.admin.post("/dynamics/expire-delta")
    before = {record["crmId"] for record in stage.admin.records("cusInvoiceLine")}
    stage.start()

    # Then all of them are found and deleted, children first
    stage.wait_until_settled()
    assert not stage.orphans()
    written = stage.admin.get("/journal")[journal:]
    deleted = {entry["key"] for entry in written if entry["method"] == "DELETE"}
    assert gone < deleted and deleted & before

    # And beside these only what changed was written: a contact that changed, a membership that lost its sponsor
    assert {entry["key"] for entry in written if entry["resource"] == "profile"} - deleted == changed
    assert {entry["method"] for entry in written if entry["resource"] != "profile"} <= {"DELETE", "PATCH"}


@pytest.mark.parametrize("recreated", ["live", "both"])
def test_the_last_word_of_dynamics_counts_whatever_waits(stage: Stage, recreated: str) -> None:
    # Given a workflow that has caught up, and a Campaign that is out of order
    stage.admin.put("/switches", {"recreated_rows": recreated})
    stage.run("worker", "beat")
    stage.start()
    stage.wait_until_settled()
    updated_deleted, came_back, came_back_at_once, *_ = stage.admin.contacts()
    stage.admin.put("/faults", {"campaign": {"rate_503": 1.0, "retry_after": None}})

    def change(contact: str) -> None:
        stage.admin.patch(f"/dynamics/contacts/{contact}", {"lastname": "Between"})

    def delete(contact: str) -> None:
        stage.admin.delete(f"/dynamics/contacts/{contact}")

    def create(contact: str) -> None:
        stage.admin.post("/dynamics/contacts", {"contactid": contact, "lastname": "Again", "jobtitle": "Owner"})

    def until_read(records: int) -> None:
        wanted = stage.totals()["read"] + records
        stage.wait_until(lambda: stage.totals()["read"] >= wanted, f"{records} changes are read")

    # When updates wait, then deletions arrive, then one of the deleted is created again; each step is read on its own
    for act in (change, delete):
        for contact in (updated_deleted, came_back):
            act(contact)
            until_read(1)
    create(came_back)
    until_read(1)
    # And another is deleted and created again within one round
    stage.stop()
    change(came_back_at_once)
    delete(came_back_at_once)
    create(came_back_at_once)
    stage.start()
    stage.wait_until(lambda: stage.life.state != "STARTING" or stage.workflow.troubles.all(), "the start meets trouble")
    stage.admin.put("/faults", {})

    # Then the deleted one is gone, and the others carry their newest values and none of the old
    stage.wait_until_settled()
    profiles = {profile["externalId"]: profile for profile in stage.admin.profiles()}
    assert updated_deleted not in profiles
    for contact in (came_back, came_back_at_once):
        assert profiles[contact]["lastName"] == "Again"
        assert profiles[contact]["email"] == ""
    assert stage.queue.backlog().dead == 0
