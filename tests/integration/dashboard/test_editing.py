"""The configuration as text: nothing is saved that does not validate, and nobody writes over somebody else."""

import re
from html import unescape

import pytest
import requests

from store.store import Store, WorkflowStore
from tests.integration.dashboard.conftest import Served, Visit, words

PATH = "/ingress/configuration"


def form(visit: Visit, path: str = PATH) -> tuple[str, str]:
    """The text, and the revision that it was made from."""
    page = visit.get(path).text
    text = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", page, re.S)
    seen = re.search(r'name="seen" value="(\d+)"', page)
    assert text and seen
    return unescape(text[1]), seen[1]


def post(visit: Visit, do: str, text: str, seen: str, why: str = "") -> requests.Response:
    return visit.press(PATH, do=do, text=text.replace("\n", "\r\n"), seen=seen, why=why)


@pytest.fixture
def visit(with_key: Served, configured: WorkflowStore) -> Visit:
    return with_key.operate()


def test_a_change_is_checked_looked_at_and_saved(visit: Visit, configured: WorkflowStore) -> None:
    # Given the saved configuration in the editor
    text, seen = form(visit)
    assert "to: firstName" in text and seen == "1"
    changed = text.replace("to: firstName", "to: lastName")
    # When it is checked
    page = post(visit, "check", changed, seen, "the other name")
    # Then the difference is shown, and nothing is saved
    assert "What would change" in page.text
    assert "wf-removed" in page.text and "wf-added" in page.text and "to: lastName" in words(page.text)
    assert configured.revisions.newest() == 1
    # When it is saved
    page = post(visit, "save", changed, seen, "the other name")
    # Then it is the next revision, with who and why
    assert "Revision 2 of ingress is saved." in page.text
    saved = configured.revisions.get(2)
    assert saved is not None and (saved.by, saved.why) == ("ann (dashboard)", "the other name")
    assert "lastName" in saved.document


def test_mistakes_are_told_with_their_lines_and_nothing_is_saved(visit: Visit, configured: WorkflowStore) -> None:
    text, seen = form(visit)
    wrong = text.replace("ingress:", "ingres:")
    for do in ("check", "save"):
        # When a text is posted that is wrong
        page = post(visit, do, wrong, seen, "try")
        # Then every mistake has its line, and what was typed is still there
        assert page.status_code == 422
        line = wrong.splitlines().index("ingres:") + 1
        assert f"line {line} ingres is not a known key; did you mean ingress?" in words(page.text)
        assert "ingres:\n" in unescape(page.text) and 'value="try"' in page.text
    assert configured.revisions.newest() == 1


def test_a_secret_is_not_taken_and_not_told_anywhere_else(
    visit: Visit, with_key: Served, configured: WorkflowStore
) -> None:
    text, seen = form(visit)
    page = post(visit, "save", text.replace("${env:CAMPAIGN_CLIENT_SECRET}", "hunter2hunter2"), seen)
    # Then the sentence does not repeat it, nor does the log
    assert page.status_code == 422 and configured.revisions.newest() == 1
    assert "hunter2" not in page.text.partition("<textarea")[0]
    assert "hunter2" not in with_key.log.read_text()


def test_what_somebody_else_saved_meanwhile_is_not_written_over(visit: Visit, configured: WorkflowStore) -> None:
    # Given two people with the same text before them
    text, seen = form(visit)
    saved = configured.revisions.get(1)
    assert saved is not None
    # When the other one was quicker
    configured.revisions.save(1, saved.document.replace("firstName", "middleName"), "bob", "")
    page = post(visit, "save", text.replace("firstName", "lastName"), seen)
    # Then it is told, and what was typed is still there
    assert page.status_code == 422
    assert "Somebody else saved a revision since you read the configuration" in words(page.text)
    assert "lastName" in page.text and configured.revisions.newest() == 2


def test_a_pair_is_not_led_elsewhere(visit: Visit, configured: WorkflowStore) -> None:
    text, seen = form(visit)
    page = post(visit, "save", text.replace("resource: profile", "resource: cusOther"), seen)
    assert page.status_code == 422 and configured.revisions.newest() == 1
    assert "the mapping of contact leads to profile by externalId, and that cannot be edited" in words(page.text)


def test_what_runs_goes_on_and_the_notice_says_when_the_change_does(with_key: Served, running: WorkflowStore) -> None:
    visit = with_key.operate()
    text, seen = form(visit)
    page = post(visit, "save", text.replace("firstName", "lastName"), seen)
    assert "Revision 2 of ingress is saved; it runs with the next stop and start." in page.text
    assert "Saved changes are not running yet" in page.text


def test_the_same_again_is_not_saved(visit: Visit, configured: WorkflowStore) -> None:
    text, seen = form(visit)
    assert "Nothing would change" in post(visit, "check", text, seen).text
    assert "ingress says so already; nothing is saved." in post(visit, "save", text, seen).text
    assert configured.revisions.newest() == 1


def test_before_anything_is_saved_there_is_a_text_to_begin_with(with_key: Served, store: Store) -> None:
    text, seen = form(with_key.operate(), "/egress/configuration")
    assert "egress:\n  source: journal" in text and seen == "0"


def test_whoever_looks_reads_the_configuration_and_has_nothing_to_press(
    with_key: Served, configured: WorkflowStore
) -> None:
    page = with_key.visit().get(PATH).text
    assert "firstName" in page and " readonly" in page and 'value="save"' not in page
