"""Who is told when a workflow needs people: the address of a webhook, and what is told there."""

from typing import Literal, get_args

from pydantic import Field

from config.model import Model, Whole
from config.secrets import SecretRef

AlertEvent = Literal["failed", "stalled", "objective", "dead_letters", "token"]
"""What is told."""

ALERT_EVENTS: tuple[AlertEvent, ...] = get_args(AlertEvent)


class Alerts(Model):
    """A webhook that is told when a workflow needs people, once when that begins and once when it is over. The messages
    can be sent to Slack as they are. They hold names, counts and reasons, never a value of a record."""

    url: SecretRef = Field(
        description="Where the address of the webhook is kept, for whoever knows it can write there: ${env:NAME} or "
        "${file:/path}. An https address; http only on this machine."
    )
    secret: SecretRef | None = Field(
        default=None, description="Where the key is kept with which messages are signed. null: they are not signed."
    )
    events: tuple[AlertEvent, ...] = Field(
        default=ALERT_EVENTS,
        description="What is told: `failed`, the workflow has failed; `stalled`, it gets nowhere; `objective`, changes "
        "arrive later than its objective says; `dead_letters`, more are set aside than is borne; `token`, half the "
        "life of a change token is over.",
    )
    stalled_seconds: Whole = Field(
        default=300,
        ge=10,
        le=86_400,
        description="After how many seconds without getting anywhere a workflow counts as stalled.",
    )
    dead_letters_above: Whole = Field(
        default=0, ge=0, description="How many dead letters of a workflow are borne without a word."
    )
