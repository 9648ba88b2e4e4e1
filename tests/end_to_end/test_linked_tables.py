"""Custom tables that hang together: whatever the order of reading, no child is in Campaign before its parent."""

from collections import Counter

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.conftest import SHOP, OpenStage
from tests.end_to_end.stage import Stage

FOUR_TABLES = documents.ingress(
    documents.contacts(), documents.memberships(), documents.invoices(), documents.lines(), park_limit_seconds=600
)
RECORDS = sum(SHOP.values())


def family(stage: Stage) -> tuple[str, str, str, str]:
    """Ids of a line, its invoice, the membership of that, and its holder."""
    line, row = next(iter(stage.rows("new_invoiceline").items()))
    invoice = row["_new_invoiceid_value"]
    membership = stage.rows("new_invoice")[invoice]["_new_membershipid_value"]
    return line, invoice, membership, stage.rows("new_membership")[membership]["_new_contactid_value"]


def change_everywhere(stage: Stage, seed: int) -> None:
    """Changes, new rows on all four levels, deletions that take whole families along, and new parents for children."""
    for table in SHOP:
        stage.admin.post(f"/dynamics/tables/{table}/change", {"count": 15, "seed": seed})
        stage.admin.post(f"/dynamics/tables/{table}/create", {"count": 8, "seed": seed})
    for table, count in (("new_invoiceline", 4), ("new_invoice", 3), ("new_membership", 2), ("contact", 2)):
        stage.admin.post(f"/dynamics/tables/{table}/delete", {"count": count, "seed": seed})
    contacts, memberships = list(stage.rows("contact")), list(stage.rows("new_membership"))
    for contact, membership in zip(contacts[-6:], memberships[-6:], strict=True):
        moved = {"new_ContactId@odata.bind": f"/contacts({contact})", "new_SponsorId@odata.bind": None}
        stage.admin.patch(f"/dynamics/tables/new_membership/{membership}", moved)


def test_four_tables_travel_parents_first_for_one_write_each_and_stay_in_step(open_shop: OpenStage) -> None:
    # Given four tables in a chain, all read at the same time
    stage = open_shop(read_page_size=40, batch_size=40)
    stage.run("worker", "beat")

    # When the workflow begins
    stage.start(stage.save(FOUR_TABLES))
    stage.wait_until_settled()

    # Then every row is there, with its links, for one write each; many waited for their parents, nobody was too early
    assert not stage.orphans()
    assert Counter(entry["resource"] for entry in stage.admin.get("/journal")) == {
        mapping["resource"]: SHOP[mapping["table"]] for mapping in FOUR_TABLES["tables"]
    }
    calls = stage.admin.get("/calls")
    assert calls["campaign"]["POST"] == RECORDS and "PATCH" not in calls["campaign"]
    assert sum(stage.totals(table)["parked"] for table in SHOP) > 0

    # When rows change, come and go on all levels
    change_everywhere(stage, seed=1)

    # Then Campaign follows, children before parents where they go, and nothing is left behind
    stage.wait_until_settled()
    assert not stage.orphans()
    assert not [table for table in SHOP if stage.letters(table)]

    # And the engine calls that operators are shown are those that Campaign counted
    counted = stage.admin.get("/calls")["engine_calls"]
    stage.wait_until(lambda: stage.shown()["engine_calls"]["today"] == counted, f"{counted} engine calls are shown")


