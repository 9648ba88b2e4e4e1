"""One mapping as a text of its own, as an architect edits it; read back, mistakes stand at the lines of that text."""

from collections.abc import Iterator

from pydantic import ValidationError

from config.document import WorkflowDocument, dump, plain
from config.ingress import IngressConfig, TableMapping
from config.load import read_text
from config.model import Place, written
from config.problems import ConfigProblems, Problem
from config.yaml_lines import Tree, read_tree
from control.mappings.saved import Saved


def text_of(mapping: TableMapping) -> str:
    """The mapping as YAML, everything that is so by default written out."""
    return dump(mapping)


def read_mapping(text: str, filename: str, saved: Saved, table: str, resource: str = "") -> WorkflowDocument:
    """The whole configuration with this mapping of `table`: in place of the saved one, or behind the others.

    Raises ConfigProblems with every mistake, each at its line of `text`; also for a mapping of another table, or to
    another resource if one is given.
    """
    tree = read_tree(text)
    problems: list[Problem] = []
    mapping = None
    try:
        mapping = read_text(text, filename, TableMapping, "holds no mapping: it begins with the key table")
    except ConfigProblems as found:
        problems += found.problems
    problems += [*_names(tree, filename, table, resource), *_among_tables(tree, filename, saved, table)]
    if mapping is None or problems:
        raise ConfigProblems(list(dict.fromkeys(problems)))
    tables = saved.ingress.tables
    if all(each.table != table for each in tables):
        return saved.with_tables((*tables, mapping))
    return saved.with_tables(tuple(mapping if each.table == table else each for each in tables))


def _names(tree: Tree, filename: str, table: str, resource: str) -> Iterator[Problem]:
    for key, wanted in (("table", table), ("resource", resource)):
        found = written(tree.value, key)
        if wanted and found is not None and found != wanted:
            words = f"is not {wanted}, whose mapping this is to be"
            yield Problem(filename, tree.line((key,)), key, words)


def _among_tables(tree: Tree, filename: str, saved: Saved, table: str) -> list[Problem]:
    """What is wrong between this mapping and the others."""
    if not isinstance(tree.value, dict):
        return []
    others = [mapping for mapping in saved.ingress.tables if mapping.table != table]
    try:
        IngressConfig.model_validate({"tables": [*map(plain, others), tree.value]})
    except ValidationError as invalid:
        # All but relations are mistakes of the mapping by itself.
        found = [error for error in invalid.errors(include_url=False) if error["type"] == "relation"]
        return [_problem(filename, tree, error["loc"], error["msg"], others) for error in found]
    return []


def _problem(filename: str, tree: Tree, place: Place, sentence: str, others: list[TableMapping]) -> Problem:
    match place:
        case ("tables", int(index), *here) if index == len(others):
            return Problem(filename, tree.line(tuple(here)), ".".join(map(str, here)), sentence)
        case ("tables", int(index), *there):
            # It stands in another mapping, which is not in this text.
            return Problem(filename, None, ".".join(map(str, (others[index].table, *there))), sentence)
    return Problem(filename, None, ".".join(map(str, ("ingress", *place))), sentence)
