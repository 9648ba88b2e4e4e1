"""Rows that are changed only as long as they are as they were read: one, or many in one request.

learn.microsoft.com, Perform conditional operations using the Web API: apply optimistic concurrency. A condition on the
version also keeps a row that was deleted from being made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import orjson

from connectors import dynamics_batches
from connectors.batch import Part, Written
from connectors.dynamics_batches import PREFER, Kind, patch_line
from connectors.dynamics_errors import is_throttling, update_error_of
from connectors.dynamics_http import DynamicsHttp
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_rows import MODIFIED, guid, is_etag
from connectors.errors import ConnectorError, Malformed, Throttled
from connectors.http import error_object
from connectors.moments import dynamics_ms
from connectors.wire import Answer

_QUERY = f"?$select={MODIFIED}"
_HEADERS = {"Content-Type": "application/json", "Prefer": "return=representation"}


class Update(NamedTuple):
    """What a row is to become: the columns that change, by logical name, as JSON takes them; no lookups among them.
    `etag`: the version that it was read in, verbatim, as `dynamics_rows.CurrentRow` has it."""

    table: DynamicsTable
    id: str
    values: Mapping[str, object]
    etag: str


class Updated(NamedTuple):
    """`etag`: the version that the change made, verbatim; `modified_ms`: when Dynamics says that was, ms since 1970,
    None if it does not tell."""

    etag: str
    modified_ms: int | None


def update(http: DynamicsHttp, change: Update, timeout: float) -> Updated:
    """See `Dynamics.update`."""
    path = f"{change.table.set_name}({_checked(change)}){_QUERY}"
    answer = http.request(
        "PATCH",
        path,
        about=change.table.set_name,
        timeout=timeout,
        body=_body(change),
        headers={**_HEADERS, "If-Match": change.etag},
    )
    if is_throttling(answer):
        raise http.throttled(answer)
    found = _confirmation(answer, change) or _judged(answer, change)
    if isinstance(found, ConnectorError):
        raise found
    return found


def update_all(
    http: DynamicsHttp, changes: Sequence[Update], api_path: str, timeout: float
) -> list[Updated | ConnectorError]:
    """See `Dynamics.update_all`."""
    if not changes:
        return []
    content_type, body = written(changes, api_path)
    headers = {"Content-Type": content_type, "Prefer": PREFER}
    answer = http.request("POST", "$batch", about="$batch", timeout=timeout, body=body, headers=headers)
    return outcomes(answer, changes, http.throttled)


def written(changes: Sequence[Update], api_path: str) -> Written:
    """The batch. `api_path`: where the Web API stands on its host.

    Raises ValueError for more than MOST_OPERATIONS, and for a version that is none; Refused for an id that is no guid.
    """
    operations = []
    for change in changes:
        lines = [patch_line(api_path, change.table.set_name, _checked(change), _QUERY)]
        lines += [f"{name}: {value}" for name, value in _HEADERS.items()]
        lines.append(f"If-Match: {change.etag}")
        operations.append(("\r\n".join(lines).encode(), _body(change)))
    return dynamics_batches.written(operations)


def outcomes(
    answer: Answer, changes: Sequence[Update], throttled: Callable[[Answer], Throttled]
) -> list[Updated | ConnectorError]:
    """What became of each, in their order. See `dynamics_batches.outcomes`."""
    return dynamics_batches.outcomes(answer, changes, _UPDATES, throttled)


def _checked(change: Update) -> str:
    """The row's id as it may stand in an address. Raises ValueError, Refused."""
    if not is_etag(change.etag):
        # "*" and nothing at all would overwrite whatever is there, or make a row that was deleted.
        raise ValueError("a row can only be changed in the version that it was read in, and this is none")
    return guid(change.id, change.table.set_name)


def _body(change: Update) -> bytes:
    return orjson.dumps(dict(change.values))


def _about(change: Update) -> str:
    return f"Dynamics PATCH {change.table.set_name}"


def _confirmed(part: Part, change: Update) -> Updated | ConnectorError | None:
    if part.status >= 300:
        return None
    return _confirmation(Answer("dynamics", _about(change), part.status, part.headers(), part.body), change)


def _confirmation(answer: Answer, change: Update) -> Updated | Malformed | None:
    """What an answer that confirms the change of this very row says; None if it is no such answer."""
    id_ = change.id.lower()
    named = f"/{change.table.set_name.lower()}({id_})"
    if answer.status == 204 and named in answer.headers.get("OData-EntityId", "").lower():
        return answer.malformed("the row was changed, but the answer does not tell its new version")
    if answer.status != 200:
        return None
    row = error_object(answer)
    if str(row.get(change.table.primary_id)).lower() != id_:
        return None
    etag = row.get("@odata.etag") or answer.headers.get("ETag")
    if not isinstance(etag, str) or not is_etag(etag):
        return answer.malformed("the row was changed, but the answer does not tell its new version")
    try:
        return Updated(etag, dynamics_ms(row.get(MODIFIED)))
    except ValueError:
        return Updated(etag, None)


def _judged(answer: Answer, change: Update) -> ConnectorError:
    if answer.status < 400:
        return answer.malformed("the answer does not confirm that the row was changed")
    return update_error_of(answer, change.table.set_name, change.values)


_UPDATES: Kind[Update, Updated] = Kind(_about, _confirmed, _judged, "the rights to write rows")
