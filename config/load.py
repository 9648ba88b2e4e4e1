"""Reads configuration files: every mistake at once, each as `file:line: path: sentence`."""

import difflib
import types
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from config.document import Document
from config.model import Place
from config.problems import ConfigProblems, Problem
from config.sentences import in_plain_words
from config.yaml_lines import Tree, read_tree

#: A larger file is not a configuration; bytes.
LARGEST_FILE = 1_000_000

M = TypeVar("M", bound=BaseModel)

_NO_CONFIGURATION = "holds no configuration: it begins with the key connections"


def load_file(path: Path) -> Document:
    """Reads a configuration file; raises ConfigProblems, also when the file cannot be read."""
    return read_file(path, Document, _NO_CONFIGURATION)


def load(text: str, filename: str) -> Document:
    """Reads the text of a configuration file; raises ConfigProblems with all mistakes, and nothing else."""
    return read_text(text, filename, Document, _NO_CONFIGURATION)


def read_file(path: Path, model: type[M], nothing: str) -> M:
    """Reads a YAML file that holds one `model`; `nothing` says what is wrong with a file that holds no keys at all.

    Raises ConfigProblems, also when the file cannot be read.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigProblems([Problem(name, None, "", f"cannot be read: {error.strerror}")]) from None
    if len(content) > LARGEST_FILE:
        raise _too_large(name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigProblems([Problem(name, line, "", "is not UTF-8 text")]) from None
    return read_text(text, name, model, nothing)


def read_text(text: str, filename: str, model: type[M], nothing: str) -> M:
    """`read_file` for a text; raises ConfigProblems with all mistakes, and nothing else."""
    if len(text) > LARGEST_FILE or len(text.encode(errors="replace")) > LARGEST_FILE:
        raise _too_large(filename)
    tree = read_tree(text)
    problems = [Problem(filename, line, _path(place), words) for line, place, words in tree.mistakes]
    found = None
    if isinstance(tree.value, dict):
        try:
            found = model.model_validate(tree.value, by_alias=True, by_name=False)
        except ValidationError as invalid:
            problems += [_problem(filename, tree, model, error) for error in invalid.errors(include_url=False)]
    elif not problems:
        problems = [Problem(filename, 1, "", nothing)]
    if found is None or problems:
        raise ConfigProblems(problems)
    return found


def _too_large(filename: str) -> ConfigProblems:
    words = f"is larger than {LARGEST_FILE:,} bytes, which no configuration needs"
    return ConfigProblems([Problem(filename, 1, "", words)])


def _problem(filename: str, tree: Tree, model: type[BaseModel], error: Any) -> Problem:
    place: Place = error["loc"]
    words = _unknown_key(model, place) if error["type"] == "extra_forbidden" else in_plain_words(error)
    return Problem(filename, tree.line(place), _path(place), words)


def _path(place: Place) -> str:
    return ".".join(str(part) for part in place if part != "[key]")  # pydantic's mark for a key that is wrong itself


def _unknown_key(model: type[BaseModel], place: Place) -> str:
    known = _keys_at(model, place[:-1])
    near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
    if near:
        return f"is not a known key; did you mean {near[0]}?"
    return f"is not a known key; here belong {', '.join(known)}"


def _keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that may stand in the group at this place of the model."""
    for part in place:
        fields = {_key(name, field): field for name, field in model.model_fields.items()}
        if isinstance(part, str) and part in fields:
            model = _model_in(fields[part].annotation) or model
    return [_key(name, field) for name, field in model.model_fields.items()]


def _key(name: str, field: FieldInfo) -> str:
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds: itself, or an item of a list or a group, or unless it is null."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Annotated, dict, tuple, Union, types.UnionType}:
        return next((found for item in get_args(annotation) if (found := _model_in(item))), None)
    return None
