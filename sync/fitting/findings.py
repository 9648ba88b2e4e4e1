"""What is found when a mapping is held against the live schemas: where, and in one sentence."""

from typing import NamedTuple

from config.model import Place


class Finding(NamedTuple):
    place: Place
    """Where in the mapping: ("fields", 2, "to"), ("key", "field"), ("filter", "all", 0, "value"), ..."""
    sentence: str
    """Names table and resource itself, so that it can stand alone."""


class Findings(NamedTuple):
    errors: tuple[Finding, ...]
    """The mapping cannot run: a start refuses it."""
    warnings: tuple[Finding, ...]
    """It runs, and somebody may regret it: records that would be refused, guardrails."""


class Misfitting(ValueError):
    """Mappings do not fit the schemas; `sentences` say where, and the way out."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences
