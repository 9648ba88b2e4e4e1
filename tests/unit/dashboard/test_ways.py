"""Sentences of both faces, as the page tells them: links where it does what a command does."""

import re

import pytest

from control.dead_letters import remedies
from control.kinds import kind_of
from dashboard.ways import told
from sync.workflows import NAMES


def address(page: str, workflow: str) -> str:
    return f"/{page}/{workflow}"


def html(sentence: str, workflow: str = "ingress") -> str:
    return told(sentence, workflow, address)


@pytest.mark.parametrize(
    "sentence, shown",
    [
        ("3 were set aside; why: d365acs dlq stats egress",
         '3 were set aside; why: <a href="/workflow/egress#letters-head">see them by cause</a>'),
        ("Correct the path (d365acs workflow edit egress), and restart.",
         'Correct the path (<a href="/workflow-configuration/egress">edit the configuration</a>), and restart.'),
        ("it is gone: d365acs mapping edit new_invoice; d365acs workflow restart ingress",
         'it is gone: <a href="/workflow-configuration/ingress">edit the mapping of new_invoice</a>; '
         '<a href="/workflow/ingress">Restart</a>'),
        ("d365acs mapping edit a and d365acs mapping edit b",
         '<a href="/workflow-configuration/ingress">edit the mapping of a</a> and '
         '<a href="/workflow-configuration/ingress">edit the mapping of b</a>'),
        ("save one with: d365acs config apply FILE",
         'save one with: <a href="/workflow-configuration/ingress">Configure</a>'),
        ("read once more: d365acs replay create optinout.",
         'read once more: <a href="/workflow/optinout#replay">Replay</a>.'),
        ("take it back first: d365acs replay cancel contact",
         'take it back first: <a href="/workflow/ingress#replays-head">Replays</a>'),
        ("those that are with: d365acs replay ls",
         'those that are with: <a href="/workflow/ingress#replays-head">Replays</a>'),
    ],
)  # fmt: skip
def test_a_command_that_the_page_can_do_is_a_link_to_it(sentence: str, shown: str) -> None:
    assert html(sentence) == shown


@pytest.mark.parametrize(
    "sentence, shown",
    [
        ("why: d365acs record explain 'a b'", "why: <code>d365acs record explain &#x27;a b&#x27;</code>"),
        ("Start one: d365acs up (or the worker line)", "Start one: <code>d365acs up</code> (or the worker line)"),
        ("the version of d365acs that wrote it", "the version of d365acs that wrote it"),
    ],
)  # fmt: skip
def test_what_the_page_cannot_do_stays_a_command(sentence: str, shown: str) -> None:
    assert html(sentence) == shown


def test_a_link_without_a_workflow_to_lead_to_stays_a_command() -> None:
    assert html("with: d365acs config apply FILE", "") == "with: <code>d365acs config apply FILE</code>"


def test_options_are_named_as_the_fields_of_the_form() -> None:
    assert html("--rate is how many; give a number above 0.") == "At most, a second is how many; give a number above 0."
    assert html("--since is to come, --sincere is not") == "Since is to come, --sincere is not"


def test_what_somebody_wrote_is_text_and_never_markup() -> None:
    shown = html("<b>eve</b> & d365acs workflow edit egress <script>")
    assert shown.startswith("&lt;b&gt;eve&lt;/b&gt; &amp; <a ") and shown.endswith("</a> &lt;script&gt;")


def test_no_remedy_and_no_way_out_of_a_hold_shows_a_command() -> None:
    # Given every sentence that stands beside what was set aside, and the commands that mend a hold
    sentences = [remedies.remedy_of(name, "contact", kind).sentence for name in NAMES for kind in remedies.KINDS]
    sentences += [kind_of(name).mend.format(stream="contact") for name in NAMES]
    # Then each of them leads over the page
    assert len([one for one in sentences if "d365acs" in one]) > 3
    for one in sentences:
        assert "d365acs" not in re.sub(r"<a [^>]*>", "", html(one)), one
