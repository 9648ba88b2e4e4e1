"""The dashboard as people use it: in a real Chromium, over real processes."""

import socket
from collections.abc import Iterator

import pytest

from control import replays
from control.acts import acts
from dashboard.users import Role, remove_user, write_user
from store.lifecycle import State
from tests.chromium import Browser, Tab, browser
from tests.end_to_end import documents
from tests.end_to_end.conftest import CONTACTS, OpenStage
from tests.end_to_end.documents import PAIRS
from tests.end_to_end.stage import Stage

__all__ = ["browser"]

OLIVIA, VERA = ("olivia", "correct horse"), ("vera", "battery staple")

#: One pair of columns that does not fit: no telephone number is a count of points.
WRONG = [("telephone1" if field == "cusLoyaltyPoints" else column, field) for column, field in PAIRS]


@pytest.fixture
def dashboard(open_stage: OpenStage) -> Iterator[tuple[Stage, str]]:
    """A stage with a dashboard for olivia, who operates, and vera, who looks; and where its page is."""
    stage = open_stage()
    for (name, password), role in ((OLIVIA, Role.OPERATE), (VERA, Role.VIEW)):
        write_user(stage.home / "dashboard.users", name, role, password)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    [process] = stage.run("dashboard", dashboard_port=port)
    stage.wait_until(lambda: "The Workflows page" in process.log.read_text(), "the dashboard is up")
    yield stage, f"http://127.0.0.1:{port}/workflows"


def state_is(tab: Tab, state: str) -> None:
    tab.wait(f"document.querySelector('#ingress')?.dataset.state === '{state}'", f"ingress is shown {state}")


def test_a_mistake_is_seen_mended_and_its_records_retried(dashboard: tuple[Stage, str], browser: Browser) -> None:
    stage, page = dashboard
    # Given a mapping with a mistake in it, workers, and olivia before the page
    stage.configure(fields=WRONG)
    stage.run("worker", "beat")
    tab = browser.open(OLIVIA)
    tab.go(page)
    state_is(tab, "STOPPED")

    # When she presses Start, and acknowledges how privacy requests are made
    tab.click("#ingress-start")
    tab.wait("document.querySelector('#acknowledge')", "she is asked first")
    tab.click("[name=accept_privacy]")
    tab.click("#acknowledge")

    # Then she sees it start, run, and set everything aside, without touching anything
    tab.wait("/STARTING|RUNNING/.test(document.querySelector('#ingress')?.dataset.state)")
    state_is(tab, "RUNNING")
    retry = "#retry-contact-unmappable"
    tab.wait(f"document.querySelector('{retry}')?.innerText === 'Retry all {CONTACTS}'", "everything is set aside")
    assert "telephone1 does not fit cusLoyaltyPoints" in tab.text()

    # When she edits the mapping and looks at the difference
    tab.click("#ingress-edit")
    tab.wait("document.querySelector('#text')")
    tab.ask(
        "(() => { const text = document.querySelector('#text'); const at = text.value.lastIndexOf('telephone1');"
        "text.focus(); text.setSelectionRange(at, at + 'telephone1'.length); })()"
    )
    tab.type("numberofchildren")
    tab.click("#check")
    tab.wait("document.querySelector('.wf-added')?.innerText.includes('numberofchildren')", "the difference is shown")
    assert stage.workflow.revisions.newest() == 1
    tab.click("#save-it")

    # Then it is saved, and Stop carries the warning
    tab.wait("document.querySelector('#ingress-stop')?.getAttribute('aria-describedby') === 'ingress-warning'")
    assert "Saved changes are not running yet (revision 1 runs, 2 is saved)" in tab.text("#ingress-warning")

    # When she stops it, Then the warning is gone
    tab.click("#ingress-stop")
    state_is(tab, "STOPPED")
    assert not tab.ask("document.querySelector('#ingress-warning')")

    # When she retries what was set aside, Then all of it waits again
    tab.click(retry)
    tab.wait("document.querySelector('.wf-notice')?.innerText.includes('records wait on the queue again')")
    assert f"ingress: {CONTACTS} records wait on the queue again" in tab.text(".wf-notice")
    assert not tab.ask(f"document.querySelector('{retry}')")

    # When she starts it, Then Campaign has everybody
    tab.click("#ingress-start")
    state_is(tab, "RUNNING")
    stage.part = documents.ingress(documents.contacts())
    stage.wait_until_settled()

    # And when vera looks at the same page
    other = browser.open(VERA)
    other.go(f"{page}/ingress")
    # Then she sees it without a button, and the server refuses what she posts all the same
    state_is(other, "RUNNING")
    assert other.ask("document.querySelectorAll('main button, main form').length") == 0
    posted = "fetch('/workflows/ingress/stop', {method: 'POST', body: new URLSearchParams({_xsrf: '%s'})})"
    token = "decodeURIComponent(document.cookie.match(/_xsrf=([^;]+)/)[1])"
    status = other.ask(posted.replace("'%s'", token) + ".then(answer => answer.status)")
    assert status == 403 and stage.life.state is State.RUNNING

    # And Flower itself hears from the workers
    tab.wait("fetch('/api/workers?refresh=true').then(answer => answer.json()).then(all => Object.keys(all).length)")

    # When olivia stops it, Then vera's page says so by itself
    tab.click("#ingress-stop")
    state_is(other, "STOPPED")
    # And the history has the name with everything that was done
    done = [(one.event.action, one.event.by) for one in acts(stage.store, "ingress", None, 20)]
    theirs = [action for action, by in done if by == "olivia (dashboard)"]
    assert theirs == ["stop", "start", "retry", "stop", "edit", "start"]

    # When vera is taken out, Then the page that she left open is gone
    remove_user(stage.home / "dashboard.users", VERA[0])
    other.wait("!document.querySelector('#wf-live')", "nothing of it is shown any more")


