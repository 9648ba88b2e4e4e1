"""Benchmarks take an hour together: what one has measured is kept, whatever becomes of the next one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks.harness import Figure

FIGURE = Figure("put", "records/s", 2.0, 1.0, 2.0, 2.0, 2.0, 0.4)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    return tmp_path


def benchmark(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException | None = None) -> None:
    """It measures one figure, or breaks."""

    def run(rounds: int) -> list[Figure]:
        if error is not None:
            raise error
        return [FIGURE]

    monkeypatch.setitem(command.BENCHMARKS, name, run)


def test_one_that_breaks_is_named_and_the_others_are_kept(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given three benchmarks, of which the second one breaks
    benchmark(monkeypatch, "queue")
    benchmark(monkeypatch, "memory", RuntimeError("The worker process\nleft records behind."))
    benchmark(monkeypatch, "backlog")

    # When they are run
    ran = CliRunner().invoke(command.main, ["queue", "memory", "backlog", "--save", "all"])

    # Then a sentence says what broke, and the figures of the others are printed
    assert ran.exit_code == 1
    assert "memory broke: RuntimeError: The worker process left records behind.\n" in ran.stderr
    assert ran.stdout.count("put (records/s)") == 2
    # And the files hold them, and name the one that is missing
    for name in ("latest", "all"):
        kept = json.loads((results / f"{name}.json").read_text())
        assert list(kept["benchmarks"]) == ["queue", "backlog"]
        assert kept["failed"] == {"memory": "RuntimeError: The worker process left records behind."}


def test_what_was_measured_is_there_when_somebody_ends_the_run(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a run that is ended by Ctrl-C in its second benchmark
    benchmark(monkeypatch, "queue")
    benchmark(monkeypatch, "memory", KeyboardInterrupt())

    # When it has ended
    ran = CliRunner().invoke(command.main, ["queue", "memory"])

    # Then the first one's figures are kept
    assert ran.exit_code == 1
    kept = json.loads((results / "latest.json").read_text())
    assert [line["name"] for line in kept["benchmarks"]["queue"]] == ["put"]
    assert kept["failed"] == {}


def test_nothing_breaks(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given benchmarks that all end well, one of them without a figure
    benchmark(monkeypatch, "queue")
    monkeypatch.setitem(command.BENCHMARKS, "peers", lambda rounds: [])

    # When they are run
    ran = CliRunner().invoke(command.main, ["queue", "peers", "-o", "json"])

    # Then the exit code says so, and what is printed is what is kept
    assert ran.exit_code == 0
    assert json.loads(ran.stdout) == json.loads((results / "latest.json").read_text())
    assert json.loads(ran.stdout)["benchmarks"]["peers"] == []
