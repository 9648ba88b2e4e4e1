"""The demonstration, as somebody sees it who has just installed the product."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_demonstration_agrees_spends_one_call_a_record_and_leaves_nothing_behind() -> None:
    # When the demonstration runs with few contacts
    command = [sys.executable, "-c", "from cli.main import main; main()", "demo", "--contacts", "600", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    # Then both systems agree
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["agree"] is True
    assert found["changes"]["contacts"] == found["changes"]["profiles"] == 580
    # And each insert, update and delete took one call
    assert found["first_run"]["campaign_calls"]["POST"] == 600
    assert found["changes"]["campaign_calls"] == {"PATCH": 300, "DELETE": 20}
    # And its folder is gone
    [home] = [line.removeprefix("Logs and data: ") for line in done.stderr.splitlines() if line.startswith("Logs")]
    assert not Path(home).exists()
