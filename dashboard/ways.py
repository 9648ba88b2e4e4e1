"""Sentences that name a command, as the page tells them: with a link to where the page does the same.

`control` writes them for both faces. What the dashboard cannot do stays a command.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tornado.escape import xhtml_escape

from control.replays.naming import workflow_name_of

#: The address of a page, by its name in `extending` and the workflow.
Address = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Way:
    """Where the page does what a command does."""

    command: str  #: NAME is a workflow's, or a table's
    label: str  #: as the page names it
    page: str
    fragment: str = ""


#: Where a workflow's page has it.
SET_ASIDE, _REPLAYS = "#letters-head", "#replays-head"
_WAYS = (
    Way("dlq stats NAME", "see them by cause", "workflow", SET_ASIDE),
    Way("dlq ls NAME", "the list", "workflow-letters"),
    Way("workflow edit NAME", "edit the configuration", "workflow-configuration"),
    Way("mapping edit NAME", "edit the mapping of {name}", "workflow-configuration"),
    Way("config apply FILE", "Configure", "workflow-configuration"),
    Way("workflow start NAME", "Start", "workflow"),
    Way("workflow stop NAME", "Stop", "workflow"),
    Way("workflow restart NAME", "Restart", "workflow"),
    Way("workflow show NAME", "its page", "workflow"),
    Way("replay create NAME", "Replay", "workflow", "#replay"),
    Way("replay pause NAME", "Replays", "workflow", _REPLAYS),
    Way("replay resume NAME", "Replays", "workflow", _REPLAYS),
    Way("replay cancel NAME", "Replays", "workflow", _REPLAYS),
    Way("replay ls", "Replays", "workflow", _REPLAYS),
)

#: What a command line alone does.
_COMMANDS = r"record explain (?:'[^']*'|\S+)|dlq show|dashboard link|doctor|up"

#: Options of commands, as the form has them.
_FIELDS = {"--since": "Since", "--until": "Until", "--where": "Where", "--rate": "At most, a second"}

_PATTERN = re.compile(
    "|".join(
        [
            *(
                f"(?P<way{at}>d365acs {way.command.replace('NAME', rf'(?P<name{at}>[a-z0-9_]+)')})"
                for at, way in enumerate(_WAYS)
            ),
            rf"(?P<command>d365acs (?:{_COMMANDS})(?![\w-]))",
            rf"(?P<option>(?:{'|'.join(_FIELDS)})(?![\w-]))",
        ]
    )
)


def told(sentence: str, workflow: str, address: Address) -> str:
    """The sentence as HTML. `workflow`: on whose page it stands; empty if on none's."""
    return "".join(_pieces(sentence, workflow, address))


def _pieces(sentence: str, workflow: str, address: Address) -> Iterator[str]:
    at = 0
    for found in _PATTERN.finditer(sentence):
        yield xhtml_escape(sentence[at : found.start()])
        yield _piece(found, workflow, address)
        at = found.end()
    yield xhtml_escape(sentence[at:])


def _piece(found: re.Match[str], workflow: str, address: Address) -> str:
    kind = found.lastgroup or ""
    if kind == "option":
        return xhtml_escape(_FIELDS[found[0]])
    if kind.startswith("way"):
        number = kind.removeprefix("way")
        way, name = _WAYS[int(number)], found.groupdict().get(f"name{number}")
        if whose := workflow_name_of(name) if name else workflow:
            href = xhtml_escape(address(way.page, whose) + way.fragment)
            return f'<a href="{href}">{way.label.format(name=name)}</a>'
    return f"<code>{xhtml_escape(found[0])}</code>"
