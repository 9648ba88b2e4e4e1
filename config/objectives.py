"""How soon changes shall have arrived."""

from typing import Literal, get_args

from pydantic import Field

from config.model import Model, Number

FreshnessSeconds = Literal[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400]
"""Times by which arrivals are counted. An objective is one of them, so that its share is exact."""

#: The same as numbers, in rising order.
COUNTED_SECONDS: tuple[int, ...] = get_args(FreshnessSeconds)


class Objectives(Model):
    """How soon the changes of a workflow shall have arrived, and how many of them. It is measured over the last hour,
    from the change to its confirmed write; what is missed is told, and stops nothing."""

    freshness_seconds: FreshnessSeconds = Field(
        default=60, description="Within how many seconds a change shall have arrived."
    )
    share: Number = Field(
        default=0.99,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="Which part of the changes of an hour: 0.99 is 99 of 100.",
    )
