"""What was set aside is looked at, retried where it could not go, mended elsewhere, and retried to its end."""

import json

from tests.end_to_end import documents
from tests.end_to_end.conftest import OpenStage

TWO_TABLES = documents.ingress(documents.contacts(), documents.memberships())


def test_what_was_mended_in_campaign_is_retried_to_its_end_without_reading_anything_again(open_shop: OpenStage) -> None:
    # Given memberships of which one has a number that is too long for Campaign
    stage = open_shop(schema_check_seconds=1)
    stage.admin.post("/campaign/publish", {"resource": "cusMembership", "change": {"number": {"length": 10}}})
    stage.run("worker", "beat")
    stage.start(stage.save(TWO_TABLES))
    stage.wait_until_settled()
    one = next(iter(stage.rows("new_membership")))
    stage.admin.patch(f"/dynamics/tables/new_membership/{one}", {"new_number": "M-123456789012"})
    stage.wait_until(lambda: stage.letters("new_membership"), "it is set aside")

    # When an operator looks, Then the cause is told with the command that retries it, and no value
    [cause] = json.loads(stage.d365acs("dlq", "stats", "-o", "json"))
    assert (cause["stream"], cause["cause"], cause["count"]) == ("new_membership", "unmappable", 1)
    assert "M-1234" not in stage.d365acs("dlq", "show", "ingress", one)

    # When it is retried too soon, Then it is set aside again, and the exit code says so
    command = cause["command"].split()[1:]
    assert "1 was set aside again." in stage.d365acs(*command, "--wait", code=3)

    # When Campaign's field is made longer, and it is retried
    version = stage.workflow.schemas_version(stage.life.generation)
    read = stage.totals("new_membership")["read"]
    stage.admin.post("/campaign/publish", {"resource": "cusMembership", "change": {"number": {"length": 20}}})
    stage.wait_until(
        lambda: stage.workflow.schemas_version(stage.life.generation) > version, "the longer field is taken up"
    )
    assert "1 came to a good end." in stage.d365acs(*command, "--wait")

    # Then it is written, nothing was read again for that, and who did what is on record
    assert stage.records("cusMembership")[one]["number"] == "M-123456789012"
    assert not stage.letters("new_membership") and stage.totals("new_membership")["read"] == read
    stage.wait_until_settled()
    history = json.loads(stage.d365acs("workflow", "history", "ingress", "-o", "json"))
    assert [(act["by"], act["stream"]) for act in history if act["action"] == "retry"] == [
        ("Olivia", "new_membership"),
        ("Olivia", "new_membership"),
    ]