def test_it_is_used_by_keyboard_on_a_phone_in_the_dark_and_without_scripts(
    dashboard: tuple[Stage, str], browser: Browser
) -> None:
    stage, page = dashboard
    stage.configure()
    stage.store.privacy.record("olivia", stage.store.now_ms())

    # Given a phone at night
    tab = browser.open(OLIVIA, width=375, height=700)
    tab.prefer("dark")
    for path in ("", "/ingress", "/ingress/configuration"):
        tab.go(page + path)
        # Then nothing is wider than the screen, and the page is dark
        assert tab.ask("document.documentElement.scrollWidth") <= 375
        assert tab.ask("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 16)"
        # And every field and button has a name for those who do not see it
        assert tab.ask(
            "[...document.querySelectorAll('main :is(button, input:not([type=hidden]), select, textarea)')].every("
            "one =>"
            " one.innerText || one.ariaLabel || one.labels?.length)"
        )

    # When Start is reached with the Tab key and pressed with Enter
    tab.go(page)
    for _ in range(40):
        tab.press("Tab")
        if tab.ask("document.activeElement.id") == "ingress-start":
            break
    assert tab.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.press("Enter")
    # Then it starts
    state_is(tab, "STARTING")

    # When it runs, and has replays, one that is read and one that is pending, with much to say about them
    assert stage.workflow.lifecycle.run(stage.life.generation, "start-up checks", "both systems answer")
    replays.ask(stage.store, "contact", "olivia", "after a restore " * 8, rate=1)
    assert stage.workflow.replays.ask("contact", "olivia", "and all of it once more " * 6)
    tab.go(f"{page}/ingress")
    # Then nothing is wider than the screen, and each button of theirs is on it, and large enough for a thumb
    tab.wait("document.querySelectorAll('.wf-replay').length === 2", "both replays are listed")
    assert tab.ask("document.documentElement.scrollWidth") <= 375
    for button in ("#pause-contact", "#end-contact", "#take-contact"):
        left, right, height = tab.ask(
            f"(() => {{ const box = document.querySelector('{button}').getBoundingClientRect();"
            "return [box.left, box.right, box.height]; })()"
        )
        assert left >= 0 and right <= 375 and height >= 44, button
    # And one of them is pressed by thumb
    tab.click("#take-contact")
    tab.wait("document.querySelector('.wf-notice')?.innerText === 'The replay of contact is taken back.'")
    assert not stage.workflow.replays.both()[0]

    # When the times are looked at more closely, Then they are those of the phone's own zone
    tab.send("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
    tab.go(f"{page}/ingress")
    tab.wait("[...document.querySelectorAll('main time')].every(time => time.title.includes('GMT+5:30'))")

    # When the link to the form of replays is followed
    tab.click("#ingress-replay")
    # Then the form is unfolded, and the keyboard is there
    tab.wait("document.querySelector('#replay').open && document.activeElement.closest('#replay')", "it is unfolded")
    assert tab.ask("document.documentElement.scrollWidth") <= 375

    # When somebody without scripts presses Stop
    plain = browser.open(OLIVIA)
    plain.without_scripts()
    plain.go(page)
    plain.click("#ingress-stop")
    # Then it stops, and their page says so, and that of the phone
    state_is(plain, "STOPPED")
    state_is(tab, "STOPPED")

    # When the dashboard goes away
    [process] = stage.processes
    process.terminate(15)
    # Then the page that was left open says that it is old
    tab.wait("document.querySelector('#wf-fresh').innerText.startsWith('No answer from the dashboard')")
