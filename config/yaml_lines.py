"""YAML with line numbers: plain values, and for each the line where it stands.

Only what a configuration needs: mappings, lists, text, numbers, true/false, null, anchors with aliases and merge
keys. Tags are refused, repeated keys are mistakes, and keys are always text (YAML would read `on:` as true).
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.model import Place

#: Aliases may not blow a small file up to more values than this.
MOST_VALUES = 100_000

#: What is no text, as YAML 1.2 has it. By YAML 1.1 the country NO would be false, and the code 010 the number 8.
_PLAIN = {
    "bool": re.compile("true|True|TRUE|false|False|FALSE"),
    "int": re.compile("[-+]?(0|[1-9][0-9]*)"),
    "float": re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
}

_MERGE = "tag:yaml.org,2002:merge"

#: A name of the file in PyYAML's words: of an anchor, an alias or a tag. A password that begins with &, * or ! is taken
#: for one. Single signs and PyYAML's own names, '<scalar>', say what is wrong.
_NAMED = re.compile(r""" (?:'[^'<][^']+'|"[^"<][^"]+")""")


@dataclass
class Tree:
    """What a YAML text holds. Lines count from 1; `lines` has an entry for each value, by its place."""

    value: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[tuple[int, Place, str]] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest thing around it that is in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_tree(text: str) -> Tree:
    """Reads one YAML document. Never raises: what is wrong stands in `mistakes`."""
    tree = Tree()
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        tree.mistakes += [(line, (), sentence) for line, sentence in loader.refused]
        if node is not None:
            tree.value = _Reader(tree).read(node, ())
    except yaml.reader.ReaderError as error:
        tree.mistakes.append((text.count("\n", 0, error.position) + 1, (), "holds a character that YAML forbids"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"is not YAML: {_NAMED.sub('', error.problem or error.context or '')}"
        tree.mistakes.append((mark.line + 1 if mark else 1, (), problem))
    except RecursionError:
        tree.mistakes.append((1, (), "is nested too deeply"))
    except (ValueError, OverflowError):  # PyYAML lets a wrong \U escape through as such
        tree.mistakes.append((1, (), "is not YAML: it holds a wrong escape sequence"))
    except _TooMuch:
        tree.mistakes.append((1, (), f"expands to more than {MOST_VALUES:,} values: use fewer aliases"))
    return tree


class _TooMuch(Exception):
    pass


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.refused: list[tuple[int, str]] = []

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it out
        if getattr(event, "tag", None) is not None:
            self.refused.append((event.start_mark.line + 1, "tags (words that begin with !) are not allowed"))
        return super().compose_node(parent, index)


class _Reader:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._open: set[int] = set()  # the collections being read: meeting one again means it holds itself
        self._left = MOST_VALUES
        self._scalars = yaml.constructor.SafeConstructor()

    def read(self, node: Node, place: Place) -> object:
        self._left -= 1
        if self._left < 0:
            raise _TooMuch
        self._tree.lines.setdefault(place, _line(node))
        if isinstance(node, ScalarNode):
            return self._scalar(node, place)
        if id(node) in self._open:
            self._mistake(node, place, "is an alias of something that it is part of")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.read(item, (*place, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, place) if isinstance(node, MappingNode) else None
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, object]:
        found: dict[str, object] = {}
        first: dict[str, int] = {}
        merged: dict[str, object] = {}
        for key_node, value_node in sorted(node.value, key=_merge_first):
            if not isinstance(key_node, ScalarNode):
                self._mistake(key_node, place, "has a key that is not text")
                continue
            if key_node.tag == _MERGE:
                merged = self._merged(value_node, place) | merged
                continue
            key = key_node.value
            here = (*place, key)
            if key in first:
                self._mistake(key_node, here, f"is there twice, first on line {first[key]}")
                continue
            first[key] = _line(key_node)
            self._tree.lines[here] = first[key]
            found[key] = self.read(value_node, here)
        return merged | found

    def _merged(self, node: Node, place: Place) -> dict[str, object]:
        """What a merge key (<<) brings in; of several mappings the first one wins, as YAML has it."""
        parts = node.value if isinstance(node, SequenceNode) else [node]
        brought: dict[str, object] = {}
        for part in parts:
            value = self.read(part, place) if isinstance(part, MappingNode) else None
            if isinstance(value, dict):
                brought = value | brought
            else:
                self._mistake(part, place, "has a << that does not bring in a mapping")
        return brought

    def _scalar(self, node: ScalarNode, place: Place) -> object:
        if not node.value.isascii() and any(0xD800 <= ord(letter) <= 0xDFFF for letter in node.value):
            self._mistake(node, place, "holds half a character (a lone surrogate)")
            return None
        kind = node.tag.rpartition(":")[2]
        if kind != "null" and not (kind in _PLAIN and _PLAIN[kind].fullmatch(node.value)):
            return node.value  # a date stays the text that was written
        try:
            construct = getattr(self._scalars, f"construct_yaml_{kind}")
            return construct(node)
        except (ValueError, OverflowError):  # a number with thousands of digits
            return node.value

    def _mistake(self, node: Node, place: Place, sentence: str) -> None:
        self._tree.mistakes.append((_line(node), place, sentence))


def _merge_first(pair: tuple[Node, Node]) -> bool:
    return pair[0].tag != _MERGE


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
