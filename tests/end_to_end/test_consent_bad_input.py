"""What cannot be used: said clearly, counted, in nobody's way, and never the reason why somebody is opted in."""

from uuid import uuid4

from tests.end_to_end import documents
from tests.end_to_end.consent_stage import EXPORTS, ConsentStage
from tests.end_to_end.consent_truth import Row

EMAIL, PHONE = "blackListEmail", "blackListPhone"
HEADER = "externalId,blackListEmail,blackListEmailLastModified,blackListPhone,blackListPhoneLastModified"
#: Two flags that stand in the files of these tests.
IN_FILES = documents.FLAGS[:2]


def put(consent: ConsentStage, name: str, *lines: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    consent.admin.put(f"/sftp/files/{EXPORTS}/{name}", {"text": text})


def profile(consent: ConsentStage, key: str, **flags: bool) -> Row:
    """A new one, whatever its key is."""
    given = {"externalId": key, "email": "jo@example.com", **flags}
    made: Row = consent.admin.post("/campaign/profiles", given)
    return made


def test_files_that_make_no_sense_opt_nobody_in_and_keep_nobody_waiting(consent: ConsentStage) -> None:
    # Given some who have opted out of everything in Dynamics, and some who have not
    consent.save(documents.optinout("campaign_to_dynamics", IN_FILES, poll=None, files={"settled_seconds": 0}))
    out, unsure, torn, good, twice, twice_at_once = consent.people(6)
    for flag in (EMAIL, PHONE):
        consent.opt("dynamics", flag, True, out, unsure, torn)
    stranger = str(uuid4())

    # When files come without a column, with values nobody understands, with rows about nobody, and twice about one
    put(consent, "optout_1.csv", HEADER.rpartition(",blackListPhone,")[0], f"{out},0,2026-01-01 10:00:00Z")
    put(
        consent,
        "optout_2.csv",
        HEADER,
        f"{unsure},perhaps,2026-01-01 10:00:00Z,,2026-01-01 10:00:00Z",
        f"{torn},0",
        ",0,2026-01-01 10:00:00Z,0,",
        "everybody,0,2026-01-01 10:00:00Z,0,",
        f"{stranger},0,2026-01-01 10:00:00Z,1,2026-01-01 10:00:00Z",
        f"{twice},1,2026-01-01 10:00:05Z,0,2026-01-01 10:00:05Z",
        f"{twice},0,2026-01-01 10:00:01Z,1,2026-01-01 10:00:09Z",
        f"{twice_at_once},1,2026-01-01 10:00:05Z,0,2026-01-01 10:00:05Z",
        f"{twice_at_once},0,2026-01-01 10:00:05Z,1,2026-01-01 10:00:05Z",
        f"{{{good.upper()}}},TRUE,2026-01-01 10:00:00Z,no,2026-01-01 10:00:00Z",
    )
    consent.run("worker", "beat")
    consent.start()
    consent.wait_until_read()

    # Then what is clear is written; of two rows the later one counts, flag by flag, and opted out where none is later
    rows = {id_: [consent.stands(flag, id_)[0] for flag in (EMAIL, PHONE)] for id_ in consent.ids}
    assert rows[good] == [True, False]
    assert rows[twice] == rows[twice_at_once] == [True, True]
    # And who had opted out has still done so
    assert rows[out] == rows[unsure] == rows[torn] == [True, True]
    assert {id_ for id_, side, flag in consent.written()} == {good, twice, twice_at_once}

    # And each case is shown: the file, the rows, whom nobody knows, the values
    said = sorted(letter.reason.sentence for letter in consent.letters().values())
    assert len(said) == 4
    assert "optout_1.csv has no column blackListPhone" in said[0]
    assert "optout_2.csv line 3" in said[1] and "The row has 2 columns" in said[1]
    assert "optout_2.csv line 4" in said[2] and "externalId is empty" in said[2]
    assert "optout_2.csv line 5" in said[3] and "externalId is not the id of a contact" in said[3]
    assert consent.queue.backlog().parked == 1
    shown = consent.d365acs("workflow", "show", "optinout")
    assert "1 file was set aside, optout_1.csv: it has no column blackListPhone" in shown
    assert "optout_2.csv has 1 value of blackListEmail, first on its line 2, that was not understood" in shown
    # And of whom nobody understood the values, the profile was asked: nobody ever touched its flags
    doubts = [(found["contact"], found["flag"], found["written_to"]) for found in consent.decisions()
              if found["rule"] == "untouched"]  # fmt: skip
    assert sorted(doubts) == [(unsure, EMAIL, None), (unsure, PHONE, None)]


def test_profiles_that_are_nobodys_or_somebodys_twice_are_set_aside(consent: ConsentStage) -> None:
    # Given an instance that refuses no second profile, people in it, and a contact that is still to come
    consent.switch(profile_key="none")
    consent.save(documents.optinout(contact_limit_seconds=4))
    good, doubled, doubled_too = consent.people(3)
    for side in ("dynamics", "campaign"):
        consent.opt(side, EMAIL, True, doubled_too)
    late, never = str(uuid4()), str(uuid4())
    consent.run_until_read()

    # When profiles come without a key, with one that is no id, with those of contacts that are not there, and twice
    profile(consent, "", blackListEmail=True)
    profile(consent, "jo@example.com", blackListEmail=True)
    for stranger in (late, never):
        profile(consent, stranger, blackListEmail=True)
    profile(consent, doubled)
    second = profile(consent, doubled_too, blackListEmail=True)
    consent.later()
    consent.opt("campaign", EMAIL, True, good)
    consent.wait_until(lambda: consent.queue.backlog().parked == 2, "two wait for their contacts")

    # And of two profiles one opts in, and the contact of two others opts out
    consent.admin.patch(f"/campaign/profiles/{second['PKey']}", {"blackListEmail": False})
    consent.opt("dynamics", EMAIL, True, doubled)
    consent.admin.post("/dynamics/create", {"ids": [late]})

    # Then whoever is one person is as they said, and who is two is set aside, with nothing written
    known = {doubled: "refused", doubled_too: "refused", never: "related-missing"}
    consent.wait_until(lambda: consent.stands(EMAIL, good) == (True, True), "others go on")
    consent.wait_until(lambda: consent.stands(EMAIL, late) == (True, True), "the late contact is as its profile says")
    consent.wait_until(
        lambda: known.items() <= {id_: one.reason.kind for id_, one in consent.letters().items()}.items(),
        "these are set aside",
    )
    (odd,) = {*consent.letters()} - {*known}
    assert "externalId of this profile is not the id of a contact" in consent.letters()[odd].reason.sentence
    why = consent.letters()[doubled].reason.sentence
    assert "two profiles carry this contact's key" in why and "merge them in Campaign" in why
    assert {id_ for id_, *_ in consent.written()} == {good, late}
    assert consent.stands(EMAIL, doubled_too)[0] is consent.stands(EMAIL, doubled)[0] is True

    # When one of the two is taken away, and the other says something
    consent.admin.delete(f"/campaign/profiles/{second['PKey']}")
    consent.later()
    consent.opt("campaign", EMAIL, False, doubled_too)

    # Then it is one person again
    consent.wait_until(lambda: consent.stands(EMAIL, doubled_too) == (False, False), "it is as its profile says")
    assert doubled_too not in consent.letters()
