"""d365acs context: which instance is operated where nothing else says so."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from cli.main import cli
from config.settings import Settings
from tests.integration.control.conftest import Run


def test_a_context_is_made_used_changed_and_forgotten(run: Run) -> None:
    # When two are made
    first = run("context", "set", "stage", "--instance", "stage")
    run("context", "set", "live", "--instance", "production", "--redis-url", "${env:LIVE_REDIS}")
    # Then the first is in use at once
    assert first.stderr.endswith("and in use.\n")
    assert run("context", "ls").stdout.splitlines() == [
        "   CONTEXT  INSTANCE    HOME  REDIS",
        "   live     production  -     ${env:LIVE_REDIS}",
        "*  stage    stage       -     -",
    ]
    # When the other is used, and one thing of it changed
    assert run("context", "use", "live").stderr == "live is in use.\n"
    run("context", "set", "live", "--home", "/srv/d365acs")
    # Then the rest of it stays
    assert json.loads(run("context", "ls", "-o", "json").stdout)[0] == {
        "name": "live",
        "in_use": True,
        "instance": "production",
        "home": "/srv/d365acs",
        "redis_url": "${env:LIVE_REDIS}",
    }
    # And what is forgotten is in use no more
    assert run("context", "rm", "live").stderr == "live is forgotten. No context is in use now.\n"
    assert run("context", "use", "live").stderr == (
        "Error: There is no context named live; those that there are: stage.\n"
    )


def test_what_a_context_may_not_hold_is_told_and_not_saved(run: Run, tmp_path: Path) -> None:
    result = run("context", "set", "stage", "--redis-url", "redis://:s3cret@host")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: --redis-url must not hold a password")
    assert "s3cret" not in result.output
    assert not (tmp_path / "contexts.yaml").exists()


def test_an_option_counts_more_than_a_variable_and_that_more_than_the_context(
    redis_url: str, tmp_path: Path, settings: Settings, run: Run, file: Path
) -> None:
    # Given a context for the instance stage, with a configuration there
    run("context", "set", "here", "--instance", "stage", "--redis-url", redis_url, "--home", str(tmp_path))

    def bare(*arguments: str, **more: str) -> Result:
        environment = {"D365ACS_CONTEXTS": str(tmp_path / "contexts.yaml"), "D365ACS_ACTOR": "ann", **more}
        return CliRunner().invoke(cli, arguments, env=environment, prog_name="d365acs")

    # Then a command without options goes there
    assert bare("config", "apply", str(file)).exit_code == 0
    assert "instance stage" in bare("workflow", "show", "ingress").stdout
    # And a variable, or an option over it, goes elsewhere
    assert "instance dev" in bare("workflow", "show", "ingress", D365ACS_INSTANCE="dev").stdout
    shown = bare("--instance", "test", "workflow", "show", "ingress", D365ACS_INSTANCE="dev").stdout
    assert "instance test" in shown


def test_a_file_of_contexts_with_a_mistake_is_named_with_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "contexts.yaml").write_text("current: stage\ncontexts: {}\n")
    result = run("workflow", "ls")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path}/contexts.yaml:1: current: there is no context named stage")
