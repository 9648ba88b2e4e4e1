"""What a mapping can do with values: convert, replace, tell labels from numbers, load once and never update."""

from typing import Any

from tests.end_to_end import documents
from tests.end_to_end.conftest import SHOP, OpenStage
from tests.end_to_end.stage import Stage

#: Type in Dynamics, a value of it, type in Campaign, what Campaign must show.
CONVERSIONS: tuple[tuple[str, object, str, object], ...] = (
    *(("Boolean", True, kind, shown) for kind, shown in
      (("boolean", True), ("long", 1), ("float", 1), ("double", 1), ("string", "true"))),
    *(("Integer", -42, kind, shown) for kind, shown in
      (("long", -42), ("int64", -42), ("float", -42), ("double", -42), ("string", "-42"))),
    ("Integer", 1, "boolean", True),
    *(("Decimal", 12.25, kind, shown) for kind, shown in
      (("float", 12.25), ("double", 12.25), ("string", "12.25"))),
    ("Decimal", 7.0, "long", 7),
    ("Double", 0.5, "float", 0.5),
    ("Double", 0.00001, "string", "0.00001"),
    ("Double", 1.0, "boolean", True),
    *(("String", "42", kind, shown) for kind, shown in
      (("long", 42), ("float", 42), ("double", 42), ("string", "42"))),
    ("String", "TRUE", "boolean", True),
    ("String", "2024-02-29", "date", "2024-02-29"),
    ("String", "2024-02-29T23:30:00+02:00", "datetime", "2024-02-29 21:30:00.000Z"),
    *(("DateTime", "2024-02-29T23:30:15Z", kind, shown) for kind, shown in
      (("datetime", "2024-02-29 23:30:15.000Z"), ("date", "2024-02-29"), ("string", "2024-02-29T23:30:15Z"))),
    *(("DateOnly", "2024-02-29", kind, shown) for kind, shown in
      (("date", "2024-02-29"), ("datetime", "2024-02-29 00:00:00.000Z"), ("string", "2024-02-29"))),
    ("Memo", "two\nlines", "string", "two\nlines"),
    ("BigInt", 3_000_000_000, "int64", 3_000_000_000),
)  # fmt: skip

#: What must not travel: nothing may be cut, rounded or guessed. The last is a word of the reason.
MISFITS: tuple[tuple[str, object, str, str], ...] = (
    ("Decimal", 12.5, "long", "fraction"),
    ("BigInt", 3_000_000_000, "long", "range"),
    ("Integer", 2, "boolean", "neither 1 nor 0"),
    ("Double", 1234.56789, "float", "digits"),
    ("String", "seven", "double", "number"),
    ("String", "2023-02-29", "date", "date"),
    ("String", "x" * 256, "string", "255"),
)

BLANK = {"boolean": False, "string": "", "date": "", "datetime": "", "long": 0, "int64": 0, "float": 0, "double": 0}


def publish(stage: Stage) -> list[dict[str, Any]]:
    """A column of contacts and a field of profiles for each of the above; the field mappings between them."""
    pairs = [(source, target) for source, _, target, _ in (*CONVERSIONS, *MISFITS)]
    lengths = {"String": {"length": 300}}
    columns = [{"name": f"new_c{n}", "type": pair[0], **lengths.get(pair[0], {})} for n, pair in enumerate(pairs)]
    targets = [{"name": f"cusC{n}", "type": pair[1]} for n, pair in enumerate(pairs)]
    stage.admin.post("/dynamics/publish", {"table": "contact", "add": columns})
    stage.admin.post("/campaign/publish", {"resource": "profile", "add": targets})
    return documents.fields((f"new_c{n}", f"cusC{n}") for n in range(len(pairs)))


def test_each_type_becomes_each_other_or_the_record_is_set_aside_with_the_reason(open_shop: OpenStage) -> None:
    # Given columns of every type, mapped to fields of every type that they convert to
    stage = open_shop()
    mapped = publish(stage)
    full, empty, *others = stage.rows("contact")
    values = {f"new_c{number}": value for number, (_, value, _, _) in enumerate(CONVERSIONS)}
    stage.admin.patch(f"/dynamics/contacts/{full}", values)

    # And some contacts with one value each that does not fit
    wrong = dict(zip(others, enumerate(MISFITS, len(CONVERSIONS)), strict=False))
    for contact, (number, (_, value, _, _)) in wrong.items():
        stage.admin.patch(f"/dynamics/contacts/{contact}", {f"new_c{number}": value})
    assert len(wrong) == len(MISFITS)

    # When the workflow runs
    part = documents.ingress(documents.contacts(fields=[*documents.fields([("lastname", "lastName")]), *mapped]))
    stage.run("worker", "beat")
    stage.start(stage.save(part))
    stage.wait_until(lambda: stage.writes() and stage.is_idle(), "everything has been looked at")

    # Then each value arrived as what it means, of the right type, and nothing became nothing
    profiles = stage.records("profile")
    for number, (source, value, target, shown) in enumerate(CONVERSIONS):
        found = profiles[full][f"cusC{number}"]
        assert (found, type(found) is bool) == (shown, type(shown) is bool), f"{source} {value!r} to {target}"
        assert profiles[empty][f"cusC{number}"] == BLANK[target], f"no {source} to {target}"

    # And those that do not fit are set aside, each with column, field and reason, but without the value
    letters = stage.letters()
    assert letters.keys() == wrong.keys()
    assert len(profiles) == SHOP["contact"] - len(wrong)
    for contact, (number, (_, value, _, word)) in wrong.items():
        sentence = letters[contact].reason.sentence
        assert f"new_c{number}" in sentence and f"cusC{number}" in sentence and word in sentence
        assert str(value) not in sentence or value == 2


