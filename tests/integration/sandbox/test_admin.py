"""The admin API: evidence of what was asked, the way back to the beginning, switches."""

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.sandboxes import Sandbox


def test_the_journal_has_every_effective_write_in_order(sandbox: Sandbox) -> None:
    headers = sandbox.campaign_headers()
    for number in (1, 2):
        body = {"externalId": f"k-{number}", "cusVersion": str(number)}
        requests.post(sandbox.profiles_api, json=body, headers=headers, timeout=10)
    requests.post(sandbox.profiles_api, json={"externalId": "k-1"}, headers=headers, timeout=10)
    requests.patch(sandbox.profiles_api + "/k-2", json={"cusVersion": "3"}, headers=headers, timeout=10)
    requests.delete(sandbox.profiles_api + "/k-1", headers=headers, timeout=10)
    journal = sandbox.admin.get("/journal")
    told = [(entry["seq"], entry["method"], entry["resource"], entry["key"], entry["version"]) for entry in journal]
    assert told == [
        (1, "POST", "profile", "k-1", "1"),
        (2, "POST", "profile", "k-2", "2"),
        (3, "PATCH", "profile", "k-2", "3"),
        (4, "DELETE", "profile", "k-1", None),
    ]
    assert len({entry["digest"] for entry in journal}) == 4


def test_the_journal_shows_a_mark_where_a_field_is_named_for_it(sandbox: Sandbox) -> None:
    headers = sandbox.campaign_headers()
    for number, switch in ((1, "cusCrmId"), (2, "")):
        sandbox.admin.put("/switches", {"journal_mark": switch})
        body = {"externalId": f"k-{number}", "cusCrmId": "mark 7"}
        requests.post(sandbox.profiles_api, json=body, headers=headers, timeout=10)
    assert [entry["mark"] for entry in sandbox.admin.get("/journal")] == ["mark 7", None]


def test_calls_are_counted_by_method_and_status_with_their_cost(sandbox: Sandbox) -> None:
    headers = sandbox.campaign_headers()
    sandbox.admin.delete("/calls")
    requests.post(sandbox.profiles_api, json={"externalId": "k-1"}, headers=headers, timeout=10)
    for phone in ("1", "1"):
        requests.patch(sandbox.profiles_api + "/k-1", json={"phone": phone}, headers=headers, timeout=10)
    requests.get(sandbox.profiles_api + "/none", headers=headers, timeout=10)
    calls = sandbox.admin.get("/calls")
    assert calls["campaign"] == {"POST": 1, "PATCH": 2, "GET": 1}
    assert calls["statuses"]["campaign"] == {"201": 1, "200": 2, "404": 1}
    # One for the insert, two for the change, one for the update that changed nothing
    assert calls["engine_calls"] == 4
    sandbox.admin.delete("/calls")
    assert sandbox.admin.get("/calls")["campaign"] == {}


def test_the_same_page_read_twice_at_once_is_on_record(sandbox: Sandbox) -> None:
    headers = {**sandbox.dynamics_headers(), "Prefer": "odata.track-changes,odata.maxpagesize=150"}
    first = requests.get(sandbox.dynamics_api + "/contacts?$select=lastname", headers=headers, timeout=10).json()
    sandbox.admin.put("/faults", {"dynamics": {"latency_ms": 150}})
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda link: requests.get(link, headers=headers, timeout=10), [first["@odata.nextLink"]] * 2))
    reads = sandbox.admin.get("/reads")
    assert [(read["kind"], read["page"], read["rows"]) for read in reads] == [
        ("full", 1, 150),
        ("full", 2, 50),
        ("full", 2, 50),
    ]
    assert [read["overlapped"] for read in reads] == [False, False, True]
    # An answer that came to an earlier test may not be over for the sandbox yet: it counts, too.
    assert sandbox.admin.get("/calls")["most_in_flight"]["dynamics"] >= 2


def test_a_reset_goes_back_to_the_beginning(sandbox: Sandbox) -> None:
    before = sandbox.admin.contacts()
    headers = sandbox.campaign_headers()
    requests.post(sandbox.profiles_api, json={"externalId": "k-1"}, headers=headers, timeout=10)
    sandbox.admin.post("/dynamics/change", {"count": 9})
    sandbox.admin.put("/switches", {"profile_key": "none"})
    sandbox.admin.put("/faults", {"campaign": {"rate_500": 1}})
    sandbox.admin.post("/reset")
    assert sandbox.admin.contacts() == before
    assert sandbox.admin.profiles() == []
    assert sandbox.admin.get("/journal") == []
    assert sandbox.admin.get("/switches")["profile_key"] == "externalId"
    # A token from before is still good
    again = requests.post(sandbox.profiles_api, json={"externalId": "k-1"}, headers=headers, timeout=10)
    assert again.status_code == 201


def test_changed_contacts_differ_and_the_same_seed_picks_the_same(sandbox: Sandbox) -> None:
    before = sandbox.admin.contacts()
    ids = sandbox.admin.post("/dynamics/change", {"count": 12, "seed": 5})["ids"]
    after = sandbox.admin.contacts()
    assert {row_id for row_id in before if before[row_id] != after[row_id]} == set(ids)
    assert all(before[row_id]["lastname"] != after[row_id]["lastname"] for row_id in ids)
    assert sandbox.admin.post("/dynamics/change", {"count": 12, "seed": 5})["ids"] == ids


def test_profiles_can_be_changed_behind_the_api(sandbox: Sandbox) -> None:
    sandbox.admin.post("/campaign/profiles", {"externalId": "k-1", "email": "jo@example.com"})
    changed = sandbox.admin.patch("/campaign/profiles/k-1", {"blackList": True})
    assert changed["blackListLastModified"] != ""
    sandbox.admin.delete(f"/campaign/profiles/{changed['PKey']}")
    assert sandbox.admin.profiles() == sandbox.admin.get("/journal") == []


def test_wrong_switches_are_refused_with_a_sentence(sandbox: Sandbox) -> None:
    url = sandbox.info["admin"]["url"] + "/switches"
    for body, text in [
        ({"nosuch": 1}, "nosuch is not a switch"),
        ({"error_shape": "xml"}, "error_shape must be one of error_code, code, text."),
        ({"max_page_size": "many"}, "max_page_size must be a number."),
        ({"filters": {"byX": {}}}, "filters.byX needs `field` and `parameter`."),
    ]:
        answer = requests.put(url, json=body, timeout=10)
        assert (answer.status_code, text in answer.json()["error"]) == (400, True)
