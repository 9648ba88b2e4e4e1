"""An error that an answer is knows the answer's status: what became of a record is kept with it."""

from collections.abc import Callable

import pytest

from connectors import campaign_errors, dynamics_errors
from connectors.errors import ConnectorError, System, Unreachable
from connectors.wire import Answer


def answer(system: System, status: int) -> Answer:
    return Answer(system, f"{system} POST things", status, {}, b'{"error_code": "RST-360011", "message": "no"}')


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 500, 503])
@pytest.mark.parametrize(
    ("system", "judge"),
    [
        ("campaign", lambda found: campaign_errors.error_of(found, reference="@x", sent={})),
        ("dynamics", lambda found: dynamics_errors.error_of(found, "contact")),
        ("dynamics", lambda found: dynamics_errors.batch_error_of(found)),
        ("dynamics", lambda found: dynamics_errors.create_error_of(found, "emails", b"{}")),
        ("dynamics", lambda found: dynamics_errors.update_error_of(found, "contacts", {})),
    ],
)
def test_an_answer_of_400_and_more_gives_its_status_to_the_error(
    system: System, judge: Callable[[Answer], ConnectorError], status: int
) -> None:
    assert judge(answer(system, status)).status == status


def test_an_answer_that_is_torn_gives_its_status_too_and_where_there_is_none_it_is_0() -> None:
    assert answer("campaign", 200).malformed("the answer is torn").status == 200
    assert Unreachable("campaign", "no connection").status == 0
