"""The demonstration, as somebody sees it who has just installed the product."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_demonstration_carries_tables_a_campaign_and_consent_and_leaves_nothing_behind() -> None:
    # When the demonstration runs with few contacts
    command = [sys.executable, "-c", "from cli.main import main; main()", "demo", "--contacts", "400", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    # Then both systems agree, table by table
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["agree"] is True
    first, then = found["first_run"], found["changes"]
    assert [(one["table"], one["campaign"]) for one in first["tables"]] == [
        ("contact", 400),
        ("new_membership", 80),
        ("new_invoice", 80),
        ("new_invoiceline", 200),
    ]
    assert then["tables"][0]["campaign"] == 380
    # And each insert, update and delete took one call
    assert first["campaign_calls"]["POST"] == first["inserts"] == 760
    calls = then["campaign_calls"]
    assert (calls["POST"], calls["PATCH"], calls["DELETE"]) == (0, then["updates"], then["deletes"])
    # And each event of the campaign, soft bounces aside, is an activity, written in a few requests
    told, again = found["events"], found["again"]
    assert [one["kind"] for one in told["kinds"]] == ["send", "open", "click", "bounce"]
    assert sum(one["journal"] for one in told["kinds"]) == told["delivered"] == 2000
    assert [one["dynamics"] for one in told["kinds"]] == [one["journal"] - one["left_out"] for one in told["kinds"]]
    assert told["kinds"][3]["left_out"] > 0
    assert told["batches"] <= told["created"] / 50
    # And of a thousand events that come again only the late bounces are new
    assert again["delivered"] > 500
    assert again["created"] == again["kinds"][3]["dynamics"] - told["kinds"][3]["dynamics"] == 5
    # And consent is the same in both systems, at first and after people have changed their minds
    flags = [flag for part in ("consent", "minds") for flag in found[part]["flags"]]
    assert [(one["contacts"], one["differing"]) for one in flags] == [(380, 0)] * 4
    assert all(sum(found[part]["written"].values()) > 0 for part in ("consent", "minds"))
    # And of two conflicts the later change in Campaign won the one, and opted out the other, though Dynamics was later
    first, second = (one["decisions"][0] for one in found["conflicts"])
    assert (first["rule"], first["opted_out"], first["written_to"]) == ("campaign-newer", False, "dynamics")
    assert first["campaign_changed"] > first["dynamics_changed"]
    assert (second["rule"], second["opted_out"], second["written_to"]) == ("opted-out-wins", True, "dynamics")
    assert second["dynamics_changed"] > second["campaign_changed"]
    assert first["confirmed"] == second["confirmed"] == "answer"
    # And its folder is gone
    [home] = [line.removeprefix("Logs and data: ") for line in done.stderr.splitlines() if line.startswith("Logs")]
    assert not Path(home).exists()
