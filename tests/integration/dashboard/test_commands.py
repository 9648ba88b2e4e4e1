"""d365acs dashboard user, d365acs dashboard link: what an operator reads, word for word."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from dashboard.users import fits, read_users

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def invoke(*arguments: str, answer: str = "", **more: str) -> Result:
        environment = {"D365ACS_HOME": str(tmp_path), "D365ACS_CONTEXTS": str(tmp_path / "contexts.yaml"), **more}
        return CliRunner().invoke(cli, ["dashboard", *arguments], input=answer, env=environment, prog_name="d365acs")

    return invoke


def test_users_are_added_changed_and_taken_out(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "dashboard.users"
    # Given nobody, When the first user is added
    first = run("user", "olivia", "--role", "operate", answer="correct horse\n")
    # Then it is said where, and what a running dashboard needs
    assert (first.exit_code, first.stdout) == (0, "")
    assert first.stderr == (
        f"olivia is added, and may operate; {file} has it.\n"
        "A dashboard that runs with this file asks everybody to log in from now on.\n"
    )
    assert fits("correct horse", read_users(file)["olivia"].hash) and "horse" not in file.read_text()
    # When another one comes who logs in elsewhere, and the first may only look from now on
    assert run("user", "vera@contoso.test", "--no-password").stderr == (
        f"vera@contoso.test is added, and may view; {file} has it.\n"
    )
    assert run("user", "olivia", "--no-password").stderr == f"olivia is changed, and may view; {file} has it.\n"
    assert fits("correct horse", read_users(file)["olivia"].hash)
    # When she is taken out, twice
    assert run("user", "olivia", "--remove").stderr == f"olivia is taken out of {file}.\n"
    again = run("user", "olivia", "--remove")
    assert (again.exit_code, again.stderr) == (1, f"Error: There is no user olivia in {file}.\n")


def test_a_password_is_asked_for_and_never_an_argument(run: Run) -> None:
    done = run("user", "olivia")
    assert done.exit_code == 2
    assert "Error: There is no password; write it to stdin, or say --no-password.\n" in done.stderr
    assert run("user", "olivia", "--password", "secret").exit_code == 2


def test_the_link_holds_the_key_of_the_home_folder_and_stays_the_same(run: Run, tmp_path: Path) -> None:
    # When the link is asked for, before any dashboard has run
    first = run("link")
    # Then there is a key, its owner's alone
    key = tmp_path / "dashboard.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert first.stdout == f"http://127.0.0.1:5555/workflows/enter?key={key.read_text()}\n"
    # And it is the same wherever the dashboard listens
    assert run("link", D365ACS_DASHBOARD_PORT="6000").stdout == first.stdout.replace("5555", "6000")
    assert run("link", "--address", "::1", "--url-prefix", "/mon/").stdout == (
        f"http://[::1]:5555/mon/workflows/enter?key={key.read_text()}\n"
    )


def test_an_option_of_flower_means_nothing_to_the_other_commands(run: Run) -> None:
    done = run("--max_tasks=5", "link")
    assert done.exit_code == 2 and "There is no option --max_tasks=5 here." in done.stderr
