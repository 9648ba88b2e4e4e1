"""What opt-in/out would write if everybody were looked at now, counted, with nothing written anywhere.

Campaign's profiles are read page by page through the filter that polling uses, their contacts some at a time, and both
are reconciled as a writer does it; of a page nothing is kept but its counts, so that memory does not grow with the
number of people. A profile that changes while this runs may be counted twice, or not at all.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

from config.optinout import OptinoutConfig
from connectors.campaign_profiles import ProfilePage
from connectors.dynamics import MOST_IDS
from connectors.errors import TryAgain
from store.consent import ConsentStore
from sync.consent.doubles import as_one
from sync.consent.fitting import ConsentShapes
from sync.consent.memory import Memory, System
from sync.consent.memory_bytes import unpack
from sync.consent.payload import profile_state
from sync.consent.reconciling import reconcile
from sync.consent.sides import opted_out
from sync.consent.states import ContactState, ProfileState, Skews
from sync.guid import guid_of
from sync.patience import asked_for
from sync.systems import Systems

#: So long one question may take, in seconds.
QUESTION_SECONDS = 60.0
#: So often in a row a system may be busy before this gives up.
MOST_PATIENCE = 20
#: The rule by which ingress writes a flag: it says what Dynamics says, whatever Campaign has.
WITH_CONTACTS = "with-contacts"

T = TypeVar("T")


class Change(NamedTuple):
    """One kind of change, or of case that is left as it is."""

    column: str
    flag: str
    to: str  #: dynamics, campaign; empty: nothing is written
    opted_out: bool | None  #: what it becomes; None: nothing is decided
    rule: str


@dataclass
class Preview:
    profiles: int = 0  #: that were read
    no_contacts: int = 0  #: of those: whose key is no contact's id
    without_contact: int = 0  #: of those: whose contact Dynamics does not have
    doubles: int = 0  #: of those: second profiles of one contact, as far as they were read side by side
    ended: bool = True  #: whether everybody was read
    changes: Counter[Change] = field(default_factory=Counter)


def preview(
    config: OptinoutConfig,
    shapes: ConsentShapes,
    systems: Systems,
    store: ConsentStore,
    now_ms: Callable[[], int],
    limit: int | None = None,
) -> Preview:
    """Reads both systems, and what is remembered of each contact; `limit`: at most about so many profiles.

    `shapes`: of a direction that reads Campaign. With `direction: dynamics_to_campaign` it counts what ingress would
    write once the pairs are in its mapping. Raises ConnectorError.
    """
    found = Preview()
    for profiles, read_ms in _pages(config, shapes, systems, now_ms):
        found.profiles += len(profiles)
        _count(found, config, shapes, systems, store, _by_contact(found, config, profiles, read_ms), read_ms)
        if limit is not None and found.profiles >= limit:
            found.ended = False
            break
    return found


def _pages(
    config: OptinoutConfig, shapes: ConsentShapes, systems: Systems, now_ms: Callable[[], int]
) -> Iterator[tuple[Sequence[Mapping[str, Any]], int]]:
    poll, campaign = config.poll, systems.campaign
    assert poll is not None
    fields = (*shapes.fields(config.profile_key.field), "PKey")
    first = partial(campaign.changed_profiles, poll.filter, poll.parameter, 0, fields, poll.page_size, QUESTION_SECONDS)
    ask: Callable[[], ProfilePage] | None = first
    while ask is not None:
        read_ms = now_ms()
        page = _patiently(ask)
        yield page.profiles, read_ms
        ask = partial(campaign.follow_profiles, page.next, 0, fields, QUESTION_SECONDS) if page.next else None


def _by_contact(
    found: Preview, config: OptinoutConfig, profiles: Sequence[Mapping[str, Any]], read_ms: int
) -> dict[str, ProfileState]:
    states: dict[str, list[ProfileState]] = {}
    for profile in profiles:
        contact = guid_of(str(profile.get(config.profile_key.field, "")).strip())
        if contact:
            states.setdefault(contact, []).append(profile_state(config, profile, read_ms, live=True))
        else:
            found.no_contacts += 1
    found.doubles += sum(len(several) - 1 for several in states.values())
    return {id_: several[0] if len(several) == 1 else as_one(several) for id_, several in states.items()}


def _count(
    found: Preview,
    config: OptinoutConfig,
    shapes: ConsentShapes,
    systems: Systems,
    store: ConsentStore,
    profiles: Mapping[str, ProfileState],
    read_ms: int,
) -> None:
    ids, table = list(profiles), shapes.table()
    for first in range(0, len(ids), MOST_IDS):
        some = ids[first : first + MOST_IDS]
        rows = _patiently(partial(systems.dynamics.current, table, some, shapes.columns, QUESTION_SECONDS))
        skews = Skews(systems.dynamics.clock.skew(time.time()), systems.campaign.clock.skew(time.time()))
        for id_, packed in zip(some, store.memories(some), strict=True):
            row = rows.get(id_)
            if row is None:
                found.without_contact += 1
                continue
            contact = ContactState.of(id_, row.values, shapes.columns, row.modified_ms, row.etag)
            memory = unpack(packed) if packed is not None else None
            found.changes.update(_changes(config, contact, profiles[id_], memory, read_ms, skews))


def _changes(
    config: OptinoutConfig,
    contact: ContactState,
    profile: ProfileState,
    memory: Memory | None,
    now_ms: int,
    skews: Skews,
) -> Iterator[Change]:
    if not config.reads_campaign:
        yield from _with_contacts(config, contact, profile)
        return
    for one in reconcile(config, contact, profile, memory, now_ms, skews).decisions:
        sides = {"dynamics": one.dynamics, "campaign": one.campaign, "both": one.dynamics}
        value = sides[one.winner][0] if one.winner in sides else None
        yield Change(one.column, one.flag, one.written_to, value, one.rule)


def _with_contacts(config: OptinoutConfig, contact: ContactState, profile: ProfileState) -> Iterator[Change]:
    for pair in config.flags:
        there, here = opted_out(pair, contact), profile.flags.get(pair.campaign)
        if there is not None and here is not None and here.opted_out is not there:
            yield Change(pair.dynamics, pair.campaign, System.CAMPAIGN.value, there, WITH_CONTACTS)


def _patiently(ask: Callable[[], T]) -> T:
    """Waits while a system is busy."""
    for _ in range(MOST_PATIENCE):
        try:
            return ask()
        except TryAgain as error:
            time.sleep(asked_for(error) or 1.0)
    return ask()
