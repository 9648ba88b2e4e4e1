"""The example of every feature runs as it stands, and does what its comments say."""

from collections.abc import Iterator

import pytest
import yaml

from store.lifecycle import State
from tests.end_to_end.conftest import OpenStage, stages
from tests.end_to_end.stage import Stage
from tests.end_to_end.truth import Row
from tests.sandboxes import ROOT, Sandbox

FILE = ROOT / "docs/examples/every-feature.yaml"
ROWS = ("--contacts", "60", "--memberships", "80", "--invoices", "120", "--invoice-lines", "200")
EVENTS = ("--campaign-events", "200", "--campaign-into", "files")


@pytest.fixture
def open_example(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStage]:
    """The sandbox that the file's comment starts, smaller."""
    assert "sandbox up --port-base 9000 --contacts 100" in FILE.read_text(), "the file says how it is run"
    sandbox = Sandbox(*ROWS, *EVENTS)
    try:
        with stages(sandbox, monkeypatch, Stage) as open_one:
            for system in ("dynamics", "campaign"):
                monkeypatch.setenv(f"{system.upper()}_CLIENT_SECRET", sandbox.info[system]["client_secret"])
            monkeypatch.setenv("SFTP_PRIVATE_KEY", sandbox.info["sftp"]["private_key"])
            yield open_one
    finally:
        sandbox.close()


def is_customer(row: Row) -> bool:
    """Of the contacts' filter."""
    address = row.get("emailaddress1") or ""
    return bool(address) and not address.lower().endswith("@example.invalid")


def is_worth_a_line(row: Row) -> bool:
    """Of the lines' filter."""
    note, price = row.get("new_note") or "", row.get("new_price")
    cheap = price is not None and 0.01 <= price <= 9999.99
    return (row.get("new_quantity") or 0) > 0 or cheap or "gift" in note.lower() or not note


def test_the_example_of_every_feature_does_what_it_says(open_example: OpenStage) -> None:
    # Given the example, whose ports are the only thing that differs here
    stage = open_example()
    text = FILE.read_text()
    info = stage.sandbox.info
    for port, (system, name) in enumerate(
        (("dynamics", "url"), ("dynamics", "token_url"), ("campaign", "url"), ("campaign", "token_url")), 9000
    ):
        here = info[system][name].split("/")[2]
        assert f"127.0.0.1:{port}/" in text or f"127.0.0.1:{port} " in text
        text = text.replace(f"127.0.0.1:{port}", here)
    assert "port: 9006 " in text
    text = text.replace("port: 9006 ", f"port: {info['sftp']['port']} ")
    path = stage.home / "every-feature.yaml"
    path.write_text(text)

    # And contacts that its filter keeps away: one without an address, one with a made-up one
    nobody, made_up, *_ = stage.rows("contact")
    stage.admin.patch(f"/dynamics/contacts/{nobody}", {"emailaddress1": None})
    stage.admin.patch(f"/dynamics/contacts/{made_up}", {"emailaddress1": "x@Example.Invalid"})
    # And lines that all of their conditions refuse
    some, other, *_ = stage.rows("new_invoiceline")
    refused = {"new_quantity": 0, "new_price": 0, "new_note": "Nothing in it."}
    stage.admin.patch(f"/dynamics/tables/new_invoiceline/{some}", refused)

    # When it is checked against both systems, saved and started, as a person would
    stage.d365acs("config", "validate", str(path), "--live")
    stage.d365acs("config", "apply", str(path))
    stage.run("worker", "beat")
    stage.part = yaml.safe_load(text)["ingress"]
    tables = stage.part["tables"]
    stage.travels = {"contact": is_customer, "new_invoiceline": is_worth_a_line}
    stage.d365acs("workflow", "start", "ingress", "--accept-privacy", "--wait")
    assert stage.life.state is State.RUNNING

    # Then all that travels is there; what hangs on the two waits, visibly, and some of it does
    stage.wait_until_settled(but_for_parked=True)
    missing = sum(len(stage.rows(mapping["table"])) - len(stage.records(mapping["resource"])) for mapping in tables)
    assert stage.shown()["parked"] == missing - len((nobody, made_up, some)) > 0
    jobs = {key: profile["cusJobTitle"] for key, profile in stage.records("profile").items()}
    assert jobs == {key: stage.rows("contact")[key]["jobtitle"] for key in jobs}

    # And the events of the campaign appear, but soft bounces
    stage.d365acs("workflow", "start", "egress", "--wait")
    shown = sum(event["expected"] for event in stage.sandbox.truth())
    timelines = ("adobe_emailsend", "adobe_emailopen", "adobe_emailurlclick", "adobe_emailbounce")

    def activities() -> int:
        return sum(len(stage.admin.get(f"/dynamics/tables/{table}")["value"]) for table in timelines)

    stage.wait_until(lambda: activities() == shown > 0, "the events appear")

    # When rows of every table change, and go
    for table in ("contact", "new_membership", "new_invoice", "new_invoiceline"):
        stage.admin.post(f"/dynamics/tables/{table}/change", {"count": 25, "seed": 3})
        stage.admin.post(f"/dynamics/tables/{table}/delete", {"count": 2, "seed": 3})
    # And a line stops matching, which stays as it is
    if other in stage.rows("new_invoiceline"):
        stage.admin.patch(f"/dynamics/tables/new_invoiceline/{other}", refused)
        stage.stays = {other}

    # Then Campaign follows, but for the field without updates
    stage.wait_until_settled(but_for_parked=True)
    rows = stage.rows("contact")
    for key, profile in stage.records("profile").items():
        assert profile["cusJobTitle"] == jobs[key]
    assert any(rows[key]["jobtitle"] != jobs[key] for key in rows.keys() & jobs.keys())
    assert not stage.orphans()
