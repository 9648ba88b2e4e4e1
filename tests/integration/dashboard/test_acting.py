"""The buttons: each does what its command does, under the name of who pressed it."""

import re

import pytest

from control import replays
from control.acts import acts
from store.lifecycle import State
from store.replays import Replay
from store.store import Store, WorkflowStore
from tests.integration.dashboard.conftest import OLIVIA, VERA, Served, put, set_aside


def newest(store: Store) -> tuple[str, str, str]:
    """Who did what last, and why."""
    event = acts(store, "ingress", None, 1)[0].event
    return event.by, event.action, event.why


def test_a_start_and_a_stop_change_the_state_and_stand_in_the_history(
    with_users: Served, configured: WorkflowStore, store: Store
) -> None:
    visit = with_users.visit(OLIVIA)
    # Given a stopped workflow, which offers a start and no stop
    page = visit.get("/ingress").text
    assert 'id="ingress-start"' in page and 'id="ingress-stop"' not in page
    # When Start is pressed
    told = visit.pressed("/ingress/start", why="the morning")
    # Then it starts, it says so, and the history has the name and the address
    assert told == "ingress: STOPPED -> STARTING, revision 1."
    assert configured.lifecycle.read().state is State.STARTING
    assert newest(store) == ("olivia (dashboard)", "start", "the morning")
    assert acts(store, "ingress", None, 1)[0].event.origin == "127.0.0.1"
    # And now it offers a stop and no start
    page = visit.get("/ingress").text
    assert 'id="ingress-start"' not in page and 'id="ingress-stop"' in page
    # When Stop is pressed, then pressed again
    assert visit.pressed("/ingress/stop") == (
        "ingress: STARTING -> STOPPED; the queue and the reading position are kept."
    )
    assert visit.pressed("/ingress/stop") == "ingress is stopped already."
    assert newest(store) == ("olivia (dashboard)", "stop", "")


def test_a_stop_with_saved_changes_carries_the_warning_and_a_restart_applies_them(
    with_key: Served, running: WorkflowStore
) -> None:
    visit = with_key.operate()
    saved = running.revisions.get(1)
    assert saved is not None
    # Given a running workflow without changes: no warning, no restart
    page = visit.get().text
    assert 'id="ingress-warning"' not in page and 'id="ingress-restart"' not in page
    # When changes are saved
    running.revisions.save(1, saved.document, "bob", "")
    # Then Stop is described by the warning
    page = visit.get().text
    assert 'id="ingress-stop" aria-describedby="ingress-warning"' in page
    assert "Saved changes are not running yet (revision 1 runs, 2 is saved)" in page
    # When Restart is pressed, Then they run, and the warning is gone
    assert visit.pressed("/ingress/restart") == "ingress: RUNNING -> STARTING, revision 2."
    assert 'id="ingress-warning"' not in visit.get().text


def test_the_first_start_asks_for_the_acknowledgement(
    with_key: Served, configured: WorkflowStore, store: Store
) -> None:
    # Given an instance for which nobody has acknowledged how privacy requests are made
    store.redis.delete(store.keys.privacy)
    visit = with_key.operate()
    # When Start is pressed
    answer = visit.press("/ingress/start", why="go")
    # Then the statement is shown and nothing has started
    assert "It does not carry out privacy requests" in answer.text
    assert configured.lifecycle.read().state is State.STOPPED
    # When it is acknowledged
    assert "STARTING" in visit.pressed("/ingress/start", accept_privacy="yes", why="go")
    # Then it is on record with who
    known = store.privacy.read()
    assert known is not None and known.by == "ann (dashboard)"


def test_what_cannot_be_is_told_and_changes_nothing(with_key: Served, store: Store) -> None:
    visit = with_key.operate()
    assert visit.pressed("/ingress/start") == ("ingress has no configuration yet; save one with: Configure")
    assert visit.pressed("/ingress/replay") == "Say what is to be replayed."
    assert visit.pressed("/ingress/drop", stream="contact") == (
        "Say which dead letters are meant: a stream, and a cause or an id."
    )
    assert visit.press("/egres/start").status_code == 404
    assert visit.press("/ingress/explode").status_code == 404


def test_a_table_is_replayed_and_the_request_taken_back(with_key: Served, running: WorkflowStore, store: Store) -> None:
    visit = with_key.operate()
    # When the replay of a table is asked for, twice
    told = visit.pressed("/ingress/replay", name="contact", why="restored")
    assert told == "The replay of contact is pending; it begins with the next stop and start of ingress."
    assert "is pending already" in visit.pressed("/ingress/replay", name="contact")
    # Then it is listed, Restart is offered, and the history has it
    page = visit.text("/ingress")
    assert "contact pending everything; asked" in page and "Take back" in page and "Restart" in page
    assert newest(store)[:2] == ("ann (dashboard)", "replay ask")
    # When it is taken back
    assert visit.pressed("/ingress/cancel", name="contact") == "The replay of contact is taken back."
    assert not running.replays.both()[0]


