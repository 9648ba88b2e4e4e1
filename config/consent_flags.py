"""Campaign's consent flags: which there are, how they are spelled, and how each goes in a pair with a column."""

import difflib
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from config.model import Model, YesNo
from config.names import LogicalName

WireFlag = Literal[
    "blackList",
    "blackListEmail",
    "blackListFax",
    "blackListMobile",
    "blackListPhone",
    "blackListPostalMail",
    "blackListPushnotification",
    "ccpaOptOut",
]
"""A flag of a profile as the REST API spells it; true means opted out."""

FLAGS: tuple[WireFlag, ...] = get_args(WireFlag)

#: The flag of which Campaign tells no time.
UNTIMED: WireFlag = "blackListPushnotification"

#: Every spelling that is taken -> the one on the wire. Adobe's pages have the second one.
SPELLINGS: dict[str, WireFlag] = {
    spelling: flag for flag in FLAGS for spelling in (flag, flag.replace("blackList", "denyList"))
}


def flag_named(name: str | None) -> WireFlag | None:
    """The flag as it stands on the wire; None: this names no flag."""
    return SPELLINGS.get(name or "")


def wire_flag(name: object) -> WireFlag:
    """The flag as it stands on the wire. Raises ValueError for what is none."""
    if not isinstance(name, str):
        raise ValueError("must be the name of a consent flag of Campaign, such as blackListEmail")
    if name in SPELLINGS:
        return SPELLINGS[name]
    near = difflib.get_close_matches(name, SPELLINGS, n=1)
    raise ValueError(
        f"is no consent flag of Campaign; did you mean {near[0]}?"
        if near
        else f"is no consent flag of Campaign; there are {', '.join(FLAGS)}"
    )


Flag = Annotated[WireFlag, BeforeValidator(wire_flag), WithJsonSchema({"type": "string", "enum": list(SPELLINGS)})]
"""A consent flag of Campaign, by either spelling; read, it has the one on the wire."""

Policy = Literal["documented", "most_restrictive", "newest", "dynamics", "campaign"]
"""Who wins where the two systems say different things."""

POLICIES: tuple[Policy, ...] = get_args(Policy)


class FlagPair(Model):
    """One Boolean column of the Dynamics contact and the flag of the Campaign profile that says the same."""

    dynamics: LogicalName = Field(
        description="Column of contact, of type Boolean (Yes/No), by its logical name, such as donotemail."
    )
    campaign: Flag = Field(
        description="Flag of the profile: blackList (all channels), blackListEmail, blackListFax, blackListMobile, "
        "blackListPhone, blackListPostalMail, blackListPushnotification or ccpaOptOut; denyList... is taken, too."
    )
    opted_out: YesNo = Field(
        default=True,
        description="The value of the column that means opted out: true for donotemail, false for a column such as "
        "followemail, which says that the contact wants it.",
    )
    policy: Policy = Field(
        default="documented",
        description="Who wins where the two differ, with `direction: bidirectional`. `documented`: Campaign, if its "
        "flag changed later than the record in Dynamics; if not, whichever says opted out. `most_restrictive`: "
        "whichever says opted out. `newest`: the later change. `dynamics`, `campaign`: that system. What cannot be "
        "told counts as opted out.",
    )
