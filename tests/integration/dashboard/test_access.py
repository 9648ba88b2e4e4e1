"""Who comes in and who may act: everything here is a promise that somebody's security rests on."""

import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from control.acts import acts
from dashboard.door import LinkDoor, Visitor
from dashboard.gate import Gate, Refusal
from dashboard.serve import is_loopback
from dashboard.users import Role, UsersFile, remove_user, write_user
from store.lifecycle import State
from store.store import Store, WorkflowStore
from tests.integration.dashboard.conftest import (
    OLIVIA,
    PASSWORD,
    VERA,
    Served,
    Start,
    ours,
    set_aside,
)
from tests.sandboxes import ROOT

#: Everything on the page that changes something, and what does of Flower's.
POSTS = [
    *(
        f"/workflows/ingress/{verb}"
        for verb in ("start", "stop", "restart", "replay", "cancel", "pause", "resume", "retry", "drop")
    ),
    "/workflows/ingress/configuration",
    "/api/worker/shutdown/celery@here",
    "/api/worker/pool/grow/celery@here",
    "/api/worker/queue/cancel-consumer/celery@here",
    "/api/task/revoke/1234",
    "/api/task/abort/1234",
    "/api/task/timeout/tick",
    "/api/task/rate-limit/tick",
    "/api/task/async-apply/tick",
    "/api/task/send-task/tick",
]


def state(workflow: WorkflowStore) -> State:
    return workflow.lifecycle.read().state


# with users


@pytest.mark.parametrize("path", ["/workflows", "/workflows/ingress", "/workers", "/tasks", "/broker", "/api/workers",
                                  "/metrics", "/static/css/flower.css"])  # fmt: skip
def test_with_users_nothing_is_shown_without_a_password(with_users: Served, path: str) -> None:
    answer = requests.get(with_users.origin + path, timeout=30)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Basic")
    assert answer.text == "Log in.\n"


def test_a_page_that_is_left_open_does_not_make_the_browser_ask_for_a_password(with_users: Served) -> None:
    answer = requests.get(with_users.page, params={"part": "live"}, timeout=30)
    assert (answer.status_code, answer.text) == (401, "Log in.\n") and "WWW-Authenticate" not in answer.headers


def test_a_wrong_password_or_name_does_not_come_in(with_users: Served) -> None:
    for user in (("olivia", "wrong"), ("nobody", PASSWORD), ("", ""), ("olivia:operate", PASSWORD)):
        assert requests.get(with_users.page, auth=user, timeout=30).status_code == 401
    for given in ("Basic", "Basic !", "Bearer x", "Basic b2xpdmlh"):
        assert requests.get(with_users.page, headers={"Authorization": given}, timeout=30).status_code == 401


def test_with_users_flowers_pages_are_open_to_both_roles(with_users: Served, store: Store) -> None:
    for user in (OLIVIA, VERA):
        for path in ("/workflows", "/workers", "/tasks", "/api/workers", "/metrics"):
            assert requests.get(with_users.origin + path, auth=user, timeout=30).status_code == 200
    # And a probe needs no password
    assert requests.get(with_users.origin + "/healthcheck", timeout=30).status_code == 200


def test_whoever_looks_sees_no_buttons_and_is_refused_whatever_they_post(
    with_users: Served, running: WorkflowStore, store: Store
) -> None:
    # Given a workflow with everything that could be pressed
    set_aside(running, "one")
    vera = with_users.visit(VERA)
    for path in ("", "/ingress", "/ingress/letters?stream=contact&cause=unmappable", "/ingress/configuration"):
        page = vera.get(path).text
        assert 'method="post"' not in page and "vera may look" in page
    # When she posts all the same, with a token that is right
    before = len(acts(store, "ingress", None, 100))
    token = vera.session.cookies["_xsrf"]
    for path in POSTS:
        fields = {"_xsrf": token, "stream": "contact", "cause": "unmappable", "name": "contact", "do": "save"}
        answer = vera.session.post(with_users.origin + path, data=fields, timeout=30)
        # Then it is refused
        assert (answer.status_code, answer.text) == (403, "You may look, and not operate.\n"), path
    for method in ("PUT", "PATCH", "DELETE"):
        assert vera.session.request(method, with_users.page, timeout=30).status_code == 403
    # And nothing has changed
    assert state(running) is State.RUNNING and running.queue("contact").dead_ids() == ["one"]
    assert len(acts(store, "ingress", None, 100)) == before


