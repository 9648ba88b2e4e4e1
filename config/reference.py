"""Writes docs/configuration.md and docs/d365acs.schema.json from the models: python -m config.reference

With --check it only says whether both are fresh.
"""

import json
import re
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config import reference_texts as texts
from config.addresses import Host, Url
from config.comparisons import KINDS, RULES
from config.event_fields import EventPath
from config.filters import Scalar
from config.json_schema import describe
from config.model import Model, Number, Text, Whole, YesNo, whole
from config.names import CampaignName, CampaignPath, LogicalName
from config.remote_files import Folder
from config.secrets import SecretRef
from config.settings import PREFIX, Settings

DOCS = Path(__file__).resolve().parent.parent / "docs"

#: What people call the types of the models.
_WORDS: tuple[tuple[object, str], ...] = (
    (LogicalName, "logical name"),
    (CampaignName, "name in Campaign"),
    (CampaignPath, "field in Campaign"),
    (SecretRef, "reference to a secret"),
    (Url, "address"),
    (Host, "name of a host"),
    (Folder, "folder"),
    (EventPath, "path in the event"),
    (YesNo, "true or false"),
    (Whole, "whole number"),
    (Number, "number"),
    (Scalar, "value"),
    (Text, "text"),
    (str, "text"),
    (int, "whole number"),
    (float, "number"),
    (Path, "path"),
)


def schema() -> str:
    """The JSON Schema of configuration files, as text."""
    return json.dumps(describe(), indent=2, ensure_ascii=False) + "\n"


def page() -> str:
    """docs/configuration.md, in Markdown."""
    parts = [texts.INTRODUCTION]
    for model in texts.TITLES:
        parts += _section(model)
        if model.__name__ == "Condition":
            parts += ["## Comparisons", texts.COMPARISONS, _table(_comparisons()), _table(_kinds())]
    parts += ["## Environment variables", texts.ENVIRONMENT, _table(_variables())]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _section(model: type[Model]) -> Iterator[str]:
    yield f"## {texts.TITLES[model]}"
    yield " ".join((model.__doc__ or "").split())
    if model in texts.EXAMPLES:
        yield f"```yaml\n{texts.EXAMPLES[model]}```"
    yield _table(_keys(model))
    if model in texts.NOTES:
        yield texts.NOTES[model]


def _keys(model: type[Model]) -> Iterator[tuple[str, ...]]:
    yield "key", "type", "default", "meaning"
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        words = _sentence(field)
        yield f"`{field.serialization_alias or name}`", _type(hints[name]), _default(field), words


def _comparisons() -> Iterator[tuple[str, ...]]:
    yield "`is`", "`value`", "holds when the column", "for columns of"
    for name, rule in RULES.items():
        kinds = "any kind" if set(rule.serves) == set(KINDS) else ", ".join(rule.serves)
        if set(rule.serves) == set(KINDS) - {"choices"}:
            kinds = "any kind but choices"
        yield f"`{name}`", rule.shape.value, rule.words, kinds


def _kinds() -> Iterator[tuple[str, ...]]:
    yield "kind of column", "types in Dynamics"
    for kind, found in KINDS.items():
        yield kind, ", ".join(found) + (", and all that are not listed here" if kind == "text" else "")


def _variables() -> Iterator[tuple[str, ...]]:
    yield "variable", "type", "default", "meaning"
    hints = get_type_hints(Settings, include_extras=True)
    for name, field in Settings.model_fields.items():
        words = "list of texts" if "keys" in name and "file" not in name else _type(hints[name])
        yield f"`{PREFIX}{name.upper()}`", words, _default(field), _sentence(field)


def _type(hint: Any) -> str:
    hint = _without_field(hint)
    for known, words in _WORDS:
        if hint == known:
            return words
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(inside[0])
    if origin in (Union, types.UnionType):
        kinds = dict.fromkeys(_type(one) for one in inside if one is not types.NoneType)
        return " or ".join(kinds)
    if origin is Literal:
        return _choices(inside)
    if origin is tuple:
        return f"list of {_several(inside[0])}"
    if origin is dict:
        return f"group, `name: {_type(inside[1])}`" if not _is_model(inside[1]) else f"group of {_several(inside[1])}"
    return _linked(hint)


def _without_field(hint: Any) -> Any:
    """The type alone, where its description stands beside it."""
    if get_origin(hint) is not Annotated:
        return hint
    inside, *said = get_args(hint)
    rest = [one for one in said if not isinstance(one, FieldInfo)]
    return Annotated[(inside, *rest)] if rest else inside


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Model)


def _several(hint: Any) -> str:
    return _linked(hint, "s") if _is_model(hint) else f"{_type(hint)}s"


def _linked(model: type[Model], ending: str = "") -> str:
    """The name of a model, leading to its section; Markdown makes the anchor out of the heading's letters."""
    title = texts.TITLES[model]
    anchor = re.sub(r"[^a-z_-]", "", title.lower().replace(" ", "-"))
    return f"[{title.removeprefix('A ').removesuffix(ending)}{ending}](#{anchor})"


def _choices(names: tuple[str, ...]) -> str:
    if set(names) == set(RULES):
        return "[comparison](#comparisons)"
    return " or ".join(f"`{name}`" for name in names)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is PydanticUndefined or value is None or value in ((), {}) or isinstance(value, Model):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return " ".join(f"`{one}`" for one in value)
    if isinstance(value, str) and not value.isprintable():
        return f"`{json.dumps(value)}`"  # a tab, as YAML has it, too
    return f"`{whole(value)}`"


def _sentence(field: FieldInfo) -> str:
    """The description, with the bounds of a number."""
    bounds = {
        name: whole(getattr(rule, name))
        for rule in field.metadata
        for name in ("ge", "gt", "le")
        if hasattr(rule, name)
    }
    words = {"ge": "At least", "gt": "More than", "le": "At most"}
    said = ", ".join(f"{words[name]} {bound:,}" for name, bound in bounds.items())
    return f"{field.description} {said.capitalize()}." if said else field.description or ""


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "&#124;").replace("<", "&lt;")


def files() -> Mapping[Path, str]:
    """What is generated: each file with what it should hold."""
    return {DOCS / "configuration.md": page(), DOCS / "d365acs.schema.json": schema()}


def main(arguments: list[str]) -> None:
    """Writes both files; with --check exits with a sentence if one is another."""
    for path, content in files().items():
        if "--check" not in arguments:
            path.write_text(content)
        elif not path.exists() or path.read_text() != content:
            sys.exit(f"docs/{path.name} is not fresh; run: python -m config.reference")


if __name__ == "__main__":
    main(sys.argv[1:])
