"""Celery imports the application: what an operator mistyped must be a sentence there too."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_a_bad_variable_ends_a_process_with_its_name_and_no_traceback(role: str) -> None:
    # Given a variable that cannot be used
    environment = {**os.environ, "D365ACS_TICK_SECONDS": "often"}
    # When a process starts
    celery = [sys.executable, "-m", "celery", "-A", "workers.app", role]
    ended = subprocess.run(celery, env=environment, capture_output=True, text=True, timeout=60)
    # Then it ends, and says which
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "D365ACS_TICK_SECONDS must be a number.\n"
