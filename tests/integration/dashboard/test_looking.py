"""The pages to look at: what they say, in the words of the command line."""

import re
from base64 import b64encode
from hashlib import sha256
from html import unescape

import requests
from redis import Redis

from config.settings import Settings
from control.status.notes import notes, unapplied_note
from control.status.workflow import status_of
from store.samples import EVERY_MS
from store.store import Store, WorkflowStore
from tests.integration.dashboard.conftest import Served, Start, put, set_aside, words


def test_before_anything_is_configured_the_page_offers_to_begin(with_key: Served, store: Store) -> None:
    # Given an empty store, When somebody who operates opens the page
    text = with_key.operate().text()
    # Then all three workflows are there, with a way to begin each
    for name in ("ingress Dynamics 365 to Campaign STOPPED", "egress Campaign to Dynamics 365", "optinout Opt-in"):
        assert name in text
    assert text.count("Nothing is configured yet. Configure opens a text to begin with. Configure") == 3
    assert "instance production ann operates" in text


def test_a_card_says_what_the_command_line_says(with_key: Served, running: WorkflowStore, store: Store) -> None:
    # Given a workflow that runs, with records that wait, some set aside, and changes that are saved only
    put(running, "one", "two", "three")
    set_aside(running, "four", "five")
    document = running.revisions.get(1)
    assert document is not None
    running.revisions.save(1, document.document + "\n# later\n", "ann", "")
    # When the page is opened
    text = with_key.visit().text()
    # Then its state, numbers and notes are those of `workflow ls` and `workflow show`
    status = status_of(store, Settings(), "ingress")
    assert "ingress Dynamics 365 to Campaign RUNNING" in text and "ago by ann: go" in text
    assert "3 backlog" in text and "Set aside 2" in text and "Parked 0" in text
    warning = unapplied_note(status)
    for note in notes(status):
        note = note.removeprefix("ingress: ").replace("d365acs dlq stats ingress", "see them by cause")
        assert note[1:] in text
    # And the warning is said once
    assert text.count(warning.removeprefix("ingress: ")[1:]) == 1


def test_the_last_hour_of_the_backlog_is_a_line_with_words_for_those_who_do_not_see_it(
    with_key: Served, running: WorkflowStore, store: Store
) -> None:
    # Given samples of the last hour, with a time in which nobody looked
    now_ms = store.now_ms()
    for ago, backlog in ((40, 0), (39, 1200), (38, 600), (3, 12), (2, 6), (1, 3)):
        running.samples.note(now_ms - ago * EVERY_MS, backlog)
    # When the page is opened
    page = with_key.visit().get().text
    # Then there are two lines, one on each side of the gap, and their highest point is told
    assert len(re.findall(r'<polyline class="wf-line"', page)) == 2
    assert "Backlog of the last hour: 1,200 at most, 0 now" in page and "peak 1,200" in page


def test_one_workflow_shows_its_tables_its_letters_by_cause_and_what_was_done(
    with_key: Served, running: WorkflowStore
) -> None:
    # Given records that were set aside for two reasons
    set_aside(running, "one", "two")
    set_aside(running, "three", kind="refused")
    # When its page is opened
    text = with_key.visit().text("/ingress")
    # Then there is a line for the table, a cause with its remedy each, and the history
    assert "contact 0 0 - 3 3 0 0 0" in text
    assert "2 unmappable contact, the newest" in text and "1 refused contact, the newest" in text
    assert "birthdate does not fit birthDate: it is no date" in text
    assert "Correct the record in Dynamics" in text and "Campaign says why" in text
    assert "start STOPPED -> STARTING ann - go" in text and "edit revision 1 ann - the first" in text
    # And whoever only looks gets no button
    assert "Retry" not in text and "<button" not in with_key.visit().get("/ingress", params={"part": "live"}).text


def test_what_was_set_aside_leads_to_its_causes_and_they_to_the_letters(
    with_key: Served, running: WorkflowStore
) -> None:
    # Given a record that was set aside
    set_aside(running, "one")
    visit = with_key.visit()

    def links(path: str, words: str) -> list[str]:
        return [unescape(href) for href in re.findall(rf'<a href="([^"]+)">{words}</a>', visit.get(path).text)]

    # Then its count and the sentence on the card lead to the causes
    assert links("", "1") == links("", "see them by cause") == ["/workflows/ingress#letters-head"]
    assert 'id="letters-head"' in visit.get("/ingress").text
    # And there the cause leads to its letters, and the table to all of its own
    [letters] = links("/ingress", "1 unmappable")
    assert letters == "/workflows/ingress/letters?stream=contact&cause=unmappable"
    assert "/workflows/ingress/letters?stream=contact" in links("/ingress", "1")
    for path in (letters, "/workflows/ingress/letters?stream=contact"):
        assert "one" in visit.text(path.removeprefix("/workflows"))


def test_of_many_letters_the_newest_are_shown_and_more_on_request(with_key: Served, running: WorkflowStore) -> None:
    ids = [f"record-{number:03}" for number in range(101)]
    set_aside(running, *ids)
    visit, path = with_key.visit(), "/ingress/letters?stream=contact&cause=unmappable"
    shown = re.findall(r"record-\d{3}", visit.text(path))
    assert len(set(shown)) == 100 and "These are the newest 100. Show more of them" in visit.text(path)
    [more] = re.findall(r'id="more" href="/workflows([^"]+)"', visit.get(path).text)
    assert set(re.findall(r"record-\d{3}", visit.text(unescape(more)))) == set(ids)


