"""The rules for Prometheus and the dashboard for Grafana speak of metrics that are told, and mean what they say."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakeredis import FakeRedis
from prometheus_client.core import Metric

from control.metrics import families
from control.metrics.told import told_families
from store.requests import RequestTotals
from store.store import Store

OPS = Path(__file__).resolve().parents[3] / "ops"
RULES = OPS / "prometheus-rules.yml"

#: What is appended to the name of a family.
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "info": ("_info",), "gauge": ("",)}


def told() -> dict[str, set[str]]:
    """Every metric that can be told, by its name as Prometheus keeps it, with its labels."""
    store = Store(FakeRedis(version=(7,)), "production")
    found: list[Metric] = [
        *families.workflow_families([]),
        *families.stream_families([]),
        *families.cause_families(store),
        *families.freshness_families(store, []),
        *families.request_families(RequestTotals()),
        *told_families([], 0),
        *families.process_families(store, "1", "production"),
    ]
    labels = {family.name: set(family._labelnames) for family in found}  # type: ignore[attr-defined]
    return {family.name + end: labels[family.name] for family in found for end in ENDINGS[family.type]}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OPS / "grafana-dashboard.json").read_text())
    return found


def expressions() -> Iterator[str]:
    for rule in rules():
        yield rule["expr"]
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


def test_rules_and_dashboard_speak_of_metrics_that_are_told() -> None:
    # Given every name of ours in an expression
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = told()
    for expression in expressions():
        for name in re.findall(r"\bd365acs[\w:]*", expression):
            # Then it is told, or recorded by a rule
            assert name in known or name in recorded, f"{name} in {expression}"


def test_rules_and_dashboard_choose_by_labels_that_are_there() -> None:
    known = told()
    for expression in expressions():
        for name, chosen in re.findall(r"\b(d365acs\w*){([^}]*)}", expression):
            for label in re.findall(r"(\w+)=", chosen):
                assert label in known[name] or name.startswith("d365acs:"), f"{label} of {name}"


def test_every_alert_says_what_is_wrong_how_grave_it_is_and_what_to_do() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len({rule["alert"] for rule in alerts}) == len(alerts) > 10
    for rule in alerts:
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_panels_of_the_dashboard_do_not_lie_on_each_other() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    covered = [(x, y) for at in places for x in range(at["x"], at["x"] + at["w"])
               for y in range(at["y"], at["y"] + at["h"])]  # fmt: skip
    assert len(covered) == len(set(covered))
    assert all(at["x"] + at["w"] <= 24 for at in places)
    identifiers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(identifiers) == len(set(identifiers))


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is not installed, and CI runs every test")
        pytest.skip("promtool is not installed: Debian has it in the package prometheus")
    return found


def test_prometheus_own_checker_can_read_every_expression_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    # Given each expression as a rule, with what Grafana puts in
    asked = [expression.replace("$__rate_interval", "5m").replace("$workflow", ".*") for expression in expressions()]
    recorded = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(asked)]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    # Then all of them can be read
    checked = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    "command", [("check", RULES), ("test", OPS / "prometheus-rules.test.yml")], ids=["check", "test"]
)
def test_prometheus_own_checker_is_content(promtool: str, command: tuple[str, Path]) -> None:
    verb, file = command
    checked = subprocess.run([promtool, verb, "rules", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
