"""Objectives and alerts as a file says them."""

import pytest

from config.alerts import ALERT_EVENTS, Alerts
from config.document import Document, dump
from config.load import load
from config.objectives import COUNTED_SECONDS, Objectives
from config.problems import ConfigProblems

FILE = """\
connections:
  dynamics: {url: "https://contoso.crm.dynamics.com", tenant: contoso.test, client_id: a, client_secret: "${env:A}"}
  campaign: {url: "https://mc.adobe.io/contoso", client_id: b, client_secret: "${env:B}", org_id: c}
  journal: {url: "https://events.adobe.test/events/organizations/1/integrations/2/3"}
  alerts: {url: "${env:HOOK}"}
ingress: {tables: []}
egress: {objectives: {freshness_seconds: 3600, share: 0.9}}
optinout: {direction: disabled, objectives: {}}
"""


def file(old: str = "", new: str = "") -> Document:
    assert old in FILE
    return load(FILE.replace(old, new) if old else FILE, "f")


def test_each_workflow_has_its_own_objective_and_all_share_the_webhook() -> None:
    parts = file().workflows()
    ingress, egress, optinout = (parts[name] for name in ("ingress", "egress", "optinout"))
    assert ingress.ingress and egress.egress and optinout.optinout
    assert ingress.ingress.objectives is None
    assert egress.egress.objectives == Objectives(freshness_seconds=3600, share=0.9)
    assert optinout.optinout.objectives == Objectives(freshness_seconds=60, share=0.99)
    assert all(part.connections.alerts == Alerts(url="${env:HOOK}", events=ALERT_EVENTS) for part in parts.values())


def test_what_is_written_out_reads_back_as_the_same() -> None:
    assert load(dump(file()), "f") == file()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("freshness_seconds: 3600", "freshness_seconds: 45", "egress.objectives.freshness_seconds: must be 1, 2, 5,"),
        ("share: 0.9", "share: 99", "egress.objectives.share: must be at most 1"),
        ("share: 0.9", "share: 0", "egress.objectives.share: must be more than 0"),
        ("${env:HOOK}", "https://hooks.example.com/T0/abc", "connections.alerts.url: must be a reference"),
        ('url: "${env:HOOK}"', 'url: "${env:HOOK}", events: [down]', "connections.alerts.events.0: must be 'failed',"),
        ('url: "${env:HOOK}"', 'url: "${env:HOOK}", stalled_seconds: 5', "stalled_seconds: must be at least 10"),
        ('url: "${env:HOOK}"', "secret: x", "connections.alerts.url: is missing"),
    ],
)
def test_mistakes_are_told_with_their_place_and_without_the_secret(old: str, new: str, problem: str) -> None:
    with pytest.raises(ConfigProblems) as mistaken:
        file(old, new)
    assert problem in str(mistaken.value)
    assert "T0/abc" not in str(mistaken.value)


def test_every_time_by_which_is_counted_can_be_promised() -> None:
    assert sorted(set(COUNTED_SECONDS)) == list(COUNTED_SECONDS)
    for seconds in COUNTED_SECONDS:
        assert Objectives.model_validate({"freshness_seconds": seconds}).freshness_seconds == seconds