def test_a_user_who_is_taken_out_or_changed_is_so_at_once(start: Start, tmp_path: Path, store: Store) -> None:
    # Given two who operate, and a dashboard that all machines reach
    file = tmp_path / "dashboard.users"
    for name in ("olivia", "otto"):
        write_user(file, name, Role.OPERATE, PASSWORD)
    served = start("--address=0.0.0.0")
    page, otto = f"http://127.0.0.1:{served.origin.rpartition(':')[2]}/workflows", ("otto", PASSWORD)
    assert requests.get(page, auth=OLIVIA, timeout=30).status_code == 200
    assert requests.get(page, auth=otto, timeout=30).status_code == 200
    # When one is taken out, and the other is to look only
    remove_user(file, "otto")
    write_user(file, "olivia", Role.VIEW, None)
    # Then it is so with the next request
    assert requests.get(page, auth=otto, timeout=30).status_code == 401
    assert "olivia may look" in requests.get(page, auth=OLIVIA, timeout=30).text
    # When she gets another password, Then the old one is of no use
    write_user(file, "olivia", Role.VIEW, "another")
    assert requests.get(page, auth=OLIVIA, timeout=30).status_code == 401
    assert requests.get(page, auth=("olivia", "another"), timeout=30).status_code == 200
    # When somebody guesses a few times
    for number in range(10):
        assert requests.get(page, auth=("otto", f"guess {number}"), timeout=30).status_code == 401
    # Then even the right password is not looked at for a while, but whoever has been in works on
    write_user(file, "otto", Role.OPERATE, PASSWORD)
    assert requests.get(page, auth=otto, timeout=30).status_code == 401
    assert requests.get(page, auth=("olivia", "another"), timeout=30).status_code == 200
    # When the file can be read by others, or is gone, Then nobody comes in
    file.chmod(0o644)
    answer = requests.get(page, auth=("olivia", "another"), timeout=30)
    assert answer.status_code == 503 and "can be read by others" in answer.text
    file.unlink()
    assert requests.get(page, auth=("olivia", "another"), timeout=30).status_code == 503
    # And whoever started it was warned
    assert "Passwords travel readable to all" in served.log.read_text()


# tokens and origins


def test_a_post_without_the_token_of_the_page_is_refused(with_users: Served, configured: WorkflowStore) -> None:
    olivia = with_users.visit(OLIVIA)
    olivia.get()
    for fields in ({}, {"_xsrf": "made up"}):
        for path in ("/ingress/start", "/ingress/configuration"):
            answer = olivia.session.post(with_users.page + path, data=fields, timeout=30)
            assert answer.status_code == 403
    assert state(configured) is State.STOPPED


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_post_from_elsewhere_is_refused_even_with_password_and_token(
    with_users: Served, configured: WorkflowStore, headers: dict[str, str]
) -> None:
    answer = with_users.visit(OLIVIA).press("/ingress/start", headers=headers)
    assert answer.status_code == 403 and "another site" in answer.text
    assert state(configured) is State.STOPPED
    # And so is one to Flower, which looks at less
    answer = with_users.visit(OLIVIA).session.post(
        with_users.origin + "/api/worker/shutdown/celery@here", headers=headers, auth=OLIVIA, timeout=30
    )
    assert answer.status_code == 403 and "another site" in answer.text


def test_flowers_own_actions_want_the_token_too_and_scripts_send_a_password_instead(
    with_users: Served, store: Store
) -> None:
    # Given a browser, which has the cookie of the token
    olivia = with_users.visit(OLIVIA)
    olivia.get()
    action = with_users.origin + "/api/worker/shutdown/celery@nowhere"
    # When it posts without the token, or with another, Then Flower does nothing
    for headers in ({}, {"X-XSRFToken": "made up"}):
        assert olivia.session.post(action, headers=headers, timeout=30).status_code == 403
    # When its page sends the token, Then it is looked for the worker
    token = {"X-XSRFToken": olivia.session.cookies["_xsrf"]}
    assert olivia.session.post(action, headers=token, timeout=30).text == "Unknown worker 'celery@nowhere'"
    # And so it is when a script comes with its password alone
    assert requests.post(action, auth=OLIVIA, timeout=30).text == "Unknown worker 'celery@nowhere'"


def test_a_post_from_the_page_itself_passes(with_users: Served, configured: WorkflowStore) -> None:
    headers = {"Origin": with_users.origin, "Sec-Fetch-Site": "same-origin"}
    assert with_users.visit(OLIVIA).press("/ingress/start", headers=headers).status_code == 200
    assert state(configured) is State.STARTING