def test_two_workers_one_of_them_killed_write_no_child_before_its_parent(open_shop: OpenStage) -> None:
    # Given two workers, small batches, a slow Campaign
    stage = open_shop(lease_seconds=3, slice_seconds=1, batch_size=20, read_page_size=25)
    stage.admin.put("/faults", {"campaign": {"latency_ms": 80}})
    doomed, _, _ = stage.run("worker", "worker", "beat", concurrency=3)
    stage.start(stage.save(FOUR_TABLES))
    stage.wait_for_writes(RECORDS // 4)

    # When one worker and all its children are killed in the middle, and rows change everywhere meanwhile
    doomed.kill()
    assert stage.writes() < 0.9 * RECORDS, stage.report()
    change_everywhere(stage, seed=2)
    stage.admin.put("/faults", {})

    # Then the other one brings everything to its end, and at no moment was there a child without its parent
    stage.wait_until_settled(60)
    assert not stage.orphans()
    assert stage.life.state is State.RUNNING
    assert not [table for table in SHOP if stage.letters(table)]


def test_a_family_waits_visibly_for_a_parent_that_comes_late_and_follows_by_itself(open_shop: OpenStage) -> None:
    # Given a contact that Campaign refuses, with memberships, invoices and lines below it
    stage = open_shop()
    *_, holder = family(stage)
    stage.admin.patch(f"/dynamics/contacts/{holder}", {"emailaddress1": "nobody at example"})
    stage.run("worker", "beat")

    # When the workflow has carried all that can be carried
    stage.save(FOUR_TABLES, {"contact": lambda row: row["contactid"] != holder})
    stage.start()
    stage.wait_until_settled(but_for_parked=True)

    # Then the family waits, and operators see it
    parked = stage.shown()["parked"]
    expected = sum(SHOP.values()) - 1 - sum(len(stage.records(m["resource"])) for m in stage.part["tables"])
    assert parked == expected > 3
    assert "wait for the records that they link to" in stage.d365acs("workflow", "show", "ingress")
    assert stage.letters().keys() == {holder}

    # When the contact is corrected
    stage.admin.patch(f"/dynamics/contacts/{holder}", {"emailaddress1": "somebody@example.com"})
    stage.travels = {}

    # Then the family follows, parents first
    stage.wait_until_settled()
    assert not stage.orphans()


def test_children_of_parents_that_will_not_come_are_set_aside_with_the_reason(open_shop: OpenStage) -> None:
    # Given contacts of which only the active travel, one that Campaign refuses, and little patience with parents
    stage = open_shop()
    *_, refused = family(stage)
    stage.admin.patch(f"/dynamics/contacts/{refused}", {"emailaddress1": "nobody at example"})
    inactive = next(
        row["_new_contactid_value"]
        for row in stage.rows("new_membership").values()
        if refused not in (row["_new_contactid_value"], row.get("_new_sponsorid_value"))
    )
    stage.admin.patch(f"/dynamics/contacts/{inactive}", {"statecode": 1})
    part = documents.ingress(
        documents.contacts(filter={"all": [{"field": "statecode", "is": "equals", "value": 0}]}),
        documents.memberships(),
        documents.invoices(),
        park_limit_seconds=1,
    )

    def travels(row: dict[str, object]) -> bool:
        return row["statecode"] == 0 and row["contactid"] != refused

    # When the workflow runs
    stage.run("worker", "beat")
    stage.start(stage.save(part, {"contact": travels}))
    stage.wait_until_settled()

    # Then children of the others are set aside, each with what keeps its parent away
    letters = stage.letters("new_membership")
    for membership, row in stage.rows("new_membership").items():
        parents = {row["_new_contactid_value"], row.get("_new_sponsorid_value")} - {None}
        absent = {parent for parent in parents if not travels(stage.rows("contact")[parent])}
        assert bool(absent) is (membership in letters)
        if absent:
            kind = letters[membership].reason.kind
            assert kind in {"parent-refused" if parent == refused else "parent-filtered-out" for parent in absent}
    assert {letter.reason.kind for letter in letters.values()} == {"parent-refused", "parent-filtered-out"}
    orphaned = stage.letters("new_invoice")
    assert {letter.reason.kind for letter in orphaned.values()} == {"parent-refused"}
    assert len(orphaned) == SHOP["new_invoice"] - len(stage.records("cusInvoice"))
    assert not stage.orphans()


def test_children_leave_before_a_parent_that_stops_matching_and_come_back_with_it(open_shop: OpenStage) -> None:
    # Given four tables in step, of whose contacts only the active travel
    stage = open_shop()
    for contact in stage.rows("contact"):
        stage.admin.patch(f"/dynamics/contacts/{contact}", {"statecode": 0})
    part = documents.ingress(
        documents.contacts(
            filter={"all": [{"field": "statecode", "is": "equals", "value": 0}]}, delete_filtered_out=True
        ),
        documents.memberships(),
        documents.invoices(),
        documents.lines(),
        park_limit_seconds=600,
    )
    memberships = stage.rows("new_membership").values()
    sponsors = {row["_new_sponsorid_value"] for row in memberships if row.get("_new_sponsorid_value")}
    holders = {row["_new_contactid_value"] for row in memberships}
    holder, sponsor = min(holders - sponsors), min(sponsors - holders)
    sponsored = next(row for row in memberships if row.get("_new_sponsorid_value") == sponsor)["new_membershipid"]
    stage.run("worker", "beat")
    stage.start(stage.save(part, {"contact": lambda row: row["statecode"] == 0}))
    stage.wait_until_settled()

    # When one of them, who holds memberships, stops matching
    stage.admin.patch(f"/dynamics/contacts/{holder}", {"statecode": 1})

    # Then everything that hangs on the profile leaves before it, and nothing is left behind hidden
    stage.wait_until_settled()
    assert holder not in stage.records("profile")
    assert not stage.orphans()

    # When it matches again, then all of it is back, and linked
    stage.admin.patch(f"/dynamics/contacts/{holder}", {"statecode": 0})
    stage.wait_until_settled()

    # When a sponsor stops matching, whose link may be empty
    stage.admin.patch(f"/dynamics/contacts/{sponsor}", {"statecode": 1})
    stage.wait_until(lambda: sponsor not in stage.records("profile"), "the sponsor's profile is gone")
    stage.admin.patch(f"/dynamics/tables/new_membership/{sponsored}", {"new_number": "M-late"})

    # Then the membership stays, takes changes, and leads to nobody
    stage.wait_until(lambda: stage.records("cusMembership")[sponsored]["number"] == "M-late", "the change has arrived")
    assert stage.records("cusMembership")[sponsored]["sponsor"] is None

    # When the sponsor comes back, then the membership leads to him again
    stage.admin.patch(f"/dynamics/contacts/{sponsor}", {"statecode": 0})
    stage.wait_until_settled()
    assert not [table for table in SHOP if stage.letters(table)]
