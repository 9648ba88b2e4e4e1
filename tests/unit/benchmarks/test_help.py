"""Who asks how benchmarks are run is told which there are."""

from click.testing import CliRunner

from benchmarks.__main__ import BENCHMARKS, main


def test_the_help_names_every_benchmark() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    _, _, names = shown.output.partition("Names: ")
    assert "".join(names.split()).rstrip(".").split(",") == list(BENCHMARKS)