def test_looking_changes_nothing_and_needs_no_token(with_users: Served, configured: WorkflowStore) -> None:
    olivia = with_users.visit(OLIVIA)
    for verb in ("start", "stop", "drop"):
        assert olivia.get(f"/ingress/{verb}").url == with_users.page + "/ingress"
    assert state(configured) is State.STOPPED


def test_cookies_are_kept_from_scripts_and_from_other_sites(with_users: Served, configured: WorkflowStore) -> None:
    # When a button is pressed
    olivia = with_users.visit(OLIVIA)
    page = olivia.get()
    told = olivia.session.post(
        with_users.page + "/ingress/start", data={"_xsrf": olivia.session.cookies["_xsrf"]}, allow_redirects=False
    )
    # Then no other site's request carries what was set, and only Flower's token can be read by scripts, which send it
    [token, *_], [notice, *_] = (answer.raw.headers.getlist("Set-Cookie") for answer in (page, told))
    assert token.startswith("_xsrf=") and "SameSite=Strict" in token
    assert notice.startswith("d365acs_notice=") and "SameSite=Strict" in notice and "HttpOnly" in notice


# without a login


def test_without_users_everybody_here_looks_and_whoever_has_the_key_operates(
    with_key: Served, configured: WorkflowStore
) -> None:
    # Given somebody without the key
    looker = with_key.visit()
    page = looker.get().text
    assert 'method="post"' not in page and "d365acs dashboard link" in page
    assert looker.press("/ingress/start").status_code == 403
    assert requests.get(with_key.origin + "/api/workers", timeout=30).status_code == 401
    # When a wrong key is tried, Then nothing is won
    for key in ("", "x", "x" * 43):
        assert looker.get("/enter", params={"key": key}).status_code == 403
    assert looker.press("/ingress/start").status_code == 403
    assert state(configured) is State.STOPPED
    # When the key of the home folder is given, which is its owner's alone
    file = with_key.home / "dashboard.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    entered = looker.get("/enter", params={"key": file.read_text()}, allow_redirects=False)
    # Then the browser keeps it, out of reach of scripts, and it leaves the address
    assert entered.headers["Location"] == "/workflows"
    cookie = entered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert looker.press("/ingress/start").status_code == 200
    assert state(configured) is State.STARTING
    # And it stands in no log, which tells what was refused
    log = with_key.log.read_text()
    assert file.read_text() not in log and '"status": 403' in log and "/workflows/ingress/start" in log


@pytest.mark.parametrize("host", ["evil.test", "evil.test:5555", "127.0.0.1.evil.test", "10.0.0.1", ""])
def test_without_users_no_other_name_of_this_machine_is_answered(with_key: Served, host: str) -> None:
    answer = requests.get(with_key.page, headers={"Host": host}, timeout=30)
    assert answer.status_code in (400, 403) and "ingress" not in answer.text


def test_without_users_nobody_comes_through_a_proxy(with_key: Served) -> None:
    answer = requests.get(with_key.page, headers={"X-Forwarded-For": "10.0.0.1"}, timeout=30)
    assert (answer.status_code, answer.text) == (403, "Without users the dashboard does not answer through a proxy.\n")


