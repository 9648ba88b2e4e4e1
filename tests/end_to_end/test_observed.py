"""Real workers, observed from outside: their metrics, the messages that they send, and the lines that they log."""

import json
import time
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from config.document import dump
from config.load import load
from control.metrics.exposition import exposition
from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.stage import Stage
from tests.integration.tasks.webhooks import webhook


def save_with(stage: Stage, url: str) -> None:
    """Contacts, with an objective and a webhook."""
    (stage.home / "hook").write_text(url)
    part = documents.ingress(documents.contacts())
    stage.part = part
    text: Any = yaml.safe_load(stage.file_text(part))
    text["connections"]["alerts"] = {"url": f"${{file:{stage.home}/hook}}"}
    text["ingress"]["objectives"] = {"freshness_seconds": 300}
    document = load(json.dumps(text), "test.yaml").workflows()["ingress"]
    stage.workflow.revisions.save(0, dump(document), "tester", "test")


def metrics(stage: Stage) -> dict[tuple[str, str], float]:
    """Samples of ingress and of the systems, summed up by name and the label that tells most."""
    found: dict[tuple[str, str], float] = {}
    text = exposition(stage.store, stage.settings).text.decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.labels.get("workflow", "ingress") == "ingress":
                labels = sample.labels
                key = sample.name, labels.get("state") or labels.get("system") or labels.get("le") or ""
                found[key] = found.get(key, 0) + sample.value
    return found


def logged(log: Path, action: str) -> list[dict[str, Any]]:
    lines = (line for line in log.read_text().splitlines() if line.startswith("{"))
    return [entry for entry in map(json.loads, lines) if entry.get("action") == action]


def test_workers_can_be_observed_from_outside(stage: Stage) -> None:
    with webhook() as hook:
        # Given a first run with a webhook and an objective
        save_with(stage, hook.url)
        [worker, _] = stage.run("worker", "beat")
        stage.start()
        stage.wait_until_settled()
        before = metrics(stage)
        assert before["d365acs_workflow_state", "RUNNING"] == 1
        assert before["d365acs_records_written_total", ""] == len(stage.rows("contact"))
        assert before.get(("d365acs_freshness_seconds_count", ""), 0) == 0

        # When contacts change
        stage.admin.post("/dynamics/change", {"count": 20, "seed": 3})
        stage.wait_until_settled()

        # Then their way is measured, and what it took of both systems
        def changed() -> bool:
            return metrics(stage).get(("d365acs_freshness_seconds_count", ""), 0) >= 20

        stage.wait_until(changed, "20 changes are measured")
        stage.wait_for_ticks(1)
        now = metrics(stage)
        assert now["d365acs_freshness_seconds_bucket", "300.0"] == now["d365acs_freshness_seconds_count", ""] == 20
        assert now["d365acs_api_requests_total", "campaign"] >= stage.admin.get("/calls")["engine_calls"] / 2
        assert now["d365acs_api_request_duration_seconds_count", "dynamics"] > 0
        assert now["d365acs_api_budget_remaining_requests", "dynamics"] > 0
        assert abs(now["d365acs_clock_skew_seconds", "campaign"]) < 5
        assert now["d365acs_credential_expiry_timestamp_seconds", "dynamics"] > time.time()
        assert stage.shown()["freshness"]["within"] == 20

        # And one trace leads from each batch of changes to the page that brought it
        pages = {line["trace_id"] for line in logged(worker.log, "page_read") if line["phase"] == "changes"}
        batches = [line for line in logged(worker.log, "batch_written") if line["trace_id"] in pages]
        assert (
            sum(line["records"] for line in batches)
            + sum(
                line["records"]
                for line in logged(worker.log, "batch_written")
                if pages & set(line.get("of_traces", ()))
            )
            >= 20
        )

        # When the secret of Campaign is no longer good, then the webhook is told that the workflow has failed
        assert hook.told == []
        stage.stop()
        stage.set_secret("campaign", "no longer good")
        stage.start()
        stage.wait_for_state(State.FAILED)
        stage.wait_until(lambda: hook.told == [("failed", "raised")], "the webhook was told of it")

        # And when it is mended, that it is over
        stage.set_secret("campaign", stage.sandbox.info["campaign"]["client_secret"])
        stage.start()
        stage.wait_until(lambda: hook.told[1:] == [("failed", "over")], "the webhook was told that it is over")
        assert "no longer good" not in str(hook.bodies)
