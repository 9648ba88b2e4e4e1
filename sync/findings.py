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
