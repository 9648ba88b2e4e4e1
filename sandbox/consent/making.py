"""Made-up profiles of contacts, and made-up changes of consent on either side, at once or so many a second."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from sandbox.campaign.instance import Instance
from sandbox.campaign.profile import FLAGS
from sandbox.campaign.resource import Record
from sandbox.clock import campaign_stamp
from sandbox.consent.journal import ConsentJournal
from sandbox.consent.pairs import KEY, Pair, pairs_of, profiles_of
from sandbox.dynamics.organization import Organization

_SIDES = ("dynamics", "campaign")


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """The body of `POST /consent/changes`. Without `ids`, `contacts` of those with a profile are drawn."""

    side: str = "both"
    pairs: Any = None
    contacts: int | None = None
    ids: list[str] | None = None
    #: How many changes; one for each contact without it.
    changes: int | None = None
    #: Changes per second of real time; all at once without it.
    rate: float | None = None
    #: Share of the changes that befall both sides, one after the other, with opposite values.
    conflicts: float = 0.0
    #: The value to be set; without it each change turns the flag round.
    opted_out: bool | None = None
    seed: int | str = 0

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "ChangePlan":
        """Check and build; ValueError names the wrong member."""
        known = {entry.name for entry in fields(cls)}
        for name in given:
            if name not in known:
                raise ValueError(f"{name} is not known here; give any of {', '.join(sorted(known))}.")
        plan = cls(**given)
        if plan.side not in (*_SIDES, "both"):
            raise ValueError("side must be dynamics, campaign or both.")
        if plan.rate is not None and not plan.rate > 0:
            raise ValueError("rate must be a number above 0.")
        if plan.opted_out not in (None, True, False) or not 0 <= plan.conflicts <= 1:
            raise ValueError("opted_out must be true or false, and conflicts a share of 1.")
        return plan


class _Step(NamedTuple):
    """One change to come. `value` is None where the flag turns round."""

    contact: str
    pair: Pair
    side: str
    value: bool | None


class ChangeMaker:
    """What it changes is as if people had done it: neither counted nor journalled with the writes."""

    def __init__(self, organization: Organization, instance: Instance, journal: ConsentJournal) -> None:
        self._organization = organization
        self._instance = instance
        self._journal = journal
        self._tasks: set[asyncio.Task[None]] = set()
        self.left = 0

    def make_profiles(self, given: dict[str, Any]) -> list[str]:
        """A profile for each contact of `ids`, for `count` of them or for all, with its flags as `pairs` say; contacts
        that have one are passed over. The ids of those that got one. ValueError, LookupError.
        """
        if given.keys() - {"ids", "count", "pairs"}:
            raise ValueError("Give any of ids, count, pairs.")
        pairs = pairs_of(given.get("pairs"), self._organization)
        made = []
        there = self._keys()
        for id_ in self._contacts(given.get("ids"))[: given.get("count")]:
            if id_ not in there:
                values = self._organization.contacts.rows[id_].values
                profile = {
                    KEY: id_,
                    "email": str(values.get("emailaddress1") or ""),
                    "firstName": str(values.get("firstname") or ""),
                    "lastName": str(values.get("lastname") or ""),
                }
                flags = {pair.campaign: values.get(pair.dynamics) is pair.opted_out for pair in pairs}
                record = self._instance.resources["profile"].create({**profile, **flags})
                self._note_profile(True, id_, record)
                made.append(id_)
        return made

    def delete_profiles(self, given: dict[str, Any]) -> list[str]:
        """Deletes the profiles of the contacts of `ids`; the ids of those that had one. ValueError."""
        ids = given.get("ids")
        if given.keys() != {"ids"} or not isinstance(ids, list):
            raise ValueError("Give ids, a list of contacts.")
        found = [(str(id_).lower(), record) for id_ in ids for record in profiles_of(self._instance, str(id_).lower())]
        for id_, record in found:
            self._note_profile(False, id_, record)
            self._instance.delete(self._instance.resources["profile"], record)
        return list(dict.fromkeys(id_ for id_, _ in found))

    def _note_profile(self, made: bool, id_: str, record: Record) -> None:
        flags = {flag: bool(record.values.get(flag, False)) for flag in FLAGS}
        clock = self._organization.clock
        stamp = record.values["created"] if made else campaign_stamp(clock.shown("campaign"))
        self._journal.profile(made, id_, record.pkey, flags, stamp, clock.now())

    def begin(self, plan: ChangePlan) -> int:
        """Do it at once, or begin with it: how many changes there will be. ValueError, LookupError."""
        steps = list(self._steps(plan))
        if plan.rate is None:
            for step in steps:
                self._apply(step)
        elif steps:
            self.left += len(steps)
            task = asyncio.get_running_loop().create_task(self._go_on(steps, plan.rate))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(steps)

    def stop(self) -> None:
        """What is still to come will not."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self.left = 0

    async def _go_on(self, steps: list[_Step], rate: float) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number, step in enumerate(steps):
            await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
            self._apply(step)
            self.left -= 1

    def _keys(self) -> set[str]:
        profiles = self._instance.resources["profile"]
        return {str(record.values.get(KEY, "")) for record in profiles.by_number.values()}

    def _contacts(self, ids: list[str] | None) -> list[str]:
        rows = self._organization.contacts.rows
        if ids is None:
            return self._organization.contacts.ids.all()
        chosen = [str(id_).lower() for id_ in ids]
        for id_ in chosen:
            if id_ not in rows:
                raise LookupError(f"contact {id_}")
        return chosen

    def _steps(self, plan: ChangePlan) -> Iterator[_Step]:
        source = random.Random(f"consent:{plan.seed}")
        pairs = pairs_of(plan.pairs, self._organization)
        chosen = self._contacts(plan.ids)
        if plan.ids is None:
            keys = self._keys()
            chosen = [id_ for id_ in chosen if id_ in keys]
            if plan.contacts is not None:
                chosen = source.sample(chosen, min(plan.contacts, len(chosen)))
        if not chosen:
            raise ValueError("No contact has a profile: POST /consent/profiles makes some.")
        for number in range(len(chosen) if plan.changes is None else plan.changes):
            contact = chosen[number] if plan.changes is None else source.choice(chosen)
            pair = source.choice(pairs)
            side = source.choice(_SIDES) if plan.side == "both" else plan.side
            if source.random() < plan.conflicts:
                value = source.random() < 0.5
                yield _Step(contact, pair, side, value)
                yield _Step(contact, pair, _SIDES[side == "dynamics"], not value)
            else:
                yield _Step(contact, pair, side, plan.opted_out)

    def _apply(self, step: _Step) -> None:
        """Nothing happens where there is nobody any more, or where the value is the same already."""
        if step.side == "dynamics":
            self._change_contact(step)
        else:
            self._change_profiles(step)

    def _change_contact(self, step: _Step) -> None:
        organization, pair = self._organization, step.pair
        row = organization.contacts.rows.get(step.contact)
        if row is None:
            return
        before = row.values.get(pair.dynamics) is pair.opted_out
        after = not before if step.value is None else step.value
        if after is not before:
            value = after is pair.opted_out
            row = organization.contacts.put(row.id, {pair.dynamics: value}, organization.credentials.user_id)
            told = (pair.dynamics, value, after, row.values["modifiedon"], organization.clock.now())
            self._journal.change("dynamics", row.id, None, *told)

    def _change_profiles(self, step: _Step) -> None:
        flag, profiles = step.pair.campaign, self._instance.resources["profile"]
        for record in profiles_of(self._instance, step.contact):
            before = bool(record.values.get(flag, False))
            after = not before if step.value is None else step.value
            if profiles.update(record, {flag: after}):
                told = (flag, after, after, record.values["lastModified"], self._organization.clock.now())
                self._journal.change("campaign", step.contact, record.pkey, *told)
