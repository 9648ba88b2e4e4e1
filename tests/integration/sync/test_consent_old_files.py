"""Files that have waited: what one of them says may have been taken back long ago, in the next one."""

from tests.integration.sync.consent_readers import ConsentReaders

COLUMNS = (
    "externalId,blackListEmail,blackListEmailLastModified,blackListMobile,blackListMobileLastModified,lastModified"
)


def read_and_written(readers: ConsentReaders) -> None:
    readers.restart()
    readers.read_all()
    # Who has opted out, and whose profile nobody tells of, is looked for again and again.
    while {readers.ann, readers.bob, readers.carol} & readers.waiting().keys():
        readers.write()


def test_an_opt_out_that_was_taken_back_since_is_not_written(readers: ConsentReaders) -> None:
    email = {"dynamics": "donotemail", "campaign": "blackListEmail"}
    readers.use(files={"settled_seconds": 0}, poll=None, flags=[email])
    read_and_written(readers)
    # Given a contact who has opted out in Campaign and in again, and whose record was then edited in Dynamics
    rows = []
    for value in (True, False):
        readers.wait(30)
        readers.profile(readers.ann, blackListEmail=value)
        [one] = [one for one in readers.admin.profiles() if one["externalId"] == readers.ann]
        rows.append(f"{readers.ann},{int(value)},{one['blackListEmailLastModified']},0,,{one['lastModified']}")
    readers.wait(30)
    readers.contact(readers.ann, donotphone=True)
    before = readers.writes()
    # When the two files are read that waited for days, one after the other
    for number, row in enumerate(rows):
        readers.put(f"optout_{number}.csv", row, first=COLUMNS)
        for _ in range(3):
            read_and_written(readers)
    # Then both sides are as the contact wants it, and nothing was written
    assert readers.flags(readers.ann) == (False, False)
    assert readers.writes() == before


def test_an_opt_out_of_a_file_that_still_stands_is_written(readers: ConsentReaders) -> None:
    email = {"dynamics": "donotemail", "campaign": "blackListEmail"}
    readers.use(files={"settled_seconds": 0}, poll=None, flags=[email])
    read_and_written(readers)
    # Given a contact who has opted out in Campaign
    readers.wait(30)
    readers.profile(readers.ann, blackListEmail=True)
    [one] = [one for one in readers.admin.profiles() if one["externalId"] == readers.ann]
    row = f"{readers.ann},1,{one['blackListEmailLastModified']},0,,{one['lastModified']}"
    # When the file is read that says so, Then Dynamics has it
    readers.put("optout_1.csv", row, first=COLUMNS)
    for _ in range(3):
        read_and_written(readers)
    assert readers.flags(readers.ann) == (True, True)
