"""A workflow's configuration as text: checked, its difference looked at, saved; it runs from the next start on."""

from typing import Any

from tornado.web import HTTPError

from config.document import dump
from config.load import load
from config.problems import ConfigProblems
from control import configuration
from control.configuration import Applied, Difference
from control.errors import ControlError, NoConfiguration
from control.opening import workflow_of
from control.templates import template
from dashboard.acts import LONGEST_WHY
from dashboard.page import Page
from store.revisions import EditedMeanwhile

#: What mistakes name as their file; the page shows their lines alone.
_FILE = "configuration"

#: One line, what stands there, and what is wrong with it.
Mistake = tuple[int | None, str, str]


class Configuration(Page):
    async def get(self, name: str) -> None:
        text, seen = await self.call(self._saved, name)
        self._show(name, text, seen)

    async def post(self, name: str) -> None:
        """The button `check` shows what would change; `save` saves it."""
        text, seen = self.form("text").replace("\r\n", "\n"), self.form("seen")
        why = self.form("why").strip()[:LONGEST_WHY]
        if not seen.isascii() or not seen.isdigit():
            raise HTTPError(400, "The form lacks the revision that it was made from; open the page again.")
        mistakes: list[Mistake] = []
        try:
            if self.form("do") == "save":
                self.notice(_told(await self.call(self._save, name, text, why, int(seen))))
                self.redirect(self.reverse_url("workflow", name), status=303)
                return
            found = await self.call(self._compare, text)
            self._show(name, text, int(seen), why, differences=[_shown(one) for one in found])
            return
        except ConfigProblems as problems:
            mistakes = [(one.line, one.path, one.sentence) for one in problems.problems]
        except (ControlError, EditedMeanwhile) as error:
            mistakes = [(None, "", line) for line in str(error).splitlines()]
        self.set_status(422)
        self._show(name, text, int(seen), why, mistakes=mistakes)

    def _saved(self, name: str) -> tuple[str, int]:
        """The newest text, and its revision; before anything is saved, a text to begin with."""
        seen = workflow_of(self.store, name).revisions.newest()
        begun = template(self.store, name) if not seen else None
        if begun is not None:
            return begun, seen
        try:
            return dump(configuration.export(self.store, name)), seen
        except NoConfiguration:
            return "", seen

    def _compare(self, text: str) -> list[Difference]:
        return configuration.compare_with_file(self.store, load(text, _FILE))

    def _save(self, name: str, text: str, why: str, seen: int) -> list[Applied]:
        workflow_of(self.store, name)
        return configuration.apply(self.store_of_visitor, load(text, _FILE), self.visitor.by, why, {name: seen})

    def _show(self, name: str, text: str, seen: int, why: str = "", **known: Any) -> None:
        given = {"mistakes": [], "differences": None, **known}
        self.show("workflow-configuration.html", workflow=name, text=text, seen=seen, why=why, **given)


def _told(applied: list[Applied]) -> str:
    """What was saved, and what still runs under an earlier revision."""
    sentences = []
    for one in applied:
        if not one.changed:
            sentences.append(f"{one.workflow} says so already; nothing is saved.")
            continue
        waits = "; it runs with the next stop and start" if one.waits else ""
        sentences.append(f"Revision {one.revision} of {one.workflow} is saved{waits}.")
        sentences += one.warnings
    return " ".join(sentences)


def _shown(one: Difference) -> dict[str, Any]:
    """With a class for each line, by its first character."""
    classes = {"+": "added", "-": "removed", "@": "place"}
    lines = [line for line in one.text.splitlines() if not line.startswith(("+++", "---"))]
    return {
        "workflow": one.workflow,
        "old": one.old,
        "lines": [(classes.get(line[:1], ""), line) for line in lines],
        "warnings": one.warnings,
    }
