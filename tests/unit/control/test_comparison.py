"""The demonstration's own comparison sees every way in which two systems can differ."""

from typing import Any

from control.comparison import compare

PAIRS = {"firstname": "firstName", "address1_city": "location.city"}


def contact(number: int, **values: Any) -> dict[str, Any]:
    return {"contactid": f"id-{number}", "firstname": "Ada", "address1_city": "Lyon", **values}


def profile(number: int, **values: Any) -> dict[str, Any]:
    return {"externalId": f"ID-{number}", "firstName": "Ada", "location": {"city": "Lyon"}, **values}


def test_equal_records_agree_whatever_stands_for_nothing() -> None:
    # Given a value that one side leaves out and the other shows as empty text
    result = compare([contact(1), contact(2, firstname=None)], [profile(1), profile(2, firstName="")], PAIRS)
    # Then they agree
    assert result.agrees
    assert result.sentence() == "All 2 records agree."


def test_profiles_of_others_do_not_count() -> None:
    assert compare([contact(1)], [profile(1), {"externalId": "", "firstName": "Eve"}], PAIRS).agrees


def test_every_difference_is_found_and_counted() -> None:
    # Given a missing, a left-over, a doubled and two wrong profiles
    contacts = [contact(1), contact(2), contact(3), contact(4)]
    profiles = [
        profile(2, firstName="Eve"),
        profile(3, location={}),
        profile(4),
        profile(4),
        profile(5),
    ]
    # When they are compared
    result = compare(contacts, profiles, PAIRS)
    # Then each is named
    assert result.missing == ["id-1"]
    assert result.orphaned == ["id-5"]
    assert result.doubled == ["id-4"]
    assert result.differing == {"id-2": ["firstName"], "id-3": ["location.city"]}
    assert result.sentence() == (
        "The systems differ: 1 missing in Campaign, 1 left over in Campaign, 1 doubled in Campaign, "
        "2 with other values (in firstName, location.city)."
    )
