"""Files on the SFTP server: which they are, how they are read, what becomes of them."""

import codecs
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, WithJsonSchema, model_validator

from config.model import Model, Number, Place, Text, part, with_relations, written


def _folder(text: str) -> str:
    if ".." in text.split("/") or re.search(r"[\\*?]", text):
        raise ValueError("must be a folder of the server, such as d365_loads/exports, without .., * and backslashes")
    return text.rstrip("/") or "/"


Folder = Annotated[Text, AfterValidator(_folder)]
"""A folder of the SFTP server, without a final slash: from the root if it begins with one, else from the user's."""


def _pattern(text: str) -> str:
    if "/" in text:
        raise ValueError("must be a pattern of file names; the folder has its own key")
    if "[" in re.sub(r"\[!?+\]?+[^\]]*\]", "", text):
        raise ValueError("has a [ that is not closed: [0-9] is one digit, and [[] is the sign itself")
    return text


Pattern = Annotated[Text, AfterValidator(_pattern)]
"""A pattern of file names, as in a shell."""


def _delimiter(text: str) -> str:
    if len(text) != 1 or not (text.isascii() and (text == "\t" or (text.isprintable() and not text.isalnum()))):
        raise ValueError('must be one character that is no letter, digit or line break, such as ";"; a tab is "\\t"')
    return text


Delimiter = Annotated[
    str,
    AfterValidator(_delimiter),
    WithJsonSchema({"type": "string", "pattern": r"^(\t|[!-/:-@\[-`{-~ ])$"}),
]
"""What stands between two columns."""

Quote = Literal['"', "'"]
"""What stands around a text."""

#: Whatever is read as ASCII here is read so everywhere in a text: neither shift sequences nor escapes change it.
_PROBE = bytes(range(93)) + b"n" + bytes(range(93, 128)) + b"\\u0041\\x41+AGE-~{VPND~} \x1b$B0!\x1b(B .xn--mnchen-3ya."


def _encoding(text: str) -> str:
    try:
        found = codecs.lookup(text).name
        plain = _PROBE.decode(found) == _PROBE.decode("ascii")
    except LookupError:
        raise ValueError("is no encoding that is known here; there are utf-8, latin-1, windows-1252, ...") from None
    except ValueError:
        plain = False
    if not plain:
        raise ValueError("must keep ASCII as it is, one byte a letter, as utf-8, latin-1 and windows-1252 do")
    return text


class RemoteFiles(Model):
    """Text files that a workflow of Campaign exports: a line of column names first, then a line for each record. Names
    that end in .gz are unpacked."""

    folder: Folder = Field(default="d365_loads/exports", description="Folder of the server in which the files appear.")
    pattern: Pattern = Field(
        default="*.csv",
        description="Which files of the folder are read: `*` stands for any characters, `?` for one, `[0-9]` for one "
        "of these. Capitals count.",
    )
    order: Literal["name", "time"] = Field(
        default="name",
        description="In which order they are read: by name, which begins alike and ends with date and time; or by the "
        "time of their last change.",
    )
    delimiter: Delimiter = Field(
        default=",", description='What stands between two columns: one character, such as ";" or a tab, "\\t".'
    )
    quote: Quote | None = Field(
        default='"',
        description="What stands around a text in which the delimiter occurs; doubled, it is a part of it. "
        "null: nothing does.",
    )
    encoding: Annotated[Text, AfterValidator(_encoding)] = Field(
        default="utf-8", description="How letters are written: utf-8, latin-1, windows-1252, or another one with ASCII."
    )
    settled_seconds: Number = Field(
        default=60,
        ge=0,
        allow_inf_nan=False,
        description="How many seconds a file's size and time must stay the same before it is taken for whole.",
    )
    afterwards: Literal["keep", "archive", "delete"] = Field(
        default="keep",
        description="What becomes of a file when all that it says is queued: it stays, is moved to `archive_folder`, "
        "or is deleted.",
    )
    archive_folder: Folder | None = Field(
        default=None, description="Where files are moved with `afterwards: archive`; another folder than `folder`."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _parts_agree(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, cls.mistakes)

    @classmethod
    def mistakes(cls, value: object) -> Iterator[tuple[Place, str]]:
        """The parts of a value, as it was written, that do not go together."""
        fields = cls.model_fields
        if part(value, "afterwards") == "archive":
            archive = part(value, "archive_folder")
            folder = written(value, "folder") or fields["folder"].default
            if archive is None:
                yield ("archive_folder",), "is missing: with afterwards: archive it says where the files are moved"
            elif isinstance(archive, str) and archive.rstrip("/") == folder.rstrip("/"):
                yield ("archive_folder",), "must be another folder than the one that the files are read from"
        said = value if isinstance(value, dict) else {}
        delimiter, quote = (
            written(value, name) if name in said or isinstance(value, Model) else fields[name].default
            for name in ("delimiter", "quote")
        )
        if delimiter is not None and delimiter == quote:
            yield ("quote",), "must differ from the delimiter"
