"""The contents of files that were read, to tell quickly whether one is among them, however many there are."""

from collections.abc import Mapping

from store.files import Content, ReadFile


class Contents:
    """By their length, which is known of a file before it is opened."""

    def __init__(self, read: Mapping[str, ReadFile]) -> None:
        """`read`: what is remembered of each file, by name."""
        self._names: dict[int, dict[Content, str]] = {}
        for name, known in read.items():
            self.add(name, known.content)

    def add(self, name: str, content: Content | None) -> None:
        if content is not None:
            self._names.setdefault(content.length, {}).setdefault(content, name)

    def name(self, content: Content) -> str:
        """The name of a file with this content; empty if there is none."""
        return self._names.get(content.length, {}).get(content, "")

    def has_length(self, length: int) -> bool:
        return length in self._names

    def beginnings(self, length: int) -> set[str]:
        """The `Content.beginning` of contents of this length."""
        return {content.beginning for content in self._names.get(length, {})}
