"""How names are spelled in the two systems; a name that cannot be one is a mistake before anybody is asked."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from config.model import Text

_LOGICAL = r"[a-z_][a-z0-9_]*"
_CAMPAIGN = r"[A-Za-z_][A-Za-z0-9_]*"
_PATH = rf"{_CAMPAIGN}(\.{_CAMPAIGN})*"


def _logical_name(text: str) -> str:
    if not re.fullmatch(_LOGICAL, text):
        raise ValueError(
            "is not a logical name of Dynamics: those are made of lower-case letters, digits and underscores"
        )
    return text


def _campaign_name(text: str) -> str:
    if not re.fullmatch(_CAMPAIGN, text):
        raise ValueError("is not a name of Campaign: those are made of letters, digits and underscores")
    return text


def _campaign_path(text: str) -> str:
    if not re.fullmatch(_PATH, text):
        raise ValueError("is not a field of Campaign: it looks like email, or location.city for a nested one")
    return text


def _spelled(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})


LogicalName = Annotated[Text, AfterValidator(_logical_name), _spelled(_LOGICAL)]
"""A table or a column of Dynamics, as its metadata spell it: contact, emailaddress1, new_tier."""

CampaignName = Annotated[Text, AfterValidator(_campaign_name), _spelled(_CAMPAIGN)]
"""A resource, a field or a filter of Campaign: profile, email, byExternalId."""

CampaignPath = Annotated[Text, AfterValidator(_campaign_path), _spelled(_PATH)]
"""A field of Campaign; a dot leads into a nested one: location.city."""
