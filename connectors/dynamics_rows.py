"""Rows of Dynamics that are asked for by ids: whether they are there, how they are now, which link to them.

learn.microsoft.com, Dataverse query functions: In; Page results.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from connectors.dynamics_http import DynamicsHttp
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Wanted, items_of, selected
from connectors.errors import Refused
from connectors.moments import dynamics_ms
from connectors.uptime import uptime
from connectors.wire import Answer

#: Ids of one question for existing rows: so many make an address of 5 kB, of the 32 kB that are allowed.
MOST_IDS = 100
#: Ids of one question for the rows that link to them.
MOST_LINKED = 50

#: When a row was last changed, whichever of its columns that was.
MODIFIED = "modifiedon"

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]+"')


class CurrentRow(NamedTuple):
    """A row as it was when it was asked for. `etag`: its version, verbatim, for a change under the condition that it is
    still this one; `modified_ms`: when it was last changed, by Dynamics' clock in ms since 1970, of which Dynamics
    tells whole seconds; `values`: the asked columns by logical name, as they stand in the Web API's JSON."""

    id: str
    etag: str
    modified_ms: int
    values: dict[str, Any]


def guid(id_: str, about: str) -> str:
    """The id in lower case; nothing in it may lead to another address. Raises Refused."""
    if not GUID.fullmatch(id_.lower()):
        raise Refused("dynamics", f"Dynamics GET {about}: the record's id is no guid", code="bad-key")
    return id_.lower()


def is_etag(text: object) -> bool:
    """Whether it is the version of one row: "*", which stands for any, is none."""
    return isinstance(text, str) and _ETAG.fullmatch(text) is not None


def existing(http: DynamicsHttp, table: DynamicsTable, ids: Sequence[str], timeout: float) -> set[str]:
    """See `Dynamics.existing`."""
    return {id_ for _, page in _by_ids(http, table, ids, (), timeout) for id_ in page}


def current(
    http: DynamicsHttp, table: DynamicsTable, ids: Sequence[str], columns: Sequence[str], timeout: float
) -> dict[str, CurrentRow]:
    """See `Dynamics.current`."""
    wanted = Wanted(table, columns)
    found: dict[str, CurrentRow] = {}
    for answer, page in _by_ids(http, table, ids, (*wanted.properties, MODIFIED), timeout):
        for id_, item in page.items():
            if not is_etag(item.get("@odata.etag")):
                raise answer.malformed("a row came without its version")
            try:
                values = {name: item[property_] for name, property_ in zip(columns, wanted.properties, strict=True)}
                found[id_] = CurrentRow(id_, item["@odata.etag"], dynamics_ms(item[MODIFIED]), values)
            except KeyError as missing:
                raise answer.malformed(f"a row came without the column {missing.args[0]}") from None
            except ValueError:
                raise answer.malformed("a row does not tell when it was changed") from None
    return found


def linking(table: DynamicsTable, lookup: str, ids: Sequence[str], wanted: Wanted) -> str:
    """The address of the rows that `Dynamics.linked` asks for; they come in the order of their ids, so that one that
    changes between two pages is not passed over."""
    _check_number(ids, MOST_LINKED)
    property_ = table.columns[lookup].property
    rule = " or ".join(f"{property_} eq {guid(id_, table.set_name)}" for id_ in ids)
    return (
        f"{table.set_name}?$select={selected(table, wanted)}&$filter={quote(rule, safe='')}&$orderby={table.primary_id}"
    )


def _by_ids(
    http: DynamicsHttp, table: DynamicsTable, ids: Sequence[str], properties: Sequence[str], timeout: float
) -> Iterator[tuple[Answer, dict[str, dict[str, Any]]]]:
    """Each page with its rows by id, those of the asked ones that are there."""
    _check_number(ids, MOST_IDS)
    asked = sorted({guid(id_, table.set_name) for id_ in ids})
    if not asked:
        return
    named = ",".join(f'"{id_}"' for id_ in asked)
    rule = f"Microsoft.Dynamics.CRM.In(PropertyName='{table.primary_id}',PropertyValues=[{named}])"
    columns = ",".join(dict.fromkeys(properties)) or table.primary_id
    path = f"{table.set_name}?$select={columns}&$filter={quote(rule, safe='')}"
    for answer, items in _pages(http, table, path, timeout, properties):
        try:
            page = {item[table.primary_id].lower(): item for item in items}
            if not page.keys() <= set(asked):
                raise ValueError
        except (KeyError, TypeError, ValueError, AttributeError):
            # What is taken for gone is deleted: an answer that is odd in any way says nothing.
            raise answer.malformed("the rows that are there have not the promised shape") from None
        yield answer, page


def _pages(
    http: DynamicsHttp,
    table: DynamicsTable,
    path: str,
    timeout: float,
    properties: Sequence[str],
) -> Iterator[tuple[Answer, list[dict[str, Any]]]]:
    """Each page of a question's answer with its items. `timeout` is for all of them together."""
    deadline = uptime() + timeout
    link: str | None = path
    while link:
        answer = http.get(
            link,
            table.set_name,
            deadline - uptime(),
            table=table.name,
            properties=properties,
        )
        try:
            page = answer.object()
            items, link = items_of(page), page.get("@odata.nextLink")
            if not isinstance(link, str | None):
                raise TypeError
        except (KeyError, TypeError):
            raise answer.malformed("the rows have not the promised shape") from None
        yield answer, items


def _check_number(ids: Sequence[str], most: int) -> None:
    if len(ids) > most:
        raise ValueError(f"at most {most} ids can be asked for at once, not {len(ids)}")
