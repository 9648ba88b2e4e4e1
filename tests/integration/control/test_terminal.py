"""What a real terminal gets: colours, unless somebody wants none."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.control.conftest import Run

COMMAND = "from cli.main import main; main()"


def seen(redis_url: str, home: Path, *arguments: str, **more: str) -> str:
    """What a command writes to a terminal, stdout and stderr together."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "--redis-url", redis_url, "--home", str(home), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**{name: value for name, value in os.environ.items() if name != "NO_COLOR"}, "TERM": "xterm", **more},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # so a terminal says that nobody writes any more
            part = b""
        if not part:
            break
        written += part
    process.wait()
    os.close(ours)
    return written.decode()


@pytest.mark.usefixtures("acknowledged")
def test_without_colours_a_terminal_gets_no_escape_codes_at_all(
    run: Run, redis_url: str, tmp_path: Path, file: Path
) -> None:
    # Given a workflow with saved changes that do not run yet: a warning
    run("config", "apply", str(file))
    run("workflow", "start", "ingress")
    file.write_text(file.read_text().replace("firstName", "lastName"))
    # When that is told with colours, then it has them
    told = seen(redis_url, tmp_path, "config", "apply", str(file))
    assert "\x1b[" in told and "runs under an earlier revision" in told
    assert "\x1b[" in seen(redis_url, tmp_path, "workflow", "show", "ingress")
    # When somebody wants none, then there are none, in tables, notes and warnings
    for command in (("config", "apply", str(file)), ("workflow", "show", "ingress"), ("workflow", "stop", "ingress")):
        plain = seen(redis_url, tmp_path, *command, NO_COLOR="1")
        assert "revision" in plain.lower()
        assert "\x1b" not in plain
