"""What dies after some days, change tokens and unread events: how old it is, and when that is worth a warning."""

from dataclasses import dataclass
from enum import IntEnum

from control.words import duration
from sync.token_life import DAY, HALF, LATE


class Alarm(IntEnum):
    NONE = 0
    HALF = 1  #: half of its life is over
    LATE = 2  #: four fifths are over
    DEAD = 3


def alarm_at(age_seconds: float, life_days: float) -> Alarm:
    share = age_seconds / (life_days * DAY)
    return Alarm((share >= HALF) + (share >= LATE) + (share >= 1))


@dataclass(frozen=True, slots=True)
class Token:
    """The change token of one table; it is made anew whenever the table's changes have been read to their end."""

    age_seconds: float
    life_days: float  #: as the organisation has it

    @property
    def alarm(self) -> Alarm:
        return alarm_at(self.age_seconds, self.life_days)

    def sentence(self, table: str, workflow: str) -> str | None:
        """What an operator should know; None while the token is young."""
        age = f"The change token of {table} is {duration(self.age_seconds)} old"
        life = f"Dynamics keeps it for {self.life_days:g} days"
        left = duration(self.life_days * DAY - self.age_seconds)
        match self.alarm:
            case Alarm.NONE:
                return None
            case Alarm.HALF:
                return f"{age}, and {life}: see that {workflow} runs and reads."
            case Alarm.LATE:
                return f"{age}, and {life}: within {left} {workflow} must run, or all of {table} is read again."
            case _:
                return f"{age}, and {life}: the next run reads all of {table} again and finds deletions by comparing."


@dataclass(frozen=True, slots=True)
class Unread:
    """The time since events were last read, in a source that keeps them for some days only."""

    age_seconds: float
    life_days: float  #: as long as the source keeps events

    @property
    def alarm(self) -> Alarm:
        return alarm_at(self.age_seconds, self.life_days)

    def sentence(self, workflow: str) -> str | None:
        """What an operator should know; None while there is time."""
        age = f"Events were last read {duration(self.age_seconds)} ago"
        life = f"the journal keeps them for {self.life_days:g} days"
        left = duration(self.life_days * DAY - self.age_seconds)
        match self.alarm:
            case Alarm.NONE:
                return None
            case Alarm.HALF:
                return f"{age}, and {life}: see that {workflow} runs and reads."
            case Alarm.LATE:
                return f"{age}, and {life}: within {left} {workflow} must run, or events are missed."
            case _:
                return f"{age}, and {life}: the next run reads what is left, and tells what is missed."


def seconds_since(then_ms: int | None, now_ms: int) -> float | None:
    return None if then_ms is None else max(0.0, (now_ms - then_ms) / 1000)
