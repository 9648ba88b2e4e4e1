"""Files that an import workflow takes from SFTP: the same checks as a request, the same journal, two results."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.integration.sandbox.import_client import FOLDER, Imports, rows
from tests.integration.sandbox.test_sftp import Client
from tests.sandboxes import Sandbox


@pytest.fixture
def imports(sandbox: Sandbox) -> Imports:
    return Imports(sandbox)


def test_a_signalled_file_is_taken_imported_and_answered_with_two_files(sandbox: Sandbox, imports: Imports) -> None:
    # Given a file that came into place over SFTP, by a rename
    client = Client(sandbox)
    with client.sftp.open(f"{FOLDER}/.profile_1.csv.part", "wb") as file:
        file.write(b'externalId,email\nk-1,jo@example.com\nk-2,nonsense\n"k,3",al@example.com\n')
    client.sftp.posix_rename(f"{FOLDER}/.profile_1.csv.part", f"{FOLDER}/profile_1.csv")
    # When the workflow is told of it
    answer = imports.signal("profile_1.csv")
    # Then the good rows are in Campaign, and the admin side tells of the run
    assert (answer.status_code, answer.content) == (200, b"")
    run = imports.ended()
    assert (run["file"], run["reason"], run["state"]) == ("profile_1.csv", "signal", "done")
    assert (run["rows"], run["inserted"], run["updated"], run["written"], run["rejected"]) == (3, 2, 0, 2, 1)
    assert [profile["externalId"] for profile in sandbox.admin.profiles()] == ["k-1", "k,3"]
    # And the file is gone, and two others say what became of it
    assert imports.files() == ["results/profile_1.rejects.csv", "results/profile_1.written.csv"]
    assert client.content(f"{FOLDER}/results/profile_1.written.csv") == b'externalId\nk-1\n"k,3"\n'
    client.close()
    (header, refused) = imports.result("rejects")
    assert header == ["externalId", "reason"]
    assert refused[0] == "k-2" and "is not a valid email address" in refused[1]


def test_where_nothing_is_refused_there_is_no_file_of_refused_rows(imports: Imports) -> None:
    imports.import_(rows(2))
    assert imports.files() == ["results/profile_1.written.csv"]
    # And by its settings there is one without a row, or none of the reasons
    imports.set(empty_rejects=True, reason_column="")
    imports.admin.post("/clock", {"advance": 600})
    imports.import_(rows(2))
    assert imports.result("rejects") == [["externalId"]]


def test_results_have_the_delimiter_that_the_workflow_was_built_with(imports: Imports) -> None:
    imports.set(results_delimiter="\t", reject_every=2)
    imports.import_('externalId\n"k,1"\nk-2\n')
    files = [imports.admin.get(f"/sftp/files/{FOLDER}/{name}")["text"] for name in imports.files()]
    assert [text.splitlines()[0] for text in files] == ["externalId\treason", "externalId"]
    assert (files[0].splitlines()[1][:4], files[1].splitlines()[1]) == ("k-2\t", "k,1")


def test_by_its_settings_a_workflow_imports_and_tells_nobody(imports: Imports) -> None:
    imports.set(writes_results=False)
    run = imports.import_(rows(2))
    assert (run["state"], run["written"], run["results"], imports.files()) == ("done", 2, [], [])


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("email", "nonsense", "nonsense"),
        ("firstName", "x" * 31, "x" * 31),
        ("gender", "maybe", "maybe"),
        ("cusLoyaltyPoints", "1.5", 1.5),
        ("cusLoyaltyPoints", "4294967296", 4294967296),
        ("cusMemberSince", "yesterday", "yesterday"),
        ("cusLastSeen", "noon", "noon"),
        ("cusLastSeen", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_row_is_refused_in_the_words_of_the_request_that_it_stands_for(
    imports: Imports, column: str, text: str, value: object
) -> None:
    # Given what a request with the value is answered
    refusal = imports.campaign.send("POST", "", {"externalId": "k-0", column: value})
    assert refusal.status_code == 500
    # When a file has it, among good rows
    run = imports.import_(f"externalId,{column}\nk-1,\nk-2,{text}\nk-3,\n")
    # Then the row is refused in the same words, and the others are written
    assert (run["written"], run["rejected"]) == (2, 1)
    assert imports.result("rejects")[1:] == [["k-2", refusal.json()["message"]]]
    assert imports.result("written") == [["externalId"], ["k-1"], ["k-3"]]


@pytest.mark.parametrize("text", ["many", "1_000", "nan", "1e999"])
def test_what_is_no_number_is_refused(imports: Imports, text: str) -> None:
    imports.import_(f"externalId,cusIncome,cusLoyaltyPoints\nk-1,{text},1\nk-2,1.5,{text}\nk-3,-1.5e3,-7\n")
    reasons = [reason for _, reason in imports.result("rejects")[1:]]
    assert [f"'{text}' is not a valid constant." in reason for reason in reasons] == [True, True]
    (profile,) = imports.admin.profiles()
    assert (profile["cusIncome"], profile["cusLoyaltyPoints"]) == (-1500.0, -7)


def test_text_becomes_the_values_that_a_request_would_have_set(imports: Imports) -> None:
    # Given a profile that was written by a request
    values = {
        "externalId": "k-1",
        "email": "jo@example.com",
        "lastName": 'O"Neil,\nJunior',
        "birthDate": "1990-02-03",
        "blackListEmail": True,
        "cusVip": False,
        "cusLoyaltyPoints": 12,
        "cusIncome": 12.5,
        "cusLastSeen": "2026-05-01T08:00:00.304Z",
        "cusSegment": "gold",
        "location": {"city": "Åbo", "zipCode": ""},
    }
    imports.campaign.create(**values)
    # When a file has another one with the same values
    names = [*values, "location.city", "location.zipCode", "phone"]
    names.remove("location")
    cells = ["k-2", "jo@example.com", '"O""Neil,\nJunior"', "1990-02-03", "true", "false", "12", "12.5"]
    cells += ["2026-05-01T08:00:00.304Z", "gold", "Åbo", "", ""]
    run = imports.import_(f"{','.join(names)}\n{','.join(cells)}\n")
    # Then they are the same
    assert (run["rows"], run["inserted"]) == (1, 1)
    one, other = imports.admin.profiles()
    own = {"PKey", "acsId", "blackListEmailLastModified", "created", "cryptedId", "externalId", "href", "lastModified"}
    own |= {"cusMembershipslink", "cusSponsoredlink", "subscriptions"}
    assert {name: one[name] for name in one.keys() - own} == {name: other[name] for name in other.keys() - own}
    assert other["blackListEmailLastModified"] != ""


def test_rows_are_inserted_or_updated_by_their_key_and_the_empty_clears(imports: Imports) -> None:
    imports.campaign.create(externalId="k-1", email="old@example.com", phone="1", cusVip=True, cusLoyaltyPoints=3)
    run = imports.import_("externalId,email,phone,cusVip,cusLoyaltyPoints\nk-1,new@example.com,,,\nk-2,,2,true,\n")
    assert (run["inserted"], run["updated"], run["written"]) == (1, 1, 2)
    one, other = imports.admin.profiles()
    assert (one["email"], one["phone"], one["cusVip"], one["cusLoyaltyPoints"]) == ("new@example.com", "", False, 0)
    assert (other["externalId"], other["phone"], other["cusVip"]) == ("k-2", "2", True)


def test_the_journal_has_the_rows_among_the_requests_and_names_their_file(imports: Imports) -> None:
    # Given a request before a file and one after it
    imports.campaign.create(externalId="k-2", cusVersion="v0")
    imports.admin.put("/switches", {"journal_mark": "email"})
    calls = imports.admin.get("/calls")["engine_calls"]
    imports.import_("externalId,email,cusVersion,blackListEmail\nk-1,a@example.com,v1,true\nk-2,nobody,v2,\nk-2,,v3,\n")
    assert imports.admin.get("/calls")["engine_calls"] == calls
    imports.campaign.send("PATCH", "/k-1", {"cusVersion": "v4"})
    # Then all writes that had their effect are there, in their order
    told = [
        (entry["method"], entry["key"], entry["version"], entry["mark"], entry["file"])
        for entry in imports.admin.get("/journal")
    ]
    assert told == [
        ("POST", "k-2", "v0", None, None),
        ("POST", "k-1", "v1", "a@example.com", "profile_1.csv"),
        ("PATCH", "k-2", "v3", "", "profile_1.csv"),
        ("PATCH", "k-1", "v4", None, None),
    ]
    # And so are those that tell of consent
    flags = [
        (write["method"], write["id"], write["changed"]) for write in imports.admin.get("/consent/writes")["value"]
    ]
    assert flags == [("POST", "k-1", ["blackListEmail"]), ("PATCH", "k-2", [])]


def test_a_row_without_a_key_and_a_key_that_is_not_unique_are_told(imports: Imports) -> None:
    # Given a workflow that reconciles by another field than the unique one
    imports.campaign.create(externalId="k-1", cusCrmId="c-1")
    imports.set(key="cusCrmId")
    run = imports.import_("cusCrmId,externalId\nc-2,k-1\n,k-2\nc-1,k-1\n")
    assert (run["updated"], run["rejected"]) == (1, 2)
    (taken, empty) = imports.result("rejects")[1:]
    assert taken[0] == "c-2" and "already exists" in taken[1]
    assert empty[0] == "" and "is empty" in empty[1]


def test_children_are_imported_with_their_link_by_a_field(sandbox: Sandbox) -> None:
    # Given a second workflow, for invoices, and a membership
    imports = Imports(sandbox, "WKF202")
    imports.set(resource="cusInvoice")
    pkey = sandbox.admin.post("/campaign/profiles", {"externalId": "p-1"})["PKey"]
    sandbox.admin.post("/campaign/resources/cusMembership", {"crmId": "m-1", "holder": {"PKey": pkey}})
    # When invoices come, one of them without its parent
    text = "crmId,number,total,paid,membershipId\ni-1,2024-1,12.5,true,m-1\ni-2,2024-2,3,false,m-2\n"
    run = imports.import_(text, "cusInvoice_1.csv")
    # Then both are there, one of them hidden, and told as an orphan
    assert (run["inserted"], run["rejected"]) == (2, 0)
    assert [(one["crmId"], "hidden" in one) for one in sandbox.admin.records("cusInvoice")] == [
        ("i-1", False),
        ("i-2", True),
    ]
    told = [(entry["version"], entry["parents"], entry["orphan"]) for entry in sandbox.admin.get("/journal")]
    assert told == [("2024-1", {"membershiplink": "m-1"}, False), ("2024-2", {"membershiplink": "m-2"}, True)]
    # And the hidden one is not found by its key, but its key is taken
    sandbox.admin.post("/clock", {"advance": 600})
    run = imports.import_(text, "cusInvoice_2.csv")
    assert (run["updated"], run["rejected"]) == (1, 1)


def test_children_are_imported_with_their_link_by_primary_key(sandbox: Sandbox) -> None:
    imports = Imports(sandbox, "WKF202")
    imports.set(resource="cusMembership")
    pkey = sandbox.admin.post("/campaign/profiles", {"externalId": "p-1"})["PKey"]
    text = f"crmId,tier,holder.PKey,sponsor.PKey\nm-1,gold,{pkey},\nm-2,,@nobody,\n"
    run = imports.import_(text, "cusMembership_1.csv")
    assert (run["inserted"], run["rejected"]) == (1, 1)
    (told,) = sandbox.admin.get("/journal")
    assert (told["key"], told["parents"]) == ("m-1", {"holder": "p-1"})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"text": ""}, "The file is empty: it has not even a header."),
        ({"text": "externalId,nickname\nk-1,Jo\n"}, "The header names 'nickname', which cannot be loaded"),
        ({"text": "externalId,created\nk-1,\n"}, "The header names 'created', which cannot be loaded"),
        ({"text": "externalId,location.city.part\nk-1,\n"}, "The header names 'location.city.part'"),
        ({"text": "externalId,location.street\nk-1,\n"}, "The header names 'location.street'"),
        ({"text": "externalId,email.domain\nk-1,\n"}, "The header names 'email.domain'"),
        ({"text": "externalId,email,email\nk-1,,\n"}, "The header names 'email' twice."),
        ({"text": "email\na@example.com\n"}, "The header does not name 'externalId', the key."),
        ({"text": "externalId,email\nk-1,\nk-2\n"}, "Line 3 has 1 columns, the header 2."),
        ({"text": 'externalId,email\nk-1,"\n'}, "Line 2 cannot be read"),
        ({"text": "externalId,lastName\nk-1,Åbo\n", "encoding": "latin-1"}, "The file is not UTF-8 at byte 24."),
    ],
)
def test_a_malformed_file_fails_the_workflow_and_nothing_is_imported(
    imports: Imports, content: dict[str, Any], error: str
) -> None:
    imports.admin.put(f"/sftp/files/{FOLDER}/profile_1.csv", content)
    imports.signal("profile_1.csv")
    run = imports.ended()
    assert (run["state"], error in run["error"]) == ("failed", True)
    assert imports.campaign.workflow("WKF201").json()["state"] == "failed"
    assert (imports.admin.profiles(), imports.files()) == ([], [])
    # And once it is started again, the next file is imported
    imports.campaign.command("start", "WKF201")
    imports.admin.post("/clock", {"advance": 600})
    assert imports.import_(rows(1), "profile_2.csv")["state"] == "done"


def test_others_are_answered_while_a_large_file_is_imported(imports: Imports) -> None:
    # Given a file of twenty thousand rows
    imports.put("profile_1.csv", rows(20_000))
    # When it is imported
    imports.signal("profile_1.csv")
    seen = imports.told()["runs"][0]
    answer = imports.campaign.send("POST", "", {"externalId": "k-0"})
    # Then other requests have their place among the rows
    assert (seen["state"], answer.status_code) == ("importing", 201)
    assert imports.ended()["inserted"] == 20_000
    at = [entry["seq"] for entry in imports.admin.get("/journal") if entry["file"] is None]
    assert at[0] < 20_000
    # And all of them are told
    assert len(imports.result("written")) == 20_001


def test_nothing_goes_on_after_a_reset(imports: Imports) -> None:
    imports.set(rows_per_second=10_000)
    imports.put("profile_1.csv", rows(20_000))
    imports.signal("profile_1.csv")
    imports.told()
    imports.admin.post("/reset")
    imports.admin.post("/clock", {"advance": 600})
    assert imports.told()["runs"] == []
    assert (imports.admin.profiles(), imports.files()) == ([], [])


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"colour": 1}, "import_workflows.WKF201: colour is not known here"),
        ({"resource": "cusNothing"}, "import_workflows.WKF201: resource must be one of"),
        ({"resource": None}, "import_workflows.WKF201: it needs `resource`"),
        ({"reject_every": 0}, "reject_every must be a whole number of at least 1."),
        ({"rows_per_second": "all"}, "rows_per_second must be a number of at least 0.001."),
        ({"delete_source": "now"}, "delete_source must be one of read, end, never."),
        ({"takes_files": 1}, "takes_files must be true or false."),
        ({"results_delimiter": ";;"}, "results_delimiter must be one character"),
        ({"signal": 1}, "signal must be a text."),
        ({"folder": "a/../b"}, "folder must be a path below the user's home."),
        ({"results_folder": FOLDER}, "folder and results_folder must differ."),
    ],
)
def test_settings_that_cannot_be_are_refused_with_a_sentence(
    sandbox: Sandbox, given: dict[str, Any], error: str
) -> None:
    answer = requests.patch(sandbox.info["admin"]["url"] + "/imports/WKF201", json=given, timeout=10)
    assert (answer.status_code, error in answer.json()["error"]) == (400, True)


def test_workflows_come_and_go_by_the_admin_side(sandbox: Sandbox) -> None:
    send: Callable[..., requests.Response] = requests.request
    url = sandbox.info["admin"]["url"]
    assert [workflow["id"] for workflow in sandbox.admin.get("/imports")["value"]] == ["WKF201"]
    sandbox.admin.patch("/imports/WKF300", {"resource": "cusStore", "folder": "elsewhere", "key": "crmId"})
    assert sandbox.admin.get("/switches")["import_workflows"]["WKF300"]["folder"] == "elsewhere"
    sandbox.admin.put("/sftp/files/elsewhere/cusStore_1.csv", {"text": "crmId,name\ns-1,Tea\n"})
    assert sandbox.admin.post("/imports/WKF300/run", {"file": "cusStore_1.csv"})["id"] == "WKF300"
    assert Imports(sandbox, "WKF300").ended()["inserted"] == 1
    sandbox.admin.delete("/imports/WKF300")
    assert send("GET", f"{url}/imports/WKF300", timeout=10).status_code == 404
    assert send("POST", f"{url}/imports/WKF201/run", json={"name": "x"}, timeout=10).status_code == 400
    assert send("PATCH", f"{url}/imports/WKF123", json={"resource": "profile"}, timeout=10).status_code == 400
