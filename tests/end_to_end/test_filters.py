"""Filters: who travels, who leaves again, and what becomes of those who leave."""

from tests.end_to_end import documents
from tests.end_to_end.conftest import OpenStage
from tests.end_to_end.documents import Plain
from tests.end_to_end.truth import Row


def of_gender(number: int) -> Plain:
    """Active contacts of one gender; neither column is mapped."""
    both = [
        {"field": "gendercode", "is": "equals", "value": number},
        {"field": "statecode", "is": "equals", "value": 0},
    ]
    return documents.contacts(filter={"all": both}, delete_filtered_out=True)


#: Accounts that fulfil one of these stay in Campaign once they are there.
STORES: Plain = {
    "table": "account",
    "resource": "cusStore",
    "key": documents.BY_CRM_ID,
    "filter": {
        "any": [
            {"field": "numberofemployees", "is": "more_than", "value": 3000},
            {"field": "name", "is": "begins_with", "value": "northwind"},
            {"field": "address1_stateorprovince", "is": "not_empty"},
            {"field": "industrycode", "is": "one_of", "value": [1, 2]},
        ]
    },
    "fields": documents.fields([("name", "name"), ("address1_city", "city")]),
}


def is_store(row: Row) -> bool:
    return (
        row["numberofemployees"] > 3000
        or row["name"].lower().startswith("northwind")
        or bool(row.get("address1_stateorprovince"))
        or row["industrycode"] in (1, 2)
    )


def is_active(gender: int, row: Row) -> bool:
    return row.get("gendercode") == gender and row["statecode"] == 0


def test_records_travel_leave_and_come_back_as_the_filters_say(open_shop: OpenStage) -> None:
    # Given contacts by And, deleted when they match no more; accounts by Or, which stay
    stage = open_shop()
    stage.run("worker", "beat")
    travels = {"contact": lambda row: is_active(1, row), "account": is_store}

    # When the workflow begins
    stage.start(stage.save(documents.ingress(of_gender(1), STORES), travels))
    stage.wait_until_settled()

    # Then those that match are in Campaign, for one call each, and no others
    males = [contact for contact, row in stage.rows("contact").items() if is_active(1, row)]
    stores = [account for account, row in stage.rows("account").items() if is_store(row)]
    assert 0 < len(males) < len(stage.rows("contact")) and 0 < len(stores) < len(stage.rows("account"))
    assert stage.writes() == len(males) + len(stores)
    assert stage.totals()["filtered"] == len(stage.rows("contact")) - len(males)

    # When one that is there and one that is not change places, and one that is not changes otherwise
    stage.admin.delete("/calls")
    leaving, inactive, *_ = males
    coming, outside, *_ = [contact for contact, row in stage.rows("contact").items() if row["gendercode"] == 2]
    stage.admin.patch(f"/dynamics/contacts/{leaving}", {"gendercode": 2})
    stage.admin.patch(f"/dynamics/contacts/{inactive}", {"statecode": 1})
    stage.admin.patch(f"/dynamics/contacts/{coming}", {"gendercode": 1, "statecode": 0})
    stage.admin.patch(f"/dynamics/contacts/{outside}", {"lastname": "Elsewhere"})
    stage.wait_until_settled()

    # Then that cost three calls
    assert stage.writes() == 3

    # When an account stops matching and changes beside that
    store = next(account for account in stores if not stage.rows("account")[account]["name"].startswith("Northwind"))
    before = stage.records("cusStore")[store]
    nothing = {"numberofemployees": 1, "address1_stateorprovince": None, "industrycode": 4, "address1_city": "Porto"}
    filtered = stage.totals("account")["filtered"]
    stage.admin.patch(f"/dynamics/tables/account/{store}", nothing)
    stage.stays = {store}
    stage.wait_until(lambda: stage.totals("account")["filtered"] > filtered, "the change is read")

    # Then it stays as it was
    stage.wait_until_settled()
    assert stage.records("cusStore")[store] == before
    assert stage.writes() == 3

    # When those that left match again
    stage.admin.patch(f"/dynamics/contacts/{leaving}", {"gendercode": 1})
    stage.admin.patch(f"/dynamics/tables/account/{store}", {"industrycode": 1})
    stage.stays = set()

    # Then they are there as they are now
    stage.wait_until_settled()

    # When the filter is edited while the workflow runs
    revision = stage.save(documents.ingress(of_gender(2), STORES), travels)
    stage.wait_for_ticks(1)
    assert not stage.differences(), "an edit has no effect before the next start"
    stage.travels = {**travels, "contact": lambda row: is_active(2, row)}
    stage.restart(revision)

    # Then from the next start on the others travel, and those that match no more are deleted
    stage.wait_until_settled()
