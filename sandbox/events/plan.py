"""What a made-up campaign shall be like: the members of `POST /events/campaign`, checked."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

_SHARES = ("unknown", "without_id", "hard_bounces", "soft_bounces", "late_bounces", "opens", "clicks")
_PLACES = ("journal", "files")
_GROUPS = ("contacts", "profiles")


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """Shares are 0..1: of all emails, and `opens` of those delivered, `clicks` of those opened."""

    sends: int = 1000
    #: Exactly so many events in place of so many emails.
    events: int | None = None
    seed: int = 1
    campaign: str = "2026SpringCamp"
    deliveries: int | list[str] = 2
    begin: float | str | None = None
    hours: float = 120.0
    recipients: str | list[str] = "contacts"
    unknown: float = 0.0
    without_id: float = 0.0
    hard_bounces: float = 0.02
    soft_bounces: float = 0.03
    late_bounces: float = 0.005
    opens: float = 0.45
    clicks: float = 0.25
    into: str | list[str] = "journal"
    files: dict[str, Any] | None = None

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "CampaignPlan":
        """Check and build; ValueError names the wrong member."""
        known = {field.name for field in fields(cls)}
        for name in given:
            if name not in known:
                raise ValueError(f"{name} is not known here; give any of {', '.join(sorted(known))}.")
        plan = cls(**given)
        for name in ("sends", "events"):
            count = getattr(plan, name)
            if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
                raise ValueError(f"{name} must be a whole number of at least 0.")
        for name in _SHARES:
            share = getattr(plan, name)
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise ValueError(f"{name} is a share: give a number from 0 to 1.")
        if plan.hard_bounces + plan.soft_bounces + plan.late_bounces > 1:
            raise ValueError("The shares of hard_bounces, soft_bounces and late_bounces add up to more than 1.")
        if not isinstance(plan.hours, int | float) or not plan.hours > 0:
            raise ValueError("hours must be a number above 0.")
        if not isinstance(plan.campaign, str) or not plan.delivery_names:
            raise ValueError("campaign must be a text, and deliveries a number of at least 1 or a list of names.")
        named = isinstance(plan.recipients, list) and all(isinstance(name, str) for name in plan.recipients)
        if not named and plan.recipients not in _GROUPS:
            raise ValueError("recipients must be contacts, profiles or a list of external ids.")
        if not plan.places or not set(plan.places) <= set(_PLACES):
            raise ValueError("into must name journal, files or both.")
        if plan.files is not None and not isinstance(plan.files, dict):
            raise ValueError("files must be an object.")
        plan.beginning(0.0)
        return plan

    @property
    def delivery_names(self) -> list[str]:
        """`DM190` and so on, unless they are given by name."""
        if isinstance(self.deliveries, list):
            return [str(name) for name in self.deliveries]
        return [f"DM{190 + number}" for number in range(self.deliveries)]

    @property
    def places(self) -> list[str]:
        return self.into if isinstance(self.into, list) else [self.into]

    def beginning(self, now: float) -> float:
        """Seconds since the epoch: so that the whole campaign is over now, unless its begin is given."""
        if self.begin is None:
            return now - self.hours * 3600
        if isinstance(self.begin, str):
            moment = datetime.fromisoformat(self.begin)
            if moment.tzinfo is None:
                raise ValueError("begin needs its distance from UTC, such as 2026-05-01T08:00:00Z.")
            return moment.timestamp()
        return float(self.begin)
