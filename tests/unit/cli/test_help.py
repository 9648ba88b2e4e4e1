"""The help is the manual: complete, ended by an example, and the page made from it is fresh."""

import re
from pathlib import Path

import click
import pytest

from cli import reference
from cli.reference import contexts, page

CONTEXTS = {context.command_path: context for context in contexts()}


@pytest.mark.parametrize("path", CONTEXTS)
def test_every_help_ends_with_an_example_of_the_command_itself(path: str) -> None:
    # Given the help of a command
    text = CONTEXTS[path].get_help()
    # Then it says what the command does, and its last lines show how it is called
    assert CONTEXTS[path].command.help
    head, _, example = text.rpartition("\nExample:\n")
    assert head
    lines = example.rstrip("\n").splitlines()
    assert lines
    for line in lines:
        assert line.startswith(f"  {path}")


@pytest.mark.parametrize("path", CONTEXTS)
def test_every_example_can_be_parsed(path: str) -> None:
    # Given the lines of an example, as a shell would split them
    import shlex

    example = CONTEXTS[path].get_help().rpartition("\nExample:\n")[2]
    for line in example.strip().splitlines():
        words = shlex.split(line.split(" > ")[0])[1:]
        # Then each word is a known command or a known option
        context = CONTEXTS["d365acs"]
        while words and isinstance(context.command, click.Group) and not words[0].startswith("-"):
            command = context.command.get_command(context, words[0])
            assert command is not None, line
            context = click.Context(command, info_name=words.pop(0), parent=context)
        known = {name for parameter in context.command.params for name in parameter.opts}
        if context.command_path != "d365acs sandbox up":
            assert {word for word in words if re.match(r"-+[a-z]", word)} <= known, line


@pytest.mark.parametrize("path", CONTEXTS)
def test_every_option_has_a_variable_that_its_help_shows(path: str) -> None:
    # Given the options of a command, the one for help aside
    context = CONTEXTS[path]
    for parameter in context.command.params:
        if isinstance(parameter, click.Option) and parameter.name != "help":
            # Then each shows a variable that begins with D365ACS_
            record = parameter.get_help_record(context)
            assert record is not None
            assert "env var: D365ACS_" in record[1], parameter.name


def test_a_page_that_is_not_fresh_is_named_with_the_remedy(tmp_path: Path) -> None:
    stale = tmp_path / "cli.md"
    stale.write_text(page())
    reference.main(["--check", str(stale)])
    stale.write_text(page() + "more\n")
    with pytest.raises(SystemExit, match=r"is not fresh; run: python -m cli\.reference > docs/cli\.md"):
        reference.main(["--check", str(stale)])


def test_the_page_of_the_command_line_is_fresh() -> None:
    # Given the page in docs/; then it is what the commands say today
    written = Path(__file__, "../../../../docs/cli.md").resolve().read_text()
    assert written == page(), "run: python -m cli.reference > docs/cli.md"
