"""The age of a change token is warned about at half and at four fifths of its life."""

import pytest

from control.status.tokens import Alarm, Token
from sync.token_life import DAY


@pytest.mark.parametrize(
    ("days", "life", "alarm"),
    [
        (3.4, 7, Alarm.NONE),
        (3.5, 7, Alarm.HALF),
        (5.5, 7, Alarm.HALF),
        (5.61, 7, Alarm.LATE),
        (6.9, 7, Alarm.LATE),
        (7.0, 7, Alarm.DEAD),
        (7.0, 30, Alarm.NONE),
        (0.5, 1, Alarm.HALF),
    ],
)
def test_the_alarm_follows_the_life_that_the_organisation_gives_tokens(days: float, life: float, alarm: Alarm) -> None:
    assert Token(days * DAY, life).alarm is alarm


def test_each_alarm_says_what_will_happen_and_what_helps() -> None:
    sentences = [Token(days * DAY, 7).sentence("contact", "ingress") for days in (1, 4, 6, 8)]
    assert sentences == [
        None,
        "The change token of contact is 4 d old, and Dynamics keeps it for 7 days: see that ingress runs and reads.",
        "The change token of contact is 6 d old, and Dynamics keeps it for 7 days: within 1 d ingress must run, "
        "or all of contact is read again.",
        "The change token of contact is 8 d old, and Dynamics keeps it for 7 days: the next run reads all of contact "
        "again and finds deletions by comparing.",
    ]