def test_a_table_that_is_held_offers_the_restart_that_lets_it_go_on(with_key: Served, running: WorkflowStore) -> None:
    # Given a table whose column is gone
    generation = running.lifecycle.read().generation
    assert running.holds.hold("contact", generation, "the column telephone1 is gone from Dynamics")
    # Then the sentence leads to the mapping, and the button is there
    page = with_key.operate().get().text
    assert '<a href="/workflows/ingress/configuration">edit the mapping of contact</a>' in page
    assert 'id="ingress-restart"' in page


def test_every_time_is_told_by_how_long_ago_and_exactly(with_key: Served, running: WorkflowStore) -> None:
    # Given something of everything that has a time
    set_aside(running, "one")
    running.replays.ask("contact", "ann", "")
    # Then each has it for machines, which put it into the zone of the viewer, and for people
    page = with_key.visit().get("/ingress").text
    times = re.findall(r"<time([^>]*)>([^<]*)</time>", page)
    assert len(times) == len(re.findall(r"\d+ s ago", page)) >= 5
    for given, told in times:
        assert re.fullmatch(r' datetime="[^"]+Z" title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"', given), given
        assert told.endswith(" ago")


def test_the_letters_of_a_cause_are_listed_without_their_content(with_key: Served, running: WorkflowStore) -> None:
    set_aside(running, "one", "two")
    text = with_key.visit().text("/ingress/letters?stream=contact&cause=unmappable")
    assert "Workflows / ingress / set aside" in text
    assert "one" in text and "two" in text and "attempt 1" in text
    assert "There is none any more." in with_key.visit().text("/ingress/letters?stream=contact&cause=refused")


def test_the_part_that_moves_is_a_page_of_its_own(with_key: Served, running: WorkflowStore) -> None:
    # When the script asks for what has changed
    part = with_key.visit().get(params={"part": "live"}).text
    # Then it gets the cards and nothing around them
    assert 'data-state="RUNNING"' in part and "<html" not in part and "<nav" not in part
    assert part in with_key.visit().get().text


def test_what_stands_in_the_store_is_text_and_never_markup(with_key: Served, running: WorkflowStore) -> None:
    # Given an operator who writes a script as a reason
    running.lifecycle.stop("<b>eve</b>", "<script>alert(1)</script>")
    # Then it is shown as it was written
    for path in ("", "/ingress"):
        page = with_key.visit().get(path).text
        assert "<script>alert" not in page and "<b>eve" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_flowers_own_pages_have_the_way_to_ours(with_key: Served, store: Store) -> None:
    for path in ("/", "/workers", "/tasks", "/broker", "/nowhere"):
        page = requests.get(with_key.origin + path, timeout=30).text
        assert len(re.findall(r'<a class="nav-link"\s+href="/workflows"\s+>Workflows</a>', page)) == 1
        assert "Broker</a>" in page
    ours = with_key.visit().get().text
    assert re.search(r'<a class="nav-link active"\s+href="/workflows"\s+aria-current="page">Workflows</a>', ours)


def test_an_unknown_workflow_is_not_found_and_named(with_key: Served, store: Store) -> None:
    for path in ("/egres", "/egres/letters", "/egres/configuration"):
        answer = with_key.visit().get(path)
        assert answer.status_code == 404
        assert "There is no workflow egres; there are ingress, egress and optinout." in words(answer.text)


def test_without_redis_the_page_says_so_and_comes_back_by_itself(start: Start, redis: Redis) -> None:
    # Given a dashboard whose Redis does not answer
    served = start(D365ACS_REDIS_URL="redis://127.0.0.1:1/0")
    # When the page is opened
    answer = served.visit().get()
    # Then it says what is missing
    assert answer.status_code == 503
    assert "Redis does not answer at redis://127.0.0.1:1/0; start it" in words(answer.text)


def test_pages_load_nothing_from_elsewhere_and_nobody_frames_or_keeps_them(with_key: Served, store: Store) -> None:
    for path in ("", "/ingress", "/ingress/configuration"):
        answer = with_key.visit().get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy and answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        addresses = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', answer.text)
        assert addresses and all(address.startswith("/") for address in addresses)
        for address in addresses:
            assert requests.get(with_key.origin + address, timeout=30).status_code == 200
        assert not re.search(r"<script(?![^>]+src)|\son\w+=|\sstyle=", answer.text)


def test_flowers_pages_run_nothing_but_their_own_scripts_and_nobody_frames_or_keeps_them(
    with_key: Served, store: Store
) -> None:
    for path in ("/", "/workers", "/tasks", "/broker", "/nowhere", "/metrics", "/api/workers"):
        answer = with_key.operate().session.get(with_key.origin + path, timeout=30)
        headers = answer.headers
        assert headers["X-Frame-Options"] == "DENY" and headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store" and headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin" and "Server" not in headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["frame-ancestors"] == policy["default-src"] == "'none'" and "unsafe" not in policy["script-src"]
        # And what stands in them is allowed by name, so that they work
        for script in re.findall(r"<script(?![^>]+src)[^>]*>(.*?)</script>", answer.text, re.S):
            assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy["script-src"]
