"""Collections of records: the envelope, pages, order, counts, attribute lists (Campaign Standard: pagination)."""

import base64
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

import orjson

from sandbox.campaign.errors import GENERIC, CampaignError, unknown_property
from sandbox.campaign.filters import apply_filters, filter_parameters
from sandbox.campaign.resource import Record, Resource
from sandbox.campaign.showing import View
from sandbox.http import JSON_TYPE, Answer

DEFAULT_PAGE = 25


class Place(NamedTuple):
    """The decoded `_lineStart`: the last record served."""

    number: int
    value: Any


class Order(NamedTuple):
    """The decoded `_order`."""

    field: str
    descending: bool


class Selection(NamedTuple):
    """What a collection's address asks for: filters, one attribute of the records or all, children of one record.

    `url` is the address in absolute form, without filters, attribute and query.
    """

    url: str
    filters: list[str]
    attribute: str | None = None
    children: list[Record] | None = None


def list_records(view: View, wanted: Selection, query: dict[str, str]) -> Answer:
    """One page of the visible records."""
    resource = view.resource
    switches = resource.switches
    size = _line_count(resource, query)
    order = _order(resource, query.get("_order", ""))
    start = _read_place(query["_lineStart"]) if query.get("_lineStart") else None
    found, more = _page(view, wanted, query, order, start, size)
    attribute = wanted.attribute
    content: list[Any] = [view.show(record) for record in found]
    if attribute is not None:
        content = [shown.get(attribute, "") for shown in content]
    body: dict[str, Any] = {"content": content}
    path = "/".join([wanted.url, *wanted.filters, *([attribute] if attribute else [])])
    if attribute is None:
        total = None if more or start is not None else len(found)
        body["count"] = _count(resource, wanted, query, start, total)
        body["serverSidePagination"] = True
    if more:
        is_big = len(resource.numbers) > switches.big_table_threshold
        if is_big and query.get("_forcePagination") != "true":
            body["serverSidePagination"] = False
        else:
            last = found[-1]
            place = Place(last.number, None if order is None else _value(resource, last, order.field))
            kept = {name: value for name, value in query.items() if name != "_lineStart"}
            body["next"] = {"href": f"{path}?{_query({**kept, '_lineStart': _place_text(place)})}"}
    return Answer(200, [JSON_TYPE], orjson.dumps(body, option=orjson.OPT_SORT_KEYS))


def count_records(view: View, wanted: Selection, query: dict[str, str]) -> Answer:
    found = _matching(view, wanted, query)
    if found is None and not view.instance.can_hide(view.resource):
        total = len(view.resource.numbers)
    else:
        total = len(view.instance.visible(view.resource, view.resource.by_number.values() if found is None else found))
    return Answer(200, [JSON_TYPE], orjson.dumps({"count": total}))


def _line_count(resource: Resource, query: dict[str, str]) -> int:
    given = query.get("_lineCount")
    if given is None:
        return DEFAULT_PAGE
    if not given.isdigit() or int(given) < 1:
        raise CampaignError(500, f"{GENERIC} '{given}' is not a valid constant.")
    most = resource.switches.max_line_count
    return int(given) if most is None else min(int(given), most)


def _order(resource: Resource, text: str) -> Order | None:
    if not text:
        return None
    # Adobe's JavaScript client encodes the blank before `desc` twice.
    words = unquote(text).split()
    field = resource.definition.fields.get(words[0])
    if words[0] != "PKey" and (field is None or not field.is_scalar):
        raise unknown_property(resource.definition, words[0])
    return Order(words[0], words[1:] == ["desc"])


def _matching(view: View, wanted: Selection, query: dict[str, str]) -> list[Record] | None:
    """Hidden ones too; None: every record of the resource."""
    found = apply_filters(wanted.filters, query, view.resource)
    return wanted.children if found is None else found


def _page(
    view: View, wanted: Selection, query: dict[str, str], order: Order | None, start: Place | None, size: int
) -> tuple[list[Record], bool]:
    """(records, whether more follow): no snapshot, as nothing promises one."""
    instance, resource = view.instance, view.resource
    matching = _matching(view, wanted, query)
    if matching is None and order is None:
        found = instance.after(resource, start.number if start else 0, size + 1)
        return found[:size], len(found) > size
    everything = instance.visible(resource, resource.by_number.values() if matching is None else matching)
    if order is None:
        rest = [record for record in everything if start is None or record.number > start.number]
    else:
        everything = sorted(everything, key=lambda record: record.number)
        everything.sort(key=lambda record: _value(resource, record, order.field), reverse=order.descending)
        rest = [record for record in everything if start is None or _follows(resource, record, order, start)]
    return rest[:size], len(rest) > size


def _follows(resource: Resource, record: Record, order: Order, start: Place) -> bool:
    value = _value(resource, record, order.field)
    if value == start.value:
        return record.number > start.number
    return (value > start.value) is not order.descending


def _value(resource: Resource, record: Record, name: str) -> Any:
    return record.pkey if name == "PKey" else record.values.get(name, resource.definition.blanks.get(name, ""))


def _count(
    resource: Resource, wanted: Selection, query: dict[str, str], start: Place | None, total: int | None
) -> dict[str, Any]:
    """The count link, double slash and all; its value only when it is known without another query."""
    kept = {name: query[name] for name in filter_parameters(wanted.filters, resource) if name in query}
    place = _place_text(start or Place(0, None))
    path = "/".join([f"{wanted.url}/", *wanted.filters, "_count"])
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