def test_a_replay_is_slowed_paused_resumed_and_ended(with_users: Served, running: WorkflowStore, store: Store) -> None:
    visit = with_users.visit(OLIVIA)

    def reading() -> Replay:
        return running.replays.both()[1]["contact"]

    def buttons() -> list[str]:
        return re.findall(r'id="(pause|resume|end|take)-contact"', visit.get("/ingress").text)

    # When a replay is to begin now, at a pace
    told = visit.pressed("/ingress/replay", name="contact", rate="2.5", now="yes", why="restored")
    # Then it is read at that pace, and can be paused and ended
    assert told == "The replay of contact (at most 2.5 a second) begins now."
    assert reading().only.rate == 2.5 and buttons() == ["pause", "end"]
    assert "contact reading at most 2.5 a second; asked" in visit.text("/ingress")
    assert newest(store) == ("olivia (dashboard)", "replay now", "restored")
    # When it is paused
    assert visit.pressed("/ingress/pause", name="contact") == (
        "The replay of contact is paused: what was read of it is written, and nothing more is read."
    )
    # Then it stands still, which is on record, and cannot be paused once more
    assert reading().paused_ms is not None and buttons() == ["resume", "end"]
    assert newest(store) == ("olivia (dashboard)", "replay pause", "")
    assert visit.pressed("/ingress/pause", name="contact") == (
        "The replay of contact is paused already; let it go on with: Replays"
    )
    # When it is resumed, Then it goes on
    assert visit.pressed("/ingress/resume", name="contact") == "The replay of contact goes on."
    assert reading().paused_ms is None and buttons() == ["pause", "end"]
    assert newest(store) == ("olivia (dashboard)", "replay resume", "")
    # When it is ended
    assert visit.pressed("/ingress/cancel", name="contact") == (
        "The replay of contact ends now: what was read of it is written, the rest is not read."
    )
    # Then it is over, and there is nothing more to press
    assert reading().ended_ms is not None and buttons() == []
    assert newest(store)[:2] == ("olivia (dashboard)", "replay end")
    assert "contact ended" in visit.text("/ingress")


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_a_button_of_a_replay_without_the_token_or_by_who_looks_does_nothing(
    with_users: Served, running: WorkflowStore, store: Store, verb: str
) -> None:
    # Given a replay that is being read, or paused if it is to be resumed
    replays.ask(store, "contact", "ann", now=True)
    if verb == "resume":
        replays.pause(store, "contact", "ann")
    before = running.replays.both()
    # When olivia's browser posts without the token, or vera with it
    olivia, vera = with_users.visit(OLIVIA), with_users.visit(VERA)
    olivia.get()
    posted = olivia.session.post(f"{with_users.page}/ingress/{verb}", data={"name": "contact"}, timeout=30)
    assert posted.status_code == vera.press(f"/ingress/{verb}", name="contact").status_code == 403
    # Then nothing has changed
    assert running.replays.both() == before


def test_a_pace_that_is_none_is_told_by_the_name_of_its_field(with_key: Served, running: WorkflowStore) -> None:
    visit = with_key.operate()
    assert visit.pressed("/ingress/replay", name="contact", rate="fast") == ("'fast' is no number of records a second.")
    assert visit.pressed("/ingress/replay", name="contact", rate="0") == (
        "At most, a second is how many records a second are read at most; give a number above 0."
    )


def test_a_time_that_is_none_is_told(with_key: Served, configured: WorkflowStore) -> None:
    told = with_key.operate().pressed("/ingress/replay", name="contact", since="yesterday-ish")
    assert told.startswith("'yesterday-ish' is no time; write a date (2026-11-20)")


def test_all_letters_of_a_cause_are_retried(with_key: Served, running: WorkflowStore, store: Store) -> None:
    # Given letters of two causes, one of them with a newer version that waits
    set_aside(running, "one", "two", "three")
    set_aside(running, "other", kind="refused")
    # When one cause is retried
    told = with_key.operate().pressed("/ingress/retry", stream="contact", cause="unmappable")
    # Then its records wait again, the other letter stays, and the history says who
    assert told.startswith("ingress: 3 records wait on the queue again.")
    assert running.queue("contact").dead_ids() == ["other"]
    assert running.queue("contact").backlog().waiting == 3
    assert newest(store)[:2] == ("ann (dashboard)", "retry")


def test_one_letter_is_dropped_with_a_reason(with_key: Served, running: WorkflowStore, store: Store) -> None:
    set_aside(running, "one", "two")
    told = with_key.operate().pressed("/ingress/drop", stream="contact", id="one", why="a test record")
    assert told == "ingress: 1 dead letter dropped."
    assert running.queue("contact").dead_ids() == ["two"]
    by, action, why = newest(store)
    assert (by, action) == ("ann (dashboard)", "drop") and "a test record" in why


def test_whoever_goes_through_the_letters_of_a_cause_stays_with_them(with_key: Served, running: WorkflowStore) -> None:
    set_aside(running, "one", "two")
    # When a letter is retried where the letters of its cause are listed
    visit = with_key.operate()
    page = visit.press("/ingress/retry", stream="contact", cause="unmappable", id="one", back="letters")
    # Then the others are shown again
    assert page.url == with_key.page + "/ingress/letters?stream=contact&cause=unmappable"
    assert "1 record waits on the queue again" in page.text and running.queue("contact").dead_ids() == ["two"]


@pytest.mark.parametrize("back, path", [("all", "/workflows#ingress"), ("https://evil.test", "/workflows/ingress")])
def test_a_button_leads_back_to_its_page_and_nowhere_else(
    with_key: Served, configured: WorkflowStore, back: str, path: str
) -> None:
    answer = with_key.operate().press("/ingress/start", back=back)
    assert answer.url == with_key.origin + path


def test_a_notice_is_told_once(with_key: Served, running: WorkflowStore) -> None:
    visit = with_key.operate()
    put(running, "one")
    assert "STOPPED; the queue" in visit.press("/ingress/stop").text
    assert "STOPPED; the queue" not in visit.get("/ingress").text
