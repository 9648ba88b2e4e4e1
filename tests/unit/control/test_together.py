"""Ingress beside opt-in/out: what is said where nothing moves, and a flag that both would write."""

from typing import Any

import pytest

from config.ingress import IngressConfig
from config.optinout import OptinoutConfig
from control.errors import PairedTwice
from control.together import check_together, nothing_moves

PAIRS = [
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "donotfax", "campaign": "denyListFax"},
]


def optinout(direction: str, pairs: list[dict[str, str]] = PAIRS) -> OptinoutConfig:
    return OptinoutConfig.model_validate({"direction": direction, "flags": pairs})


def ingress(*flags: str, resource: str = "profile") -> IngressConfig:
    """A mapping of contact in which these flags are written."""
    fields = [{"from": f"new_{flag.lower()}", "to": flag} for flag in flags]
    table: dict[str, Any] = {"table": "contact", "resource": resource, "key": {}, "fields": fields}
    return IngressConfig.model_validate({"tables": [table]})


@pytest.mark.parametrize("direction", ["campaign_to_dynamics", "bidirectional"])
def test_a_direction_that_moves_something_has_nothing_to_say(direction: str) -> None:
    assert nothing_moves(optinout(direction)) is None


@pytest.mark.parametrize(
    ("carried", "end"),
    [
        (None, "consent preview; add blackListEmail and blackListFax there with: d365acs mapping add-flags contact"),
        (ingress("blackListFax"), "consent preview; add blackListEmail there with: d365acs mapping add-flags contact"),
        (
            ingress("blackListEmail", "blackListFax", resource="cusPerson"),
            "consent preview; add blackListEmail and blackListFax there with: d365acs mapping add-flags contact",
        ),
        (ingress("blackListEmail", "blackListFax"), "by the mapping of contact in ingress, which has all pairs."),
    ],
)
def test_what_travels_with_contacts_is_said_with_what_is_missing_there(carried: IngressConfig | None, end: str) -> None:
    said = nothing_moves(optinout("dynamics_to_campaign"), carried)
    assert said is not None
    assert said.startswith("optinout moves nothing with direction: dynamics_to_campaign; consent travels with the")
    assert said.endswith(end)


def test_without_pairs_the_mapping_itself_is_to_be_edited() -> None:
    said = nothing_moves(optinout("dynamics_to_campaign", []))
    assert said is not None
    assert said.endswith("there with: d365acs mapping edit contact")


def test_every_flag_that_both_would_write_is_told() -> None:
    both = ingress("blackListEmail", "blackListFax", "ccpaOptOut")
    with pytest.raises(PairedTwice) as caught:
        check_together(both, optinout("bidirectional"))
    assert [line.partition(" ")[0] for line in str(caught.value).splitlines()] == ["blackListEmail", "blackListFax"]
    # And where one of them says nothing, or does nothing, all is well
    check_together(None, optinout("bidirectional"))
    check_together(both, None)
    check_together(both, optinout("dynamics_to_campaign"))
