"""What an operator does and sees on the command line, while real workers run."""

import pytest

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.conftest import OpenStage
from tests.end_to_end.documents import Plain
from tests.end_to_end.stage import Stage

CONTACTS = documents.ingress(documents.contacts())
BOTH = documents.ingress(documents.contacts(), documents.memberships())


def apply(stage: Stage, part: Plain, code: int = 0) -> str:
    """`config apply`; by what was saved the two sides are judged from now on."""
    path = stage.home / "d365acs.yaml"
    path.write_text(stage.file_text(part))
    told = stage.d365acs("config", "apply", str(path), code=code)
    if code == 0:
        stage.part = part
    return told


def test_edits_wait_for_the_next_start_with_a_warning_until_then(open_shop: OpenStage) -> None:
    # Given a configuration of contacts alone, and an instance that was never started
    stage = open_shop()
    stage.run("worker", "beat")
    apply(stage, CONTACTS)

    # When it is started by somebody who does not say that privacy requests go to both systems
    told = stage.d365acs("workflow", "start", "ingress", code=1)

    # Then it is not, and the way out is said
    assert "--accept-privacy" in told and stage.life.state is State.STOPPED

    # When that is said
    stage.d365acs("workflow", "start", "ingress", "--accept-privacy", "--wait")

    # Then it runs, who said it is on record, and nobody is asked again
    stage.wait_until_settled()
    accepted = stage.store.privacy.read()
    assert accepted is not None and accepted.by == "Olivia"
    assert 0 < accepted.at_ms <= stage.store.now_ms()

    # When another table is mapped while it runs
    apply(stage, BOTH)
    stage.wait_for_ticks(1)

    # Then nothing of it travels yet, and that is said wherever one looks, when it is stopped, too
    assert not stage.records("cusMembership")
    warning = "saved changes are not running yet"
    assert warning in stage.d365acs("workflow", "show", "ingress")
    assert warning in stage.d365acs("workflow", "ls")
    assert warning in stage.d365acs("workflow", "stop", "ingress")

    # When it is started again
    stage.d365acs("workflow", "start", "ingress", "--wait")

    # Then the table travels, the contacts cost nothing, and there is no warning any more
    stage.wait_until_settled()
    assert stage.writes() == len(stage.rows("contact")) + len(stage.rows("new_membership"))
    assert warning not in stage.d365acs("workflow", "show", "ingress")

    # When its mapping is deleted and rows of both tables change
    stage.d365acs("mapping", "delete", "new_membership", "--yes")
    stage.d365acs("workflow", "restart", "ingress", "--wait")
    before = {key: record["lastModified"] for key, record in stage.records("cusMembership").items()}
    stage.admin.post("/dynamics/tables/new_membership/change", {"count": 20, "seed": 1})
    stage.admin.post("/dynamics/change", {"count": 20, "seed": 1})
    stage.part = CONTACTS

    # Then contacts travel, and what was written of the other table stays as it is
    stage.wait_until_settled()
    assert {key: record["lastModified"] for key, record in stage.records("cusMembership").items()} == before


TWICE = documents.ingress(documents.contacts(), documents.contacts())
ONE_FIELD = documents.ingress(documents.contacts(pairs=[("firstname", "lastName"), ("lastname", "lastName")]))
OTHER_KEY = documents.ingress(
    documents.contacts({"field": "cusCrmId", "filter": "byCrmId", "parameter": "cusCrmId_parameter"})
)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (TWICE, "contact is mapped twice"),
        (ONE_FIELD, "one Campaign field takes one Dynamics column"),
        (OTHER_KEY, "delete it, then add the new one"),
    ],
    ids=["a table twice", "a field twice", "another key"],
)
def test_what_cannot_be_mapped_is_refused_and_nothing_is_saved(open_shop: OpenStage, part: Plain, said: str) -> None:
    # Given a saved configuration
    stage = open_shop()
    apply(stage, CONTACTS)

    # When one is applied that breaks a rule
    told = apply(stage, part, code=1)

    # Then the rule is told, and what was saved is still the newest
    assert said in told
    assert stage.workflow.revisions.newest() == 1


def test_beyond_the_guardrails_there_are_warnings_but_no_walls(open_shop: OpenStage) -> None:
    # Given more columns than the vendor has ever tried
    stage = open_shop()
    pairs = [(f"new_more{number}", f"cusMore{number}") for number in range(51)]
    columns = [{"name": column, "type": "String"} for column, _ in pairs]
    stage.admin.post("/dynamics/publish", {"table": "contact", "add": columns})
    fields = [{"name": field, "type": "string"} for _, field in pairs]
    stage.admin.post("/campaign/publish", {"resource": "profile", "add": fields})
    somebody = next(iter(stage.rows("contact")))
    stage.admin.patch(f"/dynamics/contacts/{somebody}", {column: f"more of {column}" for column, _ in pairs})
    apply(stage, documents.ingress(documents.contacts(pairs=pairs)))

    # When the mapping is checked against both systems
    told = stage.d365acs("mapping", "validate")

    # Then that is a warning
    assert "50" in told and "51" in told

    # When it is started all the same
    stage.run("worker", "beat")
    stage.start()

    # Then every field travels
    stage.wait_until_settled()