def test_beyond_this_machine_it_does_not_listen_without_a_login(redis_url: str, tmp_path: Path) -> None:
    done = command(redis_url, tmp_path, "--port=0", "--address=0.0.0.0", FLOWER_UNAUTHENTICATED_API="true")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: Nobody would need to log in, so the dashboard does not listen on 0.0.0.0; add somebody with: "
        "d365acs dashboard user NAME --role operate (or give Flower's --basic-auth or --auth)\n"
    )


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "10.0.0.1", "192.168.1.7", "dash.example.com", "127.evil"])
def test_these_addresses_are_beyond_this_machine(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_these_addresses_are_on_this_machine(address: str) -> None:
    assert is_loopback(address)


def test_a_dashboard_that_runs_asks_everybody_to_log_in_from_the_first_user_on(
    start: Start, tmp_path: Path, configured: WorkflowStore
) -> None:
    # Given a dashboard where nobody logs in, with somebody who has the key, and somebody who looks
    served, file = start(), tmp_path / "dashboard.users"
    keeper, looker = served.operate(), served.visit()
    assert looker.get().status_code == 200 and "ann operates" in keeper.text()
    # When somebody is added
    write_user(file, "olivia", Role.OPERATE, PASSWORD)
    # Then with the next request nobody looks without a password, and the key is worth nothing
    assert looker.get().status_code == keeper.get().status_code == 401
    token = keeper.session.cookies["_xsrf"]
    acted = keeper.session.post(served.page + "/ingress/start", data={"_xsrf": token}, timeout=30)
    assert acted.status_code == 401 and state(configured) is State.STOPPED
    assert looker.get("/enter", params={"key": (tmp_path / "dashboard.key").read_text()}).status_code == 401
    # And who was added operates, and is led on by a link of before
    olivia = served.visit(OLIVIA)
    key = (tmp_path / "dashboard.key").read_text()
    assert "olivia operates" in olivia.get("/enter", params={"key": key}).text
    assert olivia.press("/ingress/start").status_code == 200 and state(configured) is State.STARTING
    # When the file goes, or is broken, Then it does not become as open as it was
    file.unlink()
    assert looker.get().status_code == 401 and keeper.get().status_code == 401
    assert served.visit(OLIVIA).get().status_code == 503
    file.symlink_to(tmp_path / "nowhere")
    assert served.visit(OLIVIA).get().status_code == 503
    # And when it comes back, she is in again
    file.unlink()
    write_user(file, "olivia", Role.VIEW, PASSWORD)
    assert "olivia may look" in served.visit(OLIVIA).text()


# Flower's own ways


def test_flowers_own_password_works_its_user_operates_and_a_prefix_leads_everywhere(
    start: Start, tmp_path: Path, configured: WorkflowStore, store: Store
) -> None:
    # Given Flower's own options, and a file that says who of its users operates
    write_user(tmp_path / "dashboard.users", "bob", Role.OPERATE, None)
    served = start("--basic-auth=bob:secret,eve:other", "--url-prefix=mon")
    assert served.page.endswith("/mon/workflows")
    for user in (None, ("bob", "other"), ("bob", ""), ("", "")):
        assert requests.get(served.page, auth=user, timeout=30).status_code == 401
    # When one of them presses a button
    bob = served.visit(("bob", "secret"))
    told = bob.pressed("/ingress/start")
    # Then it is done under that name
    assert told.startswith("ingress: STOPPED -> STARTING")
    assert acts(store, "ingress", None, 1)[0].event.by == "bob (dashboard)"
    # And all addresses have the prefix
    page = bob.get().text
    assert 'href="/mon/workflows/ingress"' in page and 'src="/mon/workflows/static/workflows.js"' in page
    assert 'action="/mon/workflows/ingress/stop"' in page and "/mon/workers" in page
    assert requests.get(f"{served.origin}/workflows", auth=("bob", "secret"), timeout=30).status_code == 404
    # And posts still need the token
    assert bob.session.post(served.page + "/ingress/stop", timeout=30).status_code == 403
    # And whom the file does not name looks
    eve = served.visit(("eve", "other"))
    assert "eve may look" in eve.text()
    assert eve.press("/ingress/stop").status_code == 403
    assert state(configured) is State.STARTING


def test_read_only_means_everybody(tmp_path: Path) -> None:
    # Given Flower's --read_only, and somebody with the key
    options = SimpleNamespace(read_only=True, url_prefix="", address="127.0.0.1", basic_auth=[])
    gate = Gate(LinkDoor("k" * 43, "stage", "ann", UsersFile(tmp_path / "users", awaited=True)), options)
    headers = {"Host": "localhost:5555", "Cookie": f"d365acs_stage={'k' * 43}"}
    # Then they look, and do not operate
    looking, acting = (
        HTTPServerRequest(start_line=RequestStartLine(method, "/workflows", "HTTP/1.1"), headers=HTTPHeaders(headers))
        for method in ("GET", "POST")
    )
    assert gate.judge(looking) is None
    assert gate.visitor_of(looking) == Visitor("ann", Role.VIEW)
    assert gate.judge(acting) == Refusal(403, "You may look, and not operate.")


def test_an_option_that_flower_lacks_is_told_and_nothing_is_served(redis_url: str, tmp_path: Path) -> None:
    done = command(redis_url, tmp_path, "--port=0", "--basic_auht=a:b")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: There is no option --basic_auht; Flower's are told at https://")


def command(redis_url: str, home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "d365acs"), "dashboard", *arguments],
        cwd=ROOT,
        env={**ours(redis_url, home), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
