"""What every command works with: the settings, with the global options over them, and the store they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from config.settings import Settings
    from store.store import Store


@dataclass
class Context:
    """The global options; what they lead to is made when a command first asks, so that help stays quick."""

    instance: str | None = None
    home: Path | None = None
    redis_url: str | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The options that were given, by the names of the settings they stand for."""
        options = {"instance": self.instance, "home": self.home, "redis_url": self.redis_url}
        return {name: value for name, value in options.items() if value is not None}

    @cached_property
    def settings(self) -> Settings:
        """Options over environment over the current context. Raises BadSettings, ConfigProblems, SecretMissing."""
        from config.contexts import contexts_file, read_contexts
        from config.settings import Settings

        in_use = read_contexts(contexts_file()).in_use
        return Settings.read(in_use.settings() if in_use else None, **self.given)

    @cached_property
    def store(self) -> Store:
        """Raises as `settings` does, and RedisSilent."""
        from control.opening import open_store

        return self._closed_at_the_end(open_store(self.settings))

    @cached_property
    def unsealed(self) -> Store:
        """The store with the keys for what is sealed in it. Raises as `store` does."""
        from control.opening import open_store, seal_of

        return self._closed_at_the_end(open_store(self.settings, seal_of(self.settings)))

    def _closed_at_the_end(self, store: Store) -> Store:
        click.get_current_context().find_root().call_on_close(store.redis.close)
        return store


pass_context = click.make_pass_decorator(Context)
