"""The record of decisions as others take it: rows for an export, and what it amounts to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError

from control.consent.words import outcome
from control.errors import ControlError, Sealed
from control.together import OPTINOUT, newest_optinout
from store.consent import Answered, ConsentStats, Decision, Unreadable
from store.sealing import UnknownKey
from store.store import Store
from sync.consent.memory_bytes import UnknownMemory

#: The columns of an export, in their order. They stay; others may be added behind them.
COLUMNS = (
    "number",
    "contact",
    "flag",
    "dynamics_opted_out",
    "dynamics_changed",
    "campaign_opted_out",
    "campaign_changed",
    "skew_ms",
    "policy",
    "rule",
    "winner",
    "opted_out",
    "decided",
    "written_to",
    "written",
    "confirmed",
    "closed",
    "column",
    "direction",
    "dynamics_changed_after",
    "campaign_changed_after",
    "skew_within_ms",
)


@contextmanager
def opened() -> Iterator[None]:
    """Says what is to be done where the record cannot be read. Raises Sealed, ControlError."""
    try:
        yield
    except UnknownKey:
        raise Sealed(
            "The record of consent is sealed with a key that is not known here; set D365ACS_PAYLOAD_KEYS_FILE as the "
            "workers have it, with the older keys in it, too."
        ) from None
    except (Unreadable, UnknownMemory) as error:
        raise ControlError(str(error)) from None


def row(decision: Decision) -> dict[str, Any]:
    """One decision by the names of COLUMNS. Times are ISO 8601 in UTC; None: not told, not known, or none."""
    (dynamics, dynamics_ms), (campaign, campaign_ms) = decision.dynamics, decision.campaign
    return {
        "number": decision.number,
        "contact": decision.contact,
        "flag": decision.flag,
        "dynamics_opted_out": dynamics,
        "dynamics_changed": precise(dynamics_ms),
        "campaign_opted_out": campaign,
        "campaign_changed": precise(campaign_ms),
        "skew_ms": decision.skew_ms,
        "policy": decision.policy or None,
        "rule": decision.rule,
        "winner": decision.winner,
        "opted_out": outcome(decision),
        "decided": precise(decision.decided_ms),
        "written_to": decision.written_to or None,
        "written": precise(decision.written_ms),
        "confirmed": decision.confirmed.value if decision.confirmed else None,
        "closed": precise(decision.closed_ms),
        "column": decision.column or None,
        "direction": "bidirectional" if decision.policy else "campaign_to_dynamics",
        "dynamics_changed_after": precise(decision.dynamics_after_ms),
        "campaign_changed_after": precise(decision.campaign_after_ms),
        "skew_within_ms": decision.skew_within_ms,
    }


def precise(at_ms: int | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond."""
    if at_ms is None:
        return None
    whole = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{at_ms % 1000:03}Z"


def between(store: Store, since_ms: int, until_ms: int) -> Iterator[dict[str, Any]]:
    """A row for each decision closed in that time, in that order; then those that are still open. Raises Sealed."""
    with opened():
        for decision in store.workflow(OPTINOUT).consent.between(since_ms, until_ms):
            yield row(decision)


@dataclass(frozen=True, slots=True)
class Amount:
    """What the record amounts to."""

    stats: ConsentStats
    bytes: int | None  #: that the closed decisions take in Redis; None: this Redis does not tell
    retention_days: int | None  #: how long a decision is kept; None: nothing is configured

    answered: Answered | None  #: whose consent somebody keeps setting back
    keyless: int = 0  #: about how many profiles have opted out and carry no key, so that nobody can say whose they are


def amount(store: Store) -> Amount:
    workflow = store.workflow(OPTINOUT)
    config = newest_optinout(store)
    return Amount(
        workflow.consent.stats(),
        _bytes(store, workflow.keys.decisions),
        config.retention_days if config else None,
        workflow.consent.answered(store.now_ms()),
        workflow.consent.keyless(),
    )


def _bytes(store: Store, key: str) -> int | None:
    try:
        return int(store.redis.memory_usage(key) or 0)
    except RedisError:  # some servers do not offer it, some users may not ask
        return None
