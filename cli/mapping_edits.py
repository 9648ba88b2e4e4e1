"""How the text of one mapping becomes a revision: from an editor, or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli.context import Context
from cli.output import say

if TYPE_CHECKING:
    from config.ingress import TableMapping
    from control.configuration import Applied
    from control.mappings.saved import Saved

_RULES = """\
It is checked when you leave the editor, and takes effect with the next stop and start of the workflow.
Comments are not kept. Every key is described in docs/configuration.md."""

#: Where a mapping has no filter.
FILTERING = """\
If only some records shall travel, add a filter (all: every condition holds, any: one is enough), such as:
  filter: {all: [{field: statecode, is: equals, value: 0}]}"""

EDITING = f"The mapping of {{table}}. Its resource and its key cannot be changed here.\n{_RULES}"

ADDING = f"A draft for {{table}}: finish it. Leave an empty text to save nothing.\n{_RULES}"


def edited(
    context: Context,
    before: Saved,
    one: TableMapping,
    header: str,
    why: str,
    output: str,
    notes: tuple[str, ...] = (),
    new: bool = False,
) -> None:
    """The mapping in the operator's editor, and what was saved of it; `new`: an unchanged text is saved, too."""
    from cli.editing import edit as in_editor
    from control.mappings.fragments import text_of

    def save(text: str, filename: str) -> Applied:
        return saved_from(context, before, text, filename, why, one.table)

    filtering = [FILTERING] if one.filter is None else []
    words = "\n".join([header.format(table=one.table), *filtering, *([""] if notes else []), *notes])
    verb = f"add {one.table} {one.resource}" if new else f"edit {one.table}"
    again = f"d365acs mapping {verb} --file"
    applied = in_editor(context, f"mapping-{one.table}", words, text_of(one), save, again, always=new)
    if applied is None:
        say("Nothing was changed; nothing is saved.")
    else:
        tell(applied, output)


def saved_from(
    context: Context, before: Saved, text: str, filename: str, why: str, table_name: str, resource: str = ""
) -> Applied:
    """Raises ConfigProblems, PairChanged, EditedMeanwhile."""
    from control.mappings.fragments import read_mapping

    document = read_mapping(text, filename, before, table_name, resource)
    done = "edited" if any(one.table == table_name for one in before.ingress.tables) else "added"
    return before.save(document, context.settings.actor, why or f"mapping of {table_name} {done}")


def read(file: Path) -> str:
    """Raises ConfigProblems."""
    from config.problems import ConfigProblems, Problem

    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        reason = "is not UTF-8 text"
    raise ConfigProblems([Problem(str(file), None, "", reason)]) from None


def tell(applied: Applied, output: str) -> None:
    """What was saved, and the next step."""
    from cli.config import tell_applied

    tell_applied([applied], output)
    if applied.changed and output == "table":
        say("Hold it against both live systems with: d365acs mapping validate")
