"""What is wrong with a configuration file: places and sentences, all of them at once."""

from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake, with the place where it stands."""

    file: str
    """Empty: it stands in no file."""
    line: int | None
    """Counted from 1; None: at no line of it."""
    path: str
    """The keys that lead there, such as ingress.tables.0.fields.3.to; empty for the file as a whole."""
    sentence: str

    def __str__(self) -> str:
        file = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (file, self.path, self.sentence) if part)


class ConfigProblems(Exception):
    """A configuration cannot be used; `problems` are in the order of the file, at least one."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        super().__init__("\n".join(str(problem) for problem in self.problems))
