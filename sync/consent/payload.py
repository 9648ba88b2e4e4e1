"""A change of consent as it waits on the record queue: who told it, and with Campaign what the profile said.

    {"from": "dynamics"}
    {"from": "file", "where": "optout_20261101.csv line 17 (5d41402a)", "flaw": "...", "excerpt": "..."}
    {"from": "campaign", "flags": {"blackListEmail": {"out": true, "at": 1700000000000}}, "seen": 1700000001000,
     "modified": 1700000000500, "present": true, "doubts": ["blackListFax"]}

Times are ms since 1970 or null. "out" is null for a value that was not understood; these flags are among the doubts.
"present" is false for what stood in a file. "doubles": true is there where two profiles were seen with one key, and
"asks": true where it is to be looked up which of what was told counts; "spelt": how its key is spelt, if not as
Dynamics has it (`sync.consent.spelling`); "who": which profile it is, if that is known.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from config.consent_flags import FLAGS, WireFlag
from config.optinout import OptinoutConfig
from connectors.moments import campaign_ms
from sync.consent.rule import NEVER_MS, Seen
from sync.consent.states import ProfileState
from sync.mapping.mapper import Unmappable

#: What is queued of a contact that changed in Dynamics: both sides are read when it is written.
OF_DYNAMICS = b'{"from":"dynamics"}'
#: The same, where something that Campaign told of it was set aside: its profile may have another spelling of the key.
OF_BOTH = b'{"from":"dynamics","told":true}'


class UnusableRow(Unmappable):
    """A row of a file that cannot be used."""


def of_campaign(profile: ProfileState) -> bytes:
    """What is queued of a profile."""
    flags = {name: {"out": seen.opted_out, "at": seen.at_ms} for name, seen in profile.flags.items()}
    doubts = [name for name, seen in profile.flags.items() if seen.opted_out is None]
    return orjson.dumps(
        {
            "from": "campaign",
            "flags": flags,
            "seen": profile.read_ms,
            "modified": profile.modified_ms,
            "present": profile.present,
            "doubts": doubts,
            **({"doubles": True} if profile.doubles else {}),
            **({"asks": True} if profile.asks else {}),
            **({"spelt": profile.spelt} if profile.spelt else {}),
            **({"who": profile.who} if profile.who else {}),
        }
    )


def of_unusable(where: str, flaw: str, excerpt: str) -> bytes:
    """What is queued of a row that says nothing about any contact, to be set aside with its place."""
    return orjson.dumps({"from": "file", "where": where, "flaw": flaw, "excerpt": excerpt})


def profile_of(payload: bytes) -> ProfileState | None:
    """The profile that waits; None if the change was made in Dynamics. Raises UnusableRow."""
    found: dict[str, Any] = orjson.loads(payload)
    if found["from"] == "dynamics":
        return None
    if found["from"] == "file":
        raise UnusableRow("file", f"{found['where']}: {found['flaw']}")
    flags = {name: Seen(found["flags"][name]["out"], found["flags"][name]["at"]) for name in FLAGS
             if name in found["flags"]}  # fmt: skip
    marks = {name: found.get(name, False) for name in ("present", "doubles", "asks")}
    known = {"spelt": found.get("spelt", ""), "who": found.get("who", 0)}
    return ProfileState(flags, found.get("modified"), found["seen"], **marks, **known)


def profile_state(config: OptinoutConfig, profile: Mapping[str, Any], read_ms: int, live: bool = False) -> ProfileState:
    """The paired flags of a profile as the REST API gives it (experienceleague.adobe.com, profile data model).

    A flag or a time that is not what it is promised to be counts as not told; a time left blank says of a flag that is
    not set that it never was.
    """
    modified = _moment(profile.get("lastModified"))
    flags: dict[WireFlag, Seen] = {}
    for pair in config.flags:
        if pair.campaign not in profile:
            continue
        value = profile[pair.campaign]
        opted_out = value if isinstance(value, bool) else None
        flags[pair.campaign] = Seen(opted_out, _time_of(config, pair.campaign, profile, opted_out, modified, read_ms))
    return ProfileState(flags, modified, read_ms, live, present=True, who=who_of(profile))


def who_of(profile: Mapping[str, Any]) -> int:
    """32 bits that stand for a profile, so that one which was made again under the same key is known to be another; 0
    without a PKey.

    Its PKey itself is not to be kept (experienceleague.adobe.com, "must-read"); that a record has the same one whenever
    it is read was observed and is nowhere documented.
    """
    return zlib.crc32(str(profile.get("PKey", "")).encode())


def _time_of(
    config: OptinoutConfig,
    flag: WireFlag,
    profile: Mapping[str, Any],
    opted_out: bool | None,
    modified: int | None,
    read_ms: int,
) -> int | None:
    fields = config.times.fields_of(flag)
    if not fields:
        return {"seen": read_ms, "modified": modified, "none": None}[config.times.push]
    told = [moment for name in fields if (moment := _moment(profile.get(name))) is not None]
    if told:
        return max(told)
    blank = [profile[name] == "" for name in fields if name in profile]
    return NEVER_MS if blank and all(blank) and opted_out is False else None


def _moment(text: object) -> int | None:
    try:
        return campaign_ms(text)
    except ValueError:
        return None
