"""Contexts: which instance, home folder and Redis the command line uses when nothing else says so.

One file per person, ~/.config/d365acs/contexts.yaml, so that stage and production need not be named with every
command. Worker processes do not read it: what they do must not hang on who starts them.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, model_validator

from config.document import dump
from config.load import read_file
from config.model import Model, Place, Text, part, with_relations, written
from config.problems import ConfigProblems, Problem
from config.secrets import is_reference, resolve
from config.settings import PREFIX, environment_variable, instance_name, redis_address

_NO_CONTEXTS = "holds no contexts: it has the keys current and contexts"


class UnknownContext(Exception):
    """There is no context of this name; the sentence lists those that there are."""


def _redis_url(text: str) -> str:
    if is_reference(text):
        return text
    if "password=" in text.partition("?")[2] or urlsplit(redis_address(text)).password is not None:
        raise ValueError(
            "must not hold a password: refer to the whole address by ${env:NAME} or ${file:/absolute/path}"
        )
    return text


def _folder(text: str) -> str:
    if not text.startswith(("/", "~")):
        raise ValueError("must be an absolute path, or begin with ~")
    return text


class Context(Model):
    """One place to operate: what is left out is as the environment or the defaults say."""

    instance: Annotated[Text, AfterValidator(instance_name)] | None = Field(
        default=None, description="Which instance is operated."
    )
    home: Annotated[Text, AfterValidator(_folder)] | None = Field(
        default=None, description="Folder for everything that is kept on this machine."
    )
    redis_url: Annotated[Text, AfterValidator(_redis_url)] | None = Field(
        default=None,
        description="Redis or Valkey to use: an address without a password, or a reference to one with it, "
        "${env:NAME} or ${file:/path}.",
    )

    def settings(self) -> dict[str, object]:
        """What `Settings.read` takes as `context`. Raises SecretMissing for a reference that cannot be read."""
        given: dict[str, object] = {"instance": self.instance, "home": self.home}
        if self.redis_url is not None:
            given["redis_url"] = resolve(self.redis_url) if is_reference(self.redis_url) else self.redis_url
        return {name: value for name, value in given.items() if value is not None}


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", text):
        raise ValueError("must be named with letters, digits, dots, hyphens and underscores, 63 at most")
    return text


ContextName = Annotated[Text, AfterValidator(_name)]


class Contexts(Model):
    """All contexts of one person, and the one in use."""

    current: ContextName | None = Field(default=None, description="The context in use; without one there is none.")
    contexts: dict[ContextName, Context] = Field(default={}, description="The contexts by name.")

    @model_validator(mode="wrap")
    @classmethod
    def _current_is_there(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _mistakes)

    @property
    def in_use(self) -> Context | None:
        """The current context."""
        return None if self.current is None else self.contexts[self.current]

    def using(self, name: str) -> Self:
        """The same with another current context. Raises UnknownContext."""
        self._check(name)
        return self.model_copy(update={"current": name})

    def having(self, name: str, context: Context) -> Self:
        """The same with this context, new or in place of the one of this name.

        Raises pydantic's ValidationError for a name that no context may have.
        """
        contexts = {**self.contexts, name: context}
        return type(self)(current=self.current, contexts=contexts)

    def without(self, name: str) -> Self:
        """The same without this context; if it was the current one, there is none then. Raises UnknownContext."""
        self._check(name)
        contexts = {other: context for other, context in self.contexts.items() if other != name}
        return type(self)(current=None if self.current == name else self.current, contexts=contexts)

    def _check(self, name: str) -> None:
        if name not in self.contexts:
            raise UnknownContext(f"There is no context named {name}; {_listed(self.contexts)}.")


def _mistakes(value: object) -> Iterator[tuple[Place, str]]:
    current, contexts = written(value, "current"), part(value, "contexts")
    known = contexts if isinstance(contexts, dict) else {}
    if current is not None and current not in known:
        yield ("current",), f"there is no context named {current}; {_listed(known)}"


def _listed(names: Iterable[str]) -> str:
    listed = ", ".join(sorted(names))
    return f"those that there are: {listed}" if listed else "there is none yet"


def contexts_file() -> Path:
    """Where the contexts are kept: D365ACS_CONTEXTS, else below XDG_CONFIG_HOME, else below ~/.config."""
    if chosen := environment_variable(f"{PREFIX}CONTEXTS"):
        return Path(chosen).expanduser().absolute()
    config = Path(environment_variable("XDG_CONFIG_HOME") or "")
    # The XDG Base Directory Specification: a relative path is to be ignored.
    below = config if config.is_absolute() else Path("~/.config").expanduser()
    return below / "d365acs" / "contexts.yaml"


def read_contexts(file: Path) -> Contexts:
    """The contexts of this file; none if it is not there. Raises ConfigProblems with every mistake and its line."""
    try:
        file.stat()
    except FileNotFoundError:
        return Contexts()
    except OSError:
        pass  # reading says the same, as a sentence
    return read_file(file, Contexts, _NO_CONTEXTS)


def write_contexts(file: Path, contexts: Contexts) -> None:
    """Replaces the file in one step, readable by its owner alone. Comments in it are lost. Raises ConfigProblems."""
    target = file.resolve()  # what a link leads to is replaced, not the link
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".contexts-")  # 0600 by itself
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as draft:
                draft.write(dump(contexts))
                draft.flush()
                os.fsync(draft.fileno())
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise ConfigProblems([Problem(str(file), None, "", f"cannot be written: {error.strerror}")]) from None
