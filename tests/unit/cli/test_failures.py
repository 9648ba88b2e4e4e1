"""No traceback reaches an operator, and every failure has its exit code."""

import json
import platform
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import control.configuration
from cli.context import Context
from cli.failures import as_sentence
from cli.main import cli
from connectors.errors import Unavailable


def run(*arguments: str, home: Path, **environment: str) -> Result:
    environment = {"D365ACS_CONTEXTS": str(home / "contexts.yaml"), **environment}
    return CliRunner().invoke(cli, ["--home", str(home), *arguments], env=environment, prog_name="d365acs")


def test_without_a_server_a_command_says_how_to_start_one(tmp_path: Path) -> None:
    # Given a home whose server does not run
    result = run("workflow", "ls", home=tmp_path)
    # Then one sentence says so, with the way out
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"Error: The embedded server of {tmp_path} does not run; start it with: d365acs up "
        "(or name another Redis in D365ACS_REDIS_URL).\n"
    )


def test_a_redis_that_is_down_is_named_without_its_password(tmp_path: Path) -> None:
    # Given an address with a password, at which nobody listens
    result = run("--redis-url", "redis://ann:s3cret@127.0.0.1:1/0", "workflow", "ls", home=tmp_path)
    # Then the sentence names the place and keeps the password to itself
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: Redis does not answer at redis://127.0.0.1:1/0; start it, or correct D365ACS_REDIS_URL.\n"
    )


def test_bad_settings_are_named_by_their_variables(tmp_path: Path) -> None:
    result = run("--instance", "Not A Name", "workflow", "ls", home=tmp_path, D365ACS_BATCH_SIZE="none")
    assert result.exit_code == 1
    assert "Error: D365ACS_INSTANCE must be made of lower-case letters" in result.stderr
    assert "Error: D365ACS_BATCH_SIZE must be a whole number.\n" in result.stderr


def test_a_wrong_option_is_wrong_usage(tmp_path: Path) -> None:
    result = run("workflow", "ls", "--colour", home=tmp_path)
    assert result.exit_code == 2
    assert "No such option" in result.stderr


def test_a_file_that_is_missing_is_a_sentence(tmp_path: Path) -> None:
    result = run("config", "validate", str(tmp_path / "none.yaml"), home=tmp_path)
    assert result.exit_code == 1
    assert result.stdout == f"{tmp_path}/none.yaml: cannot be read: No such file or directory\n"
    assert result.stderr == "1 mistake found.\n"


def test_yaml_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    # Given a file that is not YAML from its second line on
    file = tmp_path / "broken.yaml"
    file.write_text("connections:\n  - [\n")
    # When it is checked, for people and for programs
    people = run("config", "validate", str(file), home=tmp_path)
    programs = run("config", "validate", str(file), "-o", "json", home=tmp_path)
    # Then both learn the place
    assert (people.exit_code, programs.exit_code) == (1, 1)
    assert people.stdout.startswith(f"{file}:")
    assert json.loads(programs.stdout)[0]["file"] == str(file)


def test_what_nobody_foresaw_is_a_sentence_and_a_file_for_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a command that meets an error nobody foresaw
    def fail(path: Any) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(control.configuration, "validate", fail)
    # When it is called
    result = run("config", "validate", "any.yaml", home=tmp_path)
    # Then the operator reads one sentence, no trace
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    [trace] = (tmp_path / "errors").iterdir()
    assert result.stderr == (
        f"Error: Something unforeseen happened (KeyError); please report it with the trace in {trace}\n"
    )
    # And the trace stands in a file that only its owner can read
    assert "surprise" in trace.read_text()
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600


def test_one_variable_for_the_output_serves_commands_with_other_formats_too(tmp_path: Path) -> None:
    # Given a variable with a format that `config validate` knows and `config diff` does not
    result = run("config", "diff", "any.yaml", home=tmp_path, D365ACS_OUTPUT="table")
    # Then it is no wrong usage: the command goes on to its own errors
    assert result.exit_code == 1
    # And a format that no command knows is one
    assert run("config", "diff", "any.yaml", home=tmp_path, D365ACS_OUTPUT="csv").exit_code == 2


def test_the_version_is_printed_alone(tmp_path: Path) -> None:
    result = run("version", home=tmp_path)
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)


def test_who_asks_once_is_not_promised_that_it_will_be_tried_again() -> None:
    # Given trouble as a connector words it for workers, who try again by themselves
    error = Unavailable("campaign", "GET /profile: Campaign is in trouble (503); it will be tried again")
    # Then a command says what its reader can do
    assert as_sentence(error, Context()) == "GET /profile: Campaign is in trouble (503); try again later"


def test_programs_are_told_the_version_with_that_of_python(tmp_path: Path) -> None:
    told = json.loads(run("version", "-o", "json", home=tmp_path).stdout)
    assert told == {"version": run("version", home=tmp_path).stdout.strip(), "python": platform.python_version()}
