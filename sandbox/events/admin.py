"""The admin API's side of events: campaigns, the journal's content, the truth, the files on SFTP."""

from collections.abc import Iterator
from typing import Any

from sandbox.events.side import EventSide

Body = dict[str, Any]

#: The truth of more events than that is told in parts.
_AT_ONCE = 100_000


class EventAdmin:
    """`/events/...` and `/sftp/...`. A mistake is a ValueError, something that is not there a LookupError."""

    def __init__(self, side: EventSide) -> None:
        self._side = side

    def events(self, method: str, parts: list[str], query: dict[str, str], body: Body) -> object:
        """`/events/campaign`, `/events/journal`, `/events/truth`."""
        asked = (method, *parts)
        if asked == ("POST", "campaign"):
            return self._side.run_campaign(body)
        if asked == ("GET", "truth"):
            return {"value": list(self._truth(*_window(query)))}
        if parts == ["journal"] and method in ("GET", "POST"):
            journal = self._side.journal
            if method == "POST":
                again = body.pop("again", 0)
                journal.add_raw(*_lists(body), self._side.switches)
                journal.add_again(again, self._side.switches)
            return {"entries": len(journal), "to_come": journal.to_come}
        raise LookupError(f"{method} /events/{'/'.join(parts)}; GET / lists what there is")

    def _truth(self, campaign: int | None, begin: int, count: int | None) -> Iterator[Body]:
        if count is None and self._side.events > _AT_ONCE:
            raise ValueError(f"There are more than {_AT_ONCE} events: ask for some of them, with begin and count.")
        return self._side.truth(campaign, begin, count)

    def files(self, method: str, parts: list[str], body: Body) -> object:
        """`/sftp/files[/<path>]` and `/sftp/folders/<path>`."""
        folder, path = self._side.folder, "/".join(parts[1:])
        if parts == ["files"] and method == "GET":
            return {"value": folder.listed()}
        if parts[:1] == ["folders"] and path and method == "PUT":
            folder.make(path)
            return None
        if parts[:1] == ["files"] and path:
            if method == "GET":
                return folder.read(path)
            if method == "DELETE":
                folder.remove(path)
                return None
            change = {"PUT": folder.put, "POST": folder.go_on, "PATCH": folder.change}.get(method)
            if change is not None:
                return change(path, body)
        raise LookupError(f"{method} /sftp/{'/'.join(parts)}; GET / lists what there is")


def _lists(body: Body) -> tuple[list[object], list[str]]:
    events, entries = body.get("events", []), body.get("entries", [])
    if body.keys() - {"events", "entries"} or not isinstance(events, list) or not isinstance(entries, list):
        raise ValueError(
            "Give events, a list of any JSON, entries, a list of texts, or again, a share of what is there."
        )
    if not all(isinstance(entry, str) for entry in entries):
        raise ValueError("entries are texts, each put into the journal as it is.")
    return events, entries


def _window(query: dict[str, str]) -> tuple[int | None, int, int | None]:
    """`campaign`, `begin`, `count` as whole numbers."""
    unknown = query.keys() - {"campaign", "begin", "count"}
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]} is not known here; give campaign, begin, count.")
    given = {name: int(value) for name, value in query.items()}
    return given.get("campaign"), given.get("begin", 0), given.get("count")
