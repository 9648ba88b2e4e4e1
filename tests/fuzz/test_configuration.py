"""Configuration files: whatever bytes stand in one, it is read, or all of its mistakes are told with their lines."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.document import Document, dump
from config.load import load, load_file
from config.problems import ConfigProblems
from tests.fuzz.budget import examples
from tests.fuzz.odd_values import mutated

DOCS = sorted((Path(__file__).parents[2] / "docs" / "examples").glob("*.yaml"))
TEXTS = [path.read_text() for path in DOCS]
VALUES: list[Any] = [yaml.safe_load(text) for text in TEXTS]

#: Stands for a secret that somebody writes where a reference belongs, or anywhere else in the connections.
PASTED = "Tr0ub4dor-pasted"


#: Each begins a line, to YAML.
_BREAKS = [sign.encode() for sign in ("\n", "\r", "\x85", "\u2028", "\u2029")]


def lines_of(content: bytes) -> int:
    return sum(content.count(sign) for sign in _BREAKS) + 2


def told(path: Path) -> list[str]:
    """The sentences about a file; none if it is a configuration, which then says the same when it is written down."""
    content = path.read_bytes()
    try:
        document = load_file(path)
    except ConfigProblems as problems:
        assert problems.problems
        for problem in problems.problems:
            assert problem.file == str(path)
            assert 1 <= (problem.line or 0) <= lines_of(content)
            assert problem.sentence and "\n" not in problem.sentence and len(problem.sentence) < 2_000
            assert "Traceback" not in problem.sentence and "pydantic" not in problem.sentence
        return [str(problem) for problem in problems.problems]
    assert isinstance(document, Document)
    assert load(dump(document), "again") == document
    return []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "d365acs.yaml"


_BYTES = st.one_of(st.binary(max_size=60), st.sampled_from([b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"\x85", b"\r"]))


@examples(30)
@given(st.data())
def test_damaged_bytes_are_told_with_their_line(file: Path, data: st.DataObject) -> None:
    # Given an example with bytes replaced, in its own or in another encoding
    content = data.draw(st.sampled_from(TEXTS)).encode(data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(content)))
        content = content[:start] + data.draw(_BYTES) + content[start + data.draw(st.integers(0, 40)) :]
    file.write_bytes(content)
    # Then it is read, or told
    told(file)


@examples(50)
@given(st.data())
def test_whatever_values_stand_in_a_file_its_mistakes_are_told(file: Path, data: st.DataObject) -> None:
    # Given an example with other types, numbers beyond all bounds, keys that are gone and keys that nobody knows
    value = data.draw(mutated(data.draw(st.sampled_from(VALUES))))
    # When it is written down in one of the ways of YAML
    written = yaml.dump(value, allow_unicode=data.draw(st.booleans()), default_flow_style=data.draw(st.booleans()))
    file.write_bytes(written.encode("utf-8", "surrogatepass"))
    # Then it is read, or told
    told(file)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*path, key))
    else:
        yield path


def sentences_with(file: Path, text: str, key: str, value: str) -> str:
    """What is told of an example in which this stands behind a key, wherever that occurs."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.strip().startswith(f"{key}:"):
            lines[number] = f"{line.partition(':')[0]}: {value}"
    file.write_text("\n".join(lines))
    return "\n".join(told(file))


_SIGNS = "*&!%@`|>'\"[{#-?:,\\"


@examples(40)
@given(st.data())
def test_a_secret_that_is_pasted_into_the_connections_is_never_repeated(file: Path, data: st.DataObject) -> None:
    # Given an example in whose connections a password stands in place of a value, with signs that YAML gives a meaning
    text = data.draw(st.sampled_from(TEXTS))
    paths = [path for path in _leaves(yaml.safe_load(text)) if path[0] == "connections"]
    key = next(part for part in reversed(data.draw(st.sampled_from(paths))) if isinstance(part, str))
    before = data.draw(st.sampled_from(["", *_SIGNS, "!!", "- ", "[*", "${env:", "${file:"]))
    after = data.draw(st.sampled_from(["", *_SIGNS, ": x", "! y", f" *{PASTED}", "}", "]"]))
    # Then no sentence holds it
    assert PASTED not in sentences_with(file, text, key, f"{before}{PASTED}{after}")


@pytest.mark.parametrize("value", [f"*{PASTED}", f"!{PASTED}!x", f"&{PASTED} a\n    b: &{PASTED} c", f"!<{PASTED}"])
def test_what_yaml_takes_for_a_name_is_not_repeated_either(file: Path, value: str) -> None:
    # YAML takes a password that begins with one of these signs for the name of an anchor or of a tag
    sentences = sentences_with(file, TEXTS[0], "client_secret", value)
    assert sentences
    assert PASTED not in sentences


_UNITS = [
    "[", "{a: ", "- ", "? ", "&a ", "*a ", "!a ", "--- a\n", "%a\n", "a", "a\n", "a: ", "a:\n", '"\\n', "'", "\t", " ",
    "# a\n", "- a\n", "x: &x [*x]\n", "- {table: a, resource: b}\n", "9", "\u2028", "|\n", "<<: {a: 1}\n", "é",
]  # fmt: skip


@examples(12)
@given(
    st.lists(st.sampled_from(_UNITS), min_size=1, max_size=3).map("".join),
    st.sampled_from(["", "connections: ", "a: |\n "]),
)
def test_whatever_a_file_repeats_its_reading_ends(file: Path, unit: str, begun: str) -> None:
    # Given a piece that is repeated; the time limit of tests ends what takes longer with each repetition
    file.write_text(begun + unit * (10_000 // len(unit)))
    told(file)


#: Eight lines, each nine times the one before: 43 million values, were they all made.
BOMB = "\n".join(["x0: &x0 [y]"] + [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 9)])
MERGED = f"a: &a {{{', '.join(f'k{n}: 1' for n in range(500))}}}\nb:\n  <<: [{', '.join(['*a'] * 20_000)}]\n"


@pytest.mark.parametrize("text", [BOMB, MERGED], ids=["aliases of aliases", "merges"])
def test_the_command_line_says_what_is_wrong_with_a_file_that_blows_up(file: Path, text: str) -> None:
    # Given a process that may use half a gigabyte and half a minute of a processor
    def narrow() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))

    # When it validates a file that would take more, were it all made
    file.write_text(text)
    command = [str(Path(sys.executable).parent / "d365acs"), "config", "validate", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=narrow)
    # Then it says so in a line, and fails
    assert (done.returncode, done.stderr) == (1, "1 mistake found.\n")
    assert done.stdout == f"{file}:1: expands to more than 100,000 values: use fewer aliases\n"
