"""Walks over contacts, which two systems in memory hold: asked for, how far they are, and what they have written."""

from collections.abc import Sequence
from typing import Any

import pytest

from store.replays import Ids
from sync.streams import Slice
from sync.tables.position import Position
from sync.tables.walk import Walk
from tests.integration.sync.family import CONTACT, Family, the

ONE_PAGE = Slice(0, lambda: False)
NAMES = [f"c{number}" for number in range(6)]


def contacts(family: Family, names: Sequence[str] = NAMES, **mapping: Any) -> list[str]:
    """These contacts in both systems, in pages of two."""
    family.dynamics.page_size = 2
    family.start(contact=mapping, new_membership=None, new_invoice=None)
    for name in names:
        family.dynamics.put(CONTACT, the(name), lastname=name)
    family.settle()
    family.campaign.events.clear()
    return sorted(map(the, names))


def replay_now(family: Family, **only: Any) -> None:
    """Of all contacts, or of those that `only` names, at a rate or as fast as it goes."""
    assert family.workflow.replays.ask(CONTACT, "a test", "", **only)
    assert family.workflow.replays.begin_now(CONTACT, "a test")


def confined_to(family: Family, ids: Sequence[str]) -> Ids:
    """For the `ids` of a replay."""
    known = family.workflow.replays.ids_of(CONTACT)
    return Ids(known.token, known.keep(ids))


def written(family: Family) -> list[str]:
    """The ids of the contacts that Campaign was sent, each as often as that."""
    return sorted(key for _, key in family.writes(CONTACT))


def position(family: Family) -> Position:
    return Position.load(family.workflow.cursor(CONTACT).value)


def walk(family: Family) -> Walk:
    """The one that is under way, or the last one."""
    found = position(family).walk
    assert found is not None
    return found


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a rate makes wait follows at once, so that nobody sleeps here."""
    monkeypatch.setattr("sync.tables.walking.next_due_ms", lambda now_ms, queued, rate: 0)
