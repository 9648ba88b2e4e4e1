"""Celery imports the application: what an operator mistyped must be a sentence there too."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("role", "name", "value", "sentence"),
    [
        ("worker", "TICK_SECONDS", "often", "must be a number."),
        ("beat", "TICK_SECONDS", "often", "must be a number."),
        ("worker", "PAYLOAD_KEYS_FILE", "/nowhere/keys", "cannot be read: No such file or directory."),
    ],
)
def test_a_bad_variable_ends_a_process_with_its_name_and_no_traceback(
    role: str, name: str, value: str, sentence: str
) -> None:
    # Given a variable that cannot be used
    environment = {**os.environ, f"D365ACS_{name}": value, "PYTHONWARNINGS": "ignore"}  # who runs as root is warned
    # When a process starts
    celery = [sys.executable, "-m", "celery", "-A", "workers.app", role]
    ended = subprocess.run(celery, env=environment, capture_output=True, text=True, timeout=60)
    # Then it ends, and says which
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"D365ACS_{name} {sentence}\n"
