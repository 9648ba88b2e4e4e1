"""Plants a bug: for a moment the loader gives one verb with one piece of its text replaced."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from store import scripts


@contextmanager
def planted(verb: str, right: str, wrong: str) -> Iterator[None]:
    """A RecordQueue made inside uses the altered script. The piece must occur exactly once, else the plant is stale."""
    sound = scripts.source

    def altered(wanted: str) -> str:
        text = sound(wanted)
        if wanted != verb:
            return text
        assert text.count(right) == 1, f"{verb}.lua holds {right!r} {text.count(right)} times; renew this plant"
        return text.replace(right, wrong)

    with mock.patch.object(scripts, "source", altered):
        yield
