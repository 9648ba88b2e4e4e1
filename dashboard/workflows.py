"""The pages to look at: all workflows, one of them, its dead letters; and the door for whoever has the key."""

from typing import Any

from tornado.web import HTTPError

from control.dead_letters import LOOKED_AT, Cause, Letter, Selection, causes, letters
from control.dead_letters.remedies import remedy_of
from control.status.workflow import WorkflowStatus, status_of
from control.words import number
from dashboard.again import again, replayable
from dashboard.cards import card, cards, detail
from dashboard.door import LinkDoor
from dashboard.link import cookie_name
from dashboard.moments import moment
from dashboard.page import Page
from dashboard.past import past
from store.store import Store

#: So many are listed.
LETTERS, MOST_LETTERS, ACTS = 100, 1000, 20


class Workflows(Page):
    """All of them, one card each."""

    async def get(self) -> None:
        found = await self.call(cards, self.store, self.settings_of)
        part = self.get_query_argument("part", "") == "live"
        self.show("workflows-live.html" if part else "workflows.html", cards=found, single=False)


class Workflow(Page):
    """One of them, with its streams, its dead letters by cause, its replays, and what was done."""

    async def get(self, name: str) -> None:
        known = await self.call(self._read, name)
        part = self.get_query_argument("part", "") == "live"
        self.show("workflow-live.html" if part else "workflow.html", **known)

    def _read(self, name: str) -> dict[str, Any]:
        status = status_of(self.store, self.settings_of, name)
        at_ms = status.at_ms
        return {
            "card": card(self.store, status),
            "detail": detail(status, lambda stream: self.letters_url(name, stream)),
            "causes": _causes(self.store, status) if status.dead else [],
            "replays": again(self.store, name, at_ms),
            "replayable": replayable(status),
            "acts": past(self.store, name, ACTS, at_ms),
            "single": True,
        }


def _causes(store: Store, status: WorkflowStatus) -> list[dict[str, Any]]:
    # The page looks often: of many letters not all are counted each time.
    many = {stream.stream for stream in status.streams if stream.dead > LOOKED_AT}
    return [_cause(one, one.stream in many, status.at_ms) for one in causes(store, status.workflow, LOOKED_AT)]


def _cause(cause: Cause, of_many: bool, at_ms: int) -> dict[str, Any]:
    return {
        "stream": cause.stream,
        "kind": cause.kind,
        "count": f"{number(cause.count)}{'+' if of_many else ''}",
        "newest": moment(cause.newest.dead_ms, at_ms),
        "why": cause.newest.reason.sentence,
        "remedy": cause.remedy.sentence,
        "better_dropped": " drop " in cause.remedy.command,
    }


class Letters(Page):
    """The newest dead letters of one cause, or of all, each to be retried or dropped by itself."""

    async def get(self, name: str) -> None:
        stream, kind = (self.get_query_argument(word, "") for word in ("stream", "cause"))
        limit = MOST_LETTERS if self.get_query_argument("show", "") == "more" else LETTERS
        selection = Selection(name, stream or None, cause=kind or None)
        found = await self.call(letters, self.store, selection, limit + 1)
        now_ms = await self.call(self.store.now_ms)
        self.show(
            "workflow-letters.html",
            workflow=name,
            stream=stream,
            cause=kind,
            remedy=remedy_of(name, stream, kind).sentence if kind else "",
            has_more=len(found) > limit,
            most=MOST_LETTERS,
            letters=[_letter(one, now_ms) for one in found[:limit]],
        )


def _letter(one: Letter, now_ms: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "stream": one.stream,
        "kind": one.kind,
        "where": one.where,
        "why": one.reason.sentence,
        "attempts": str(one.attempts),
        "at": moment(one.dead_ms, now_ms),
    }


class Enter(Page):
    """Where nobody logs in: the key of the link becomes a cookie, and leaves the address."""

    def get(self) -> None:
        door = self.application.gate.door  # type: ignore[attr-defined]
        given = self.get_query_argument("key", "")
        if not isinstance(door, LinkDoor):
            self.redirect(self.reverse_url("workflows"))  # people log in here now, and this one has
            return
        if not door.is_key(given):
            raise HTTPError(403, "This link is not of this dashboard; ask for another: d365acs dashboard link")
        # For a browser that comes from a mail or a chat: Lax, so that the page after this one has it, too.
        self.set_cookie(
            cookie_name(self.settings_of.instance),
            given,
            expires_days=30,
            httponly=True,
            samesite="Lax",
        )
        self.redirect(self.reverse_url("workflows"))
