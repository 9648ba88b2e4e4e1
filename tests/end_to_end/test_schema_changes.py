"""Schema changes published while everything runs: the table is held with the difference named, nothing is lost."""

from collections.abc import Callable

import pytest

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.conftest import SHOP, OpenStage
from tests.end_to_end.documents import Plain
from tests.end_to_end.stage import Stage

TWO_TABLES = documents.ingress(documents.contacts(), documents.memberships())


def lose_and_shorten_fields(stage: Stage) -> None:
    change = {"remove": ["interests"], "change": {"number": {"length": 5}}}
    stage.admin.post("/campaign/publish", {"resource": "cusMembership", **change})


def lose_a_column(stage: Stage) -> None:
    stage.admin.post("/dynamics/publish", {"table": "new_membership", "remove": ["new_interests", "new_number"]})


def lose_the_tokens_too(stage: Stage) -> None:
    stage.admin.put("/switches", {"delta_after_publish": "expired"})
    lose_a_column(stage)


def without(*columns: str) -> Plain:
    """The two tables, memberships without these columns."""
    kept = [field for field in documents.memberships()["fields"] if field["from"] not in columns]
    return documents.ingress(documents.contacts(), documents.memberships(fields=kept))


CAMPAIGN = ("cusMembership.interests is gone", "cusMembership.number takes 5 characters at most, and took 20")
DYNAMICS = ("new_membership.new_interests is gone", "new_membership.new_number is gone")


@pytest.mark.parametrize(
    ("break_it", "named"),
    [(lose_and_shorten_fields, CAMPAIGN), (lose_a_column, DYNAMICS), (lose_the_tokens_too, DYNAMICS)],
    ids=["fields in Campaign", "columns in Dynamics", "columns and tokens in Dynamics"],
)
def test_a_breaking_change_holds_its_table_with_the_difference_and_loses_nothing(
    open_shop: OpenStage, break_it: Callable[[Stage], None], named: tuple[str, ...]
) -> None:
    # Given two tables that have caught up
    stage = open_shop(schema_check_seconds=1)
    stage.run("worker", "beat")
    stage.start(stage.save(TWO_TABLES))
    stage.wait_until_settled()
    journal = len(stage.admin.get("/journal"))

    # When a change is published that breaks the mapping of one table, and rows of both tables change, come and go
    break_it(stage)
    stage.admin.post("/dynamics/tables/new_membership/change", {"count": 30, "seed": 1})
    stage.admin.post("/dynamics/tables/new_membership/create", {"count": 5, "seed": 1})
    gone = stage.admin.post("/dynamics/tables/new_membership/delete", {"count": 3, "seed": 1})["ids"]
    changed = stage.admin.post("/dynamics/change", {"count": 20, "seed": 1})["ids"]
    stage.wait_until(lambda: stage.workflow.holds.get("new_membership", stage.life.generation), "the table is held")

    # Then the other table goes on, and nothing is written to this one (before it was noticed, deletions may have been)
    def of(resource: str) -> list[str]:
        entries = stage.admin.get("/journal")[journal:]
        return [entry["method"] for entry in entries if entry["resource"] == resource]

    stage.wait_until(lambda: len(of("profile")) == len(changed), "the contacts' changes are written")
    stage.wait_for_ticks(1)
    assert set(of("cusMembership")) <= {"DELETE"}

    # And operators are told what has changed, and the way out; nothing was given up
    told = stage.d365acs("workflow", "show", "ingress")
    held = {one["stream"]: one["held"] for one in stage.shown()["streams"]}
    assert held["contact"] is None
    for sentence in (*named, "stop and start the workflow"):
        assert sentence in held["new_membership"]["sentence"] and sentence in told
    assert stage.life.state is State.RUNNING
    assert not stage.letters("new_membership")

    # When the mapping is mended and the workflow stopped and started
    if break_it is lose_and_shorten_fields:
        stage.admin.post("/campaign/publish", {"resource": "cusMembership", "change": {"number": {"length": 20}}})
        mended = without("new_interests")
    else:
        mended = without("new_interests", "new_number")
    stage.restart(stage.save(mended))

    # Then everything arrives, the deletions, too
    stage.wait_until_settled()
    assert not stage.letters("new_membership")
    assert not stage.records("cusMembership").keys() & {*gone}
    assert len(stage.records("cusMembership")) == SHOP["new_membership"] + 5 - 3
    assert stage.workflow.holds.all(stage.life.generation) == {}


def test_what_is_only_wider_is_taken_up_while_the_workflow_runs(open_shop: OpenStage) -> None:
    # Given memberships that have caught up, their numbers short
    stage = open_shop(schema_check_seconds=1)
    stage.admin.post("/campaign/publish", {"resource": "cusMembership", "change": {"number": {"length": 10}}})
    stage.run("worker", "beat")
    stage.start(stage.save(TWO_TABLES))
    stage.wait_until_settled()

    # When Campaign's field becomes longer and Dynamics gets a new choice, and a row uses both
    version = stage.workflow.schemas_version(stage.life.generation)
    tiers = {"1": "Bronze", "2": "Silver", "3": "Gold", "4": "gold"}
    stage.admin.post("/campaign/publish", {"resource": "cusMembership", "change": {"number": {"length": 20}}})
    stage.admin.post("/dynamics/publish", {"table": "new_membership", "change": {"new_tier": {"options": tiers}}})
    stage.wait_until(
        lambda: stage.workflow.schemas_version(stage.life.generation) > version
        and not stage.workflow.troubles.all(),
        "the new schemas are taken up",
    )  # fmt: skip
    one = next(iter(stage.rows("new_membership")))
    stage.admin.patch(f"/dynamics/tables/new_membership/{one}", {"new_number": "M-123456789012", "new_tier": 4})

    # Then it travels, and nothing was ever held
    stage.wait_until(lambda: stage.records("cusMembership")[one]["number"] == "M-123456789012", "the row travels")
    assert stage.records("cusMembership")[one]["tier"] == "gold"
    stage.wait_until(stage.is_idle, "nothing waits")
    assert not stage.workflow.holds.all(stage.life.generation)
    assert not stage.letters("new_membership")
