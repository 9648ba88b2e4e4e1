"""Children in files: none before its parent, by the text field that Campaign joins by."""

import pytest

from config.document import WorkflowDocument, dump
from config.ingress import IngressConfig
from sync.loading import collecting
from tasks.read import read
from tasks.write import write
from tests.integration.sync.loading_stage import LoadStage

CRM_KEY = {"field": "crmId", "unique": True, "filter": "byCrmId", "parameter": "crmId_parameter"}
TABLES = [
    {
        "table": "contact",
        "resource": "profile",
        "key": {"field": "externalId", "unique": True, "address": "uri"},
        "fields": [{"from": "lastname", "to": "lastName"}],
    },
    {
        "table": "new_membership",
        "resource": "cusMembership",
        "key": CRM_KEY,
        "links": [{"from": "new_contactid", "to": "holder", "table": "contact", "required": True}],
        "fields": [{"from": "new_number", "to": "number"}],
    },
    {
        "table": "new_invoice",
        "resource": "cusInvoice",
        "key": CRM_KEY,
        "links": [{"from": "new_membershipid", "to": "membershipId", "table": "new_membership", "required": True}],
        "fields": [{"from": "new_name", "to": "number"}],
        "file_import": {"workflow": "WKF202", "threshold": 10, "settled_seconds": 0, "cool_down_seconds": 0},
    },
]


def step(stage: LoadStage, table: str) -> None:
    for _ in range(2):
        read(stage.runtime, "ingress", table, stage.generation)
    write(stage.runtime, "ingress", table, stage.generation, 0)


def test_no_child_travels_in_a_file_before_its_parent_is_in_campaign(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given invoices that travel in files, and memberships that do not
    monkeypatch.setattr(collecting, "SAMPLE", 10)
    loading.imports()
    loading.admin.patch("/imports/WKF202", {"resource": "cusInvoice"})
    loading.admin.post("/dynamics/tables/new_membership/create", {"count": 10})
    loading.admin.post("/dynamics/tables/new_invoice/create", {"count": 40})
    document = WorkflowDocument(
        connections=loading.connections(), ingress=IngressConfig.model_validate({"tables": TABLES})
    )
    loading.workflow.revisions.save(loading.workflow.revisions.newest(), dump(document), "ann", "a test")
    loading.start()
    queue = loading.workflow.queue("new_invoice")
    # When they are read and written before any parent
    step(loading, "new_invoice")
    # Then they wait for their parents, and nothing was made of them
    wanted = set(loading.admin.rows("new_invoice"))
    assert len(wanted) >= 40 and queue.backlog().parked == len(wanted)
    assert loading.workflow.loads("new_invoice").read() is None and loading.admin.records("cusInvoice") == []
    # And once these are there, they follow in a file
    step(loading, "contact")
    step(loading, "new_membership")
    loading.workflow.loads("new_invoice").wait_until(0)
    for _ in range(20):
        step(loading, "new_invoice")
        if queue.total() == 0:
            break
    found = loading.admin.records("cusInvoice")
    assert {one["crmId"] for one in found} == wanted and not any(one.get("hidden") for one in found)
    entries = [entry for entry in loading.admin.get("/journal") if entry["resource"] == "cusInvoice"]
    assert sum(bool(entry.get("file")) for entry in entries) == len(wanted) == len(entries)
