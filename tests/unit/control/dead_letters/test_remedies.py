"""Whatever a record is set aside for, there is something to be done about it."""

import ast
import importlib
import pkgutil
import shlex
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import pytest

import store
import sync
from cli.main import cli
from connectors import errors
from control.dead_letters.remedies import KINDS, remedy_of
from sync.mapping.mapper import Unmappable
from sync.reasons import reason_of
from sync.workflows import NAMES


def _all_of(kind: type) -> Iterator[type]:
    yield kind
    narrower: type
    for narrower in kind.__subclasses__():
        yield from _all_of(narrower)


def _of_errors() -> set[str]:
    """Kinds that are made of the class of an error."""
    for module in pkgutil.walk_packages(sync.__path__, "sync."):
        importlib.import_module(module.name)
    refusing = {errors.Malformed, *_all_of(errors.Refused), *_all_of(Unmappable)}
    # Of the class only the name counts.
    return {reason_of(type(kind.__name__, (Exception,), {})()).kind for kind in refusing}


def _spelt_out() -> set[str]:
    """Kinds that the code spells out: Reason("parent-missing", ...)."""
    found = set()
    for package in (sync, store):
        for path in Path(package.__path__[0]).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
                    first = node.args[0] if node.args else None
                    if isinstance(first, ast.Constant):
                        found.add(str(first.value))
    return found


def test_every_kind_that_the_product_makes_has_a_remedy_of_its_own() -> None:
    assert {"parent-missing", "holders-died", "related-missing"} <= _spelt_out()
    assert {"refused", "unmappable", "unusable-row", "malformed"} <= _of_errors()
    assert _of_errors() | _spelt_out() <= KINDS


def test_no_remedy_is_for_a_kind_that_nobody_makes() -> None:
    assert _of_errors() | _spelt_out() >= KINDS


@pytest.mark.parametrize("workflow", NAMES)
@pytest.mark.parametrize("kind", [*sorted(KINDS), "key-error"])
def test_every_command_can_be_pasted(workflow: str, kind: str) -> None:
    for record_id in (None, "made up"):
        remedy = remedy_of(workflow, "contact", kind, record_id)
        assert remedy.sentence.endswith(".") and "{" not in remedy.sentence
        # Nothing is carried out: what the words mean is looked up.
        program, noun, verb, *rest = shlex.split(remedy.command)
        assert (program, noun) == ("d365acs", "dlq")
        # A copy: a command remembers the help option that it was first parsed with.
        command = copy(cli.commands["dlq"].commands[verb])  # type: ignore[attr-defined]  # it is a group
        context = command.make_context(verb, rest)
        assert context.params["workflow_name"] == workflow
        assert context.params["ids"] == (() if record_id is None else (record_id,))
