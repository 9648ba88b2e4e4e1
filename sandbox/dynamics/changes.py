"""Change tracking: the tracked full read, delta reads, their pages and their expiry.

learn.microsoft.com, use change tracking to synchronize data with external systems.
"""

from typing import Any

import orjson

from sandbox.dynamics.annotations import Wanted, render
from sandbox.dynamics.context import Call
from sandbox.dynamics.errors import JSON, DataverseError, expired_version
from sandbox.dynamics.links import (
    Cookie,
    cookie_text,
    encoded_cookie,
    encoded_delta_token,
    kept_parameters,
    read_cookie,
    read_delta_token,
)
from sandbox.dynamics.reading import context, plain_count
from sandbox.dynamics.selection import Selection, parse_select
from sandbox.dynamics.tables import Row, Table, Tombstone
from sandbox.http import Answer

_REFUSED = ("$filter", "$orderby", "$expand", "$top")


def is_tracked_read(call: Call) -> bool:
    query = call.request.query
    if "$deltatoken" in query or 'istracking="True"' in query.get("$skiptoken", ""):
        return True
    return "odata.track-changes" in call.preferences and "$skiptoken" not in query


def read_changes(call: Call, table: Table) -> Answer:
    """One page of a tracked full read or of a delta."""
    organization, query = call.organization, call.request.query
    switches = organization.switches
    if not organization.is_tracked(table):
        message = f"Entity {table.name} isn't enabled for change tracking."
        raise DataverseError(switches.tracking_off_status, "0x80072491", message)
    for name in _REFUSED:
        if name in query:
            message = f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
            raise DataverseError(switches.tracked_query_status, "0x80060888", message)
    call.wants_tracking()
    wanted = call.annotations()
    size = call.page_size()
    if query.get("$skiptoken"):
        cookie = read_cookie(query["$skiptoken"], table.primary_id)
        if cookie.since is not None and _is_forgotten(call, table, cookie.since):
            raise expired_version(switches.expired_delta_status)
    else:
        settled = table.settled_version(organization.clock.now() - switches.change_delay_seconds)
        since = _since(call, table) if "$deltatoken" in query else None
        cookie = Cookie(1, str(since or ""), tracking=True, maximum=settled, since=since)
    selection = parse_select(table, query.get("$select"))
    if cookie.since is None:
        return _full_page(call, table, cookie, size, selection, wanted)
    return _delta_page(call, table, cookie, size, selection, wanted)


def count_changes(call: Call, table: Table) -> Answer:
    """`contacts/$count?$deltatoken=...`"""
    since = _since(call, table)
    return plain_count(len(table.changed_since(since)) + len(_gone(table, since, table.versions.current, False)))


def _is_forgotten(call: Call, table: Table, version: int) -> bool:
    """Whether change tracking no longer goes back to the version, whatever the token's age."""
    organization = call.organization
    told_anew = organization.switches.delta_after_publish == "expired" and version < table.published
    return version < organization.delta_floor or told_anew


def _since(call: Call, table: Table) -> int:
    organization, switches = call.organization, call.organization.switches
    version, issued = read_delta_token(
        call.request.query["$deltatoken"], switches.malformed_delta_status, switches.malformed_delta_code
    )
    age = organization.clock.now() - issued
    too_old = age > switches.expire_change_tracking_days * 86_400
    if too_old or _is_forgotten(call, table, version) or switches.metadata_changed:
        raise expired_version(switches.expired_delta_status)
    return version


def _full_page(call: Call, table: Table, cookie: Cookie, size: int, selection: Selection, wanted: Wanted) -> Answer:
    ids = table.after(cookie.last, size + 1)
    rows = [table.rows[row_id] for row_id in ids[:size]]
    name_of = call.organization.name_of
    value: list[Any] = [render(table, row, selection.wires, wanted, name_of) for row in rows]
    following = None
    if len(ids) > size:
        following = Cookie(cookie.page + 1, rows[-1].id, first=rows[0].id, tracking=True, maximum=cookie.maximum)
    _note(call, "full", cookie.page, len(value), 0)
    return _answer(call, table, context(call, table, selection), value, following, cookie)


def _delta_page(call: Call, table: Table, cookie: Cookie, size: int, selection: Selection, wanted: Wanted) -> Answer:
    assert cookie.since is not None and cookie.maximum is not None
    last = int(cookie.last)
    both = call.organization.switches.recreated_rows == "both"
    rows: list[Row] = []
    if cookie.phase == "rows":
        rows = [row for row in table.changed_since(last) if row.version <= cookie.maximum]
    stones_after = last if cookie.phase == "deleted" else cookie.since
    stones: list[Tombstone] = _gone(table, stones_after, cookie.maximum, both)
    taken = rows[:size]
    buried = stones[: size - len(taken)]
    value: list[Any] = [render(table, row, selection.wires, wanted, call.organization.name_of) for row in taken]
    deleted_context = f"{call.api}/$metadata#{table.set_name}/$deletedEntity"
    value += [{"@odata.context": deleted_context, "id": stone.id, "reason": "deleted"} for stone in buried]
    following = None
    if len(taken) < len(rows) or len(buried) < len(stones):
        phase, position = ("deleted", buried[-1].version) if buried else ("rows", taken[-1].version)
        following = Cookie(
            cookie.page + 1,
            str(position),
            tracking=True,
            maximum=cookie.maximum,
            since=cookie.since,
            phase=phase,
        )
    _note(call, "delta", cookie.page, len(taken), len(buried))
    return _answer(call, table, context(call, table, selection, "/$delta"), value, following, cookie)


def _gone(table: Table, since: int, maximum: int, recreated_too: bool) -> list[Tombstone]:
    return [
        stone
        for stone in table.deleted_since(since)
        if stone.version <= maximum and (recreated_too or stone.id not in table.rows)
    ]


def _answer(
    call: Call, table: Table, shown_context: str, value: list[Any], following: Cookie | None, cookie: Cookie
) -> Answer:
    """The last page has the deltaLink (before `value`, as documented), every other one a nextLink (after it)."""
    kept = kept_parameters(call.request.query)
    body: dict[str, Any] = {"@odata.context": shown_context}
    if following is None:
        clock = call.organization.clock
        version = cookie.maximum or 0
        if call.organization.switches.delta_version == "end":
            version = table.settled_version(clock.now() - call.organization.switches.change_delay_seconds)
        token = encoded_delta_token(version, clock.now())
        body["@odata.deltaLink"] = f"{call.api}/{table.set_name}?{kept}$deltatoken={token}"
    body["value"] = value
    if following is not None:
        token = encoded_cookie(cookie_text(following, table.primary_id, ()))
        body["@odata.nextLink"] = f"{call.api}/{table.set_name}?{kept}$skiptoken={token}"
    return Answer(200, [JSON], orjson.dumps(body))


def _note(call: Call, kind: str, page: int, rows: int, deleted: int) -> None:
    if call.read_entry is not None:
        call.read_entry |= {"kind": kind, "page": page, "rows": rows, "deleted": deleted}