REPLACED: list[dict[str, Any]] = [
    *documents.fields([("emailaddress1", "email"), ("lastname", "lastName"), ("birthdate", "birthDate")]),
    {"from": "gendercode", "to": "gender", "replace": {1: "male", 2: "female", "": "unknown"}},
    {"from": "preferredcontactmethodcode", "to": "cusSegment", "technical_value": False,
     "replace": {"Any": "none", "Email": "gold", "Phone": "silver", "Fax": "bronze", "Mail": "bronze"}},
    {"from": "statecode", "to": "salutation", "technical_value": False},
    {"from": "donotemail", "to": "middleName", "replace": {True: "no letters", False: "writes"}},
    {"from": "address1_city", "to": "location.city", "replace": {"Lisboa": "Lisbon", "": "nowhere"}},
    {"from": "numberofchildren", "to": "cusLoyaltyPoints", "replace": {0: -1, 3: 300}},
    {"from": "annualincome", "to": "cusIncome", "replace": {"": -1}},
    {"from": "familystatuscode", "to": "cusCrmId"},
    {"from": "jobtitle", "to": "cusJobTitle", "apply_updates": False},
]  # fmt: skip
LABELLED: list[dict[str, Any]] = [
    *documents.memberships()["fields"][:2],
    {"from": "new_interests", "to": "interests", "replace": {"Music": "Concerts", "Food": "Kitchen"}},
]


def jobs(stage: Stage) -> dict[str, str]:
    return {key: profile["cusJobTitle"] for key, profile in stage.records("profile").items()}


def test_replacements_labels_and_fields_that_are_loaded_once(open_shop: OpenStage) -> None:
    # Given replaced values of every kind, choices by label and by number, one field without updates
    stage = open_shop()
    part = documents.ingress(documents.contacts(fields=REPLACED), documents.memberships(fields=LABELLED))
    stage.run("worker", "beat")

    # When the first run is over
    stage.start(stage.save(part))
    stage.wait_until_settled()

    # Then everything arrived as it must, the field without updates, too
    first = {contact: row["jobtitle"] for contact, row in stage.rows("contact").items()}
    assert jobs(stage) == first
    assert {profile["gender"] for profile in stage.records("profile").values()} == {"male", "female"}
    assert any("Concerts" in record["interests"] for record in stage.records("cusMembership").values())

    # When all change, some values are cleared, and new ones come
    emptied, *some = first
    nothing = {"gendercode": None, "address1_city": None, "annualincome": None, "preferredcontactmethodcode": None}
    stage.admin.post("/dynamics/change", {"ids": some, "seed": 1})
    stage.admin.patch(f"/dynamics/contacts/{emptied}", {**nothing, "jobtitle": "Retired"})
    stage.admin.post("/dynamics/tables/new_membership/change", {"count": 40, "seed": 1})
    created = stage.admin.post("/dynamics/create", {"count": 5, "seed": 1})["ids"]
    stage.wait_until_settled()

    # Then the changes arrived, but that field holds what the first run wrote; new contacts came with it
    rows = stage.rows("contact")
    changed = {contact for contact in first if rows[contact]["jobtitle"] != first[contact]}
    assert len(changed) > 5
    assert jobs(stage) == {**first, **{contact: rows[contact]["jobtitle"] for contact in created}}

    # When nothing but that field changes, it costs no call
    stage.admin.delete("/calls")
    read = stage.totals()["read"]
    stage.admin.patch(f"/dynamics/contacts/{emptied}", {"jobtitle": "Adviser"})
    stage.wait_until(lambda: stage.totals()["read"] > read and stage.is_idle(), "the change is read and done with")
    assert stage.writes() == 0

    # When the table is replayed
    stage.d365acs("replay", "create", "contact")
    stage.restart()

    # Then the field is written, too
    stage.wait_until(lambda: jobs(stage) == {key: row["jobtitle"] for key, row in rows.items()} | {emptied: "Adviser"},
                     "the replay has written the field")  # fmt: skip
    stage.wait_until_settled()
