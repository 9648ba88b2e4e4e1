"""Filters of the profile resource: the built-in ones, and those an administrator declared (switch `filters`)."""

from collections.abc import Iterable

from sandbox.campaign.errors import GENERIC, CampaignError
from sandbox.campaign.fields import BLANKS, FIELDS
from sandbox.campaign.payload import normal_stamp
from sandbox.campaign.profiles import Profile, Profiles

BUILT_IN = {"byEmail": ("email",), "byText": ("text", "filterType"), "byKeysProfile": ("email",)}


def is_filter(name: str, profiles: Profiles) -> bool:
    return name in BUILT_IN or name in profiles.switches.filters


def filter_parameters(names: list[str], profiles: Profiles) -> tuple[str, ...]:
    """The query parameters these filters read."""
    found: list[str] = []
    for name in names:
        rule = profiles.switches.filters.get(name)
        found += BUILT_IN.get(name, ()) if rule is None else (rule["parameter"],)
    return tuple(found)


def apply_filters(names: list[str], query: dict[str, str], profiles: Profiles) -> list[Profile] | None:
    """Profiles that pass all filters, oldest first; None when no condition is left and every profile passes."""
    found: list[Profile] | None = None
    for name in names:
        matching = _matching(name, query, profiles, found)
        if matching is not None:
            found = matching
    return found


def _matching(
    name: str, query: dict[str, str], profiles: Profiles, within: list[Profile] | None
) -> list[Profile] | None:
    if name == "byText":
        return _by_text(query, _pool(profiles, within))
    rule = profiles.switches.filters.get(name)
    if rule is None:
        return _equal("email", query.get("email", ""), profiles, within, profiles.switches.email_filter_case_sensitive)
    value = query.get(rule["parameter"], "")
    if not value:
        # "Enabled only if the parameter is not empty": the condition drops out, and everything passes.
        return None if profiles.switches.empty_filter_parameter == "all" else []
    operator = rule.get("operator", "equal")
    if operator == "equal":
        return _equal(rule["field"], value, profiles, within, profiles.switches.filter_case_sensitive)
    return _compare(rule["field"], operator, value, _pool(profiles, within))


def _pool(profiles: Profiles, within: list[Profile] | None) -> Iterable[Profile]:
    return profiles.by_number.values() if within is None else within


def _equal(
    field: str, value: str, profiles: Profiles, within: list[Profile] | None, case_sensitive: bool
) -> list[Profile]:
    if within is None and profiles.is_indexed(field):
        exact = profiles.by_field(field, value)
        if exact or case_sensitive:
            return exact
    wanted = value if case_sensitive else value.casefold()

    def text(profile: Profile) -> str:
        found = str(profile.values.get(field, ""))
        return found if case_sensitive else found.casefold()

    return [profile for profile in _pool(profiles, within) if text(profile) == wanted]


def _by_text(query: dict[str, str], pool: Iterable[Profile]) -> list[Profile]:
    """Case-sensitive, prefix only, over email and last name unless `filterType` names a field."""
    wanted_type = query.get("filterType", "")
    if wanted_type in ("firstName", "lastName", "email"):
        names: tuple[str, ...] = (wanted_type,)
    elif wanted_type:
        names = (f"cus{wanted_type[:1].upper()}{wanted_type[1:]}",)
    else:
        names = ("email", "lastName")
    parameter = names[0] if names[0].startswith("cus") else "text"
    prefix = query.get(parameter, "")
    return [p for p in pool if any(str(p.values.get(name, "")).startswith(prefix) for name in names)]


def _compare(field: str, operator: str, value: str, pool: Iterable[Profile]) -> list[Profile]:
    kind = FIELDS[field].type if field in FIELDS else "string"
    wanted: str | float = value
    if kind == "datetime":
        wanted = normal_stamp(value)
    elif kind in ("long", "double"):
        wanted = float(value)

    def passes(profile: Profile) -> bool:
        found = profile.values.get(field, BLANKS.get(field))
        if found in ("", None):
            return False
        if operator == "startsWith":
            return str(found).startswith(str(wanted))
        if operator == "greater":
            return bool(found > wanted)
        if operator == "greaterOrEqual":
            return bool(found >= wanted)
        if operator == "less":
            return bool(found < wanted)
        raise CampaignError(500, f"{GENERIC} XTK-170006 Unable to parse expression '{operator}'.")

    return [profile for profile in pool if passes(profile)]
