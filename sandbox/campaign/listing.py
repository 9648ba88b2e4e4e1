"""Collections of profiles: the envelope, pages, order, counts, attribute lists (Campaign Standard: pagination)."""

import base64
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

import orjson

from sandbox.campaign.errors import GENERIC, CampaignError, unknown_property
from sandbox.campaign.fields import BLANKS, FIELDS, is_sortable
from sandbox.campaign.filters import apply_filters, filter_parameters
from sandbox.campaign.profiles import Profile, Profiles
from sandbox.http import JSON_TYPE, Answer

DEFAULT_PAGE = 25


class Place(NamedTuple):
    """The decoded `_lineStart`: the last record served."""

    number: int
    value: Any


def list_profiles(
    profiles: Profiles, api: str, root: str, filters: list[str], attribute: str | None, query: dict[str, str]
) -> Answer:
    """One page. `root` is the absolute URL of the API, `filters` the filter names in the path."""
    resource = f"{root}/profile"
    size = _line_count(profiles, query)
    order, descending = _order(query.get("_order", ""))
    start = _read_place(query["_lineStart"]) if query.get("_lineStart") else None
    found, more, total = _page(profiles, filters, query, order, descending, start, size)
    extended = api == "profileAndServicesExt"
    content: list[Any]
    if attribute is None:
        content = [profiles.show(profile, resource, extended) for profile in found]
    else:
        content = [profiles.show(profile, resource, extended).get(attribute, "") for profile in found]
    body: dict[str, Any] = {"content": content}
    path = "/".join([resource, *filters, *([attribute] if attribute else [])])
    if attribute is None:
        body["count"] = _count(profiles, resource, filters, query, start, total if not more and start is None else None)
        body["serverSidePagination"] = True
    if more:
        is_big = len(profiles.numbers) > profiles.switches.big_table_threshold
        if is_big and query.get("_forcePagination") != "true":
            body["serverSidePagination"] = False
        else:
            last = found[-1]
            place = Place(last.number, None if order is None else _value(last, order))
            kept = {name: value for name, value in query.items() if name != "_lineStart"}
            body["next"] = {"href": f"{path}?{_query({**kept, '_lineStart': _place_text(place)})}"}
    return Answer(200, [JSON_TYPE], orjson.dumps(body, option=orjson.OPT_SORT_KEYS))


def count_profiles(profiles: Profiles, filters: list[str], query: dict[str, str]) -> Answer:
    found = apply_filters(filters, query, profiles)
    total = len(profiles.numbers) if found is None else len(found)
    return Answer(200, [JSON_TYPE], orjson.dumps({"count": total}))


def _line_count(profiles: Profiles, query: dict[str, str]) -> int:
    given = query.get("_lineCount")
    if given is None:
        return DEFAULT_PAGE
    if not given.isdigit() or int(given) < 1:
        raise CampaignError(500, f"{GENERIC} '{given}' is not a valid constant.")
    most = profiles.switches.max_line_count
    return int(given) if most is None else min(int(given), most)


def _order(text: str) -> tuple[str | None, bool]:
    if not text:
        return None, False
    # Adobe's JavaScript client encodes the blank before `desc` twice.
    words = unquote(text).split()
    if words[0] != "PKey" and (words[0] not in FIELDS or not is_sortable(FIELDS[words[0]])):
        raise unknown_property(words[0])
    return words[0], words[1:] == ["desc"]


def _page(
    profiles: Profiles,
    filters: list[str],
    query: dict[str, str],
    order: str | None,
    descending: bool,
    start: Place | None,
    size: int,
) -> tuple[list[Profile], bool, int]:
    """(records, whether more follow, total): no snapshot, as nothing promises one."""
    matching = apply_filters(filters, query, profiles)
    if matching is None and order is None:
        found = profiles.after(start.number if start else 0, size + 1)
        return found[:size], len(found) > size, len(profiles.numbers)
    everything = list(profiles.by_number.values()) if matching is None else matching
    total = len(everything)
    if order is None:
        rest = [p for p in everything if start is None or p.number > start.number]
    else:
        everything = sorted(everything, key=lambda p: p.number)
        everything.sort(key=lambda p: _value(p, order), reverse=descending)
        rest = everything if start is None else [p for p in everything if _follows(p, order, descending, start)]
    return rest[:size], len(rest) > size, total


def _follows(profile: Profile, order: str, descending: bool, start: Place) -> bool:
    value = _value(profile, order)
    if value == start.value:
        return profile.number > start.number
    return (value > start.value) is not descending


def _value(profile: Profile, name: str) -> Any:
    return profile.pkey if name == "PKey" else profile.values.get(name, BLANKS.get(name, ""))


def _count(
    profiles: Profiles,
    resource: str,
    filters: list[str],
    query: dict[str, str],
    start: Place | None,
    total: int | None,
) -> dict[str, Any]:
    """The count link, double slash and all; its value only when it is known without another query."""
    kept = {name: query[name] for name in filter_parameters(filters, profiles) if name in query}
    place = _place_text(start or Place(0, None))
    path = "/".join([f"{resource}/", *filters, "_count"])
    count: dict[str, Any] = {"href": f"{path}?{_query({**kept, '_lineStart': place})}"}
    if total is not None:
        count["value"] = total
    return count


def _query(parameters: dict[str, str]) -> str:
    return urlencode(parameters, quote_via=quote, safe="@")


def _place_text(place: Place) -> str:
    text = orjson.dumps(list(place)).ljust(36)
    return "@" + base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _read_place(token: str) -> Place:
    bare = token.removeprefix("@")
    try:
        number, value = orjson.loads(base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)))
        return Place(int(number), value)
    except (ValueError, TypeError) as wrong:
        raise CampaignError(500, f"{GENERIC} '{bare}' is not a valid constant.") from wrong
