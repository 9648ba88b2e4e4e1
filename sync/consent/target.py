"""Both systems as the stream of consent writes them: a contact is reconciled, whichever side its change came from.

both sides read    Campaign first: the profile that waits, or a look-up; then the rows of many contacts in one request
reconciled         flag by flag; equal sides end here
decided            every decision is on record before the first request
Dynamics written   many contacts in one request, each only in the version that was read; else it is read again
Campaign written   only where exactly one profile carries the key
confirmed          with the memory of what was written, in one step
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from config.optinout import OptinoutConfig
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_updates import Update, Updated
from connectors.errors import Changed, NotFound, Refused
from store.consent import ConsentStore, MemoryMoved
from store.decisions import Confirmed, Decision
from store.ledger import Entry
from store.record_queue import Again, Leased, Outcome, Parent, Parked, Unchanged
from sync.batch_size import BatchSize
from sync.consent.fitting import CONTACT, PROFILE
from sync.consent.memory import Memory, System
from sync.consent.memory_bytes import pack, unpack
from sync.consent.payload import profile_of, profile_state
from sync.consent.reconciling import Closed, Plan, reconcile
from sync.consent.rule import Rule
from sync.consent.sides import opted_out
from sync.consent.states import ContactState, ProfileState, Skews
from sync.guid import is_guid, other_spellings
from sync.mapping.mapper import Unmappable
from sync.resource_target import Tally
from sync.streams import Allowance, Answer, Calls, Send

log = structlog.get_logger()

#: Contacts that one request reads and writes.
TOGETHER = 50
#: Look-ups of profiles that one batch has under way at once.
LOOKUPS = 4
#: So often a contact that keeps changing while it is written is read again at once; then it waits for its next turn.
ROUNDS = 4
#: How soon a contact is looked at again that keeps changing, or that another writer has in hand. Milliseconds.
AGAIN_MS = 1000
#: How soon, and how long, a profile is looked for that ingress may not have made yet. Milliseconds.
PROFILE_SOON_MS, PROFILE_WITHIN_MS = 5_000, 86_400_000


@dataclass(slots=True)
class Reconcile(Send):
    """A contact whose two sides are to be brought together."""

    profile: ProfileState | None = None  #: as it waits; None: the change was made in Dynamics


@dataclass
class Case:
    """One contact while it is in hand."""

    send: Reconcile
    kept: bytes | None  #: its memory as it is stored
    memory: Memory | None
    open: list[Decision]
    profile: ProfileState | None = None
    reference: str = ""  #: how the profile is addressed; not to be kept
    is_read: bool = False  #: whether Campaign's side is known
    contact: ContactState | None = None
    plan: Plan | None = None
    #: Of the decisions of the plan, by flag and system that is written to.
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    answer: Answer | None = None

    @property
    def id(self) -> str:
        return self.send.record.id


class ConsentTarget:
    remembers = False

    def __init__(
        self,
        dynamics: Dynamics,
        campaign: Campaign,
        contacts: DynamicsTable,
        config: OptinoutConfig,
        store: ConsentStore,
        concurrency: int,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`contacts`: the table with the paired columns; `now_ms`: the clock by which the systems' clocks are known."""
        self.concurrency = concurrency
        self._dynamics = dynamics
        self._campaign = campaign
        self._contacts = contacts
        self._columns = [pair.dynamics for pair in config.flags]
        self._config = config
        self._store = store
        self._now_ms = now_ms
        self._tally = Tally()
        self._size = BatchSize(TOGETHER)

    @property
    def together(self) -> int:
        # Where look-ups take long, fewer: what is not done before the lease ends is to be done again, all of it.
        return self._size.now

    def prepare(self, record: Leased, entry: Entry | None) -> Send | Outcome:
        """Raises Unmappable for a profile whose key is the id of no contact."""
        if not is_guid(record.id):
            field = self._config.profile_key.field
            raise Unmappable(field, f"{field} of this profile is not the id of a contact; correct it in Campaign")
        profile = profile_of(record.payload)
        return Reconcile(record, None, {}, None, known=False, profile=profile)

    def send(self, sends: Sequence[Send], allowance: Allowance) -> list[Answer]:
        begun = time.monotonic()
        given_up: list[Exception] = []

        def noted() -> float:
            try:
                return allowance()
            except Exception as error:
                given_up.append(error)
                raise

        answers = self._send(sends, noted)
        if given_up:
            self._size.note_given_up(len(sends))
        else:
            self._size.note(len(sends), time.monotonic() - begun)
        return answers

    def _send(self, sends: Sequence[Send], allowance: Allowance) -> list[Answer]:
        wanted = [send for send in sends if isinstance(send, Reconcile)]
        ids = [send.record.id for send in wanted]
        cases = [
            Case(send, kept, unpack(kept) if kept is not None else None, still_open)
            for send, (kept, still_open) in zip(wanted, self._store.known(ids), strict=True)
        ]
        left = cases
        for _ in range(ROUNDS):
            left = self._round(left, allowance)
            if not left:
                break
        for case in left:
            case.answer = Again(case.id, AGAIN_MS, counts=False)
        return [case.answer if case.answer is not None else Unchanged(case.id, None) for case in cases]

    def take_calls(self) -> Calls:
        return self._tally.take()

    def _round(self, cases: list[Case], allowance: Allowance) -> list[Case]:
        """Brings these contacts to an end; answers those that have changed meanwhile and are to be read again."""
        reading = [case for case in cases if not case.is_read]
        for case in reading:
            case.profile, case.is_read = case.send.profile, not self._needs_look_up(case)
        self._look_up([case for case in reading if not case.is_read], allowance)
        self._read_and_plan(_alive(cases), allowance)
        # What is written to Campaign is decided on the profile as it is now. Campaign is always read first.
        again = [case for case in _alive(cases) if case.plan and case.plan.is_hasty]
        self._look_up(again, allowance)
        self._read_and_plan(_alive(again), allowance)
        for case in _alive(cases):
            self._guarded(case, self._decide)
        moved = self._write_dynamics([case for case in _alive(cases) if case.plan and case.plan.to_dynamics], allowance)
        for case in _alive(cases):
            if case not in moved and case.plan and case.plan.to_campaign:
                self._guarded(case, partial(self._write_campaign, allowance))
        for case in _alive(cases):
            if case not in moved and case.plan and (case.plan.to_dynamics or case.plan.to_campaign):
                case.answer = False
        return moved

    def _needs_look_up(self, case: Case) -> bool:
        # One way, too: it was queued while Dynamics was read, and may stand for a change of Campaign that waited.
        if case.send.profile is None or case.send.profile.doubles:
            return True
        return self._config.both_ways and case.memory is not None and case.memory.is_open

    def _look_up(self, cases: Sequence[Case], allowance: Allowance) -> None:
        """Campaign's side of these, by their key; several at once."""
        look_up = partial(self._profile, allowance)
        with ThreadPoolExecutor(LOOKUPS, thread_name_prefix="look-up") as pool:
            list(pool.map(lambda case: self._guarded(case, look_up), cases))

    def _profile(self, allowance: Allowance, case: Case) -> None:
        read_ms = self._now_ms()
        found, spelt = self._found(case, allowance)
        if len(found) > 1:
            raise Refused(
                "campaign",
                f"{PROFILE}: two profiles carry this contact's key; merge them in Campaign, then retry this record",
                code="doubles",
            )
        case.is_read = True
        case.profile = profile_state(self._config, found[0], read_ms, live=True) if found else None
        is_uri = self._config.profile_key.address == "uri"
        case.reference = (spelt if is_uri else str(found[0]["PKey"])) if found else ""

    def _found(self, case: Case, allowance: Allowance) -> tuple[list[dict[str, Any]], str]:
        """The profiles that carry the contact's key, and how it is spelt there.

        Whether Campaign tells capitals apart is for its administrator to say, and braces always count; so where a
        profile must be, or nobody can know, a key that was brought from elsewhere is looked for, too.
        """
        spellings: tuple[str, ...] = (case.id,)
        memory = case.memory
        if case.send.profile is not None or self._config.poll is None or (memory and memory.profile_read_ms):
            spellings += other_spellings(case.id)
        for spelt in spellings:
            self._tally.count("lookups")
            found = self._campaign.profile_by_key(self._config.profile_key, spelt, allowance())
            if found:
                return found, spelt
        return [], ""

    def _read_and_plan(self, cases: Sequence[Case], allowance: Allowance) -> None:
        if not cases:
            return
        try:
            rows = self._dynamics.current(self._contacts, [case.id for case in cases], self._columns, allowance())
        except Exception as error:
            for case in cases:
                case.answer = error
            return
        now_ms = self._now_ms()
        skews = self._skews(now_ms)
        for case in cases:
            row = rows.get(case.id)
            if row is None:
                case.contact, case.plan = None, None
                self._guarded(case, self._without_contact)
                continue
            case.contact = ContactState.of(case.id, row.values, self._columns, row.modified_ms, row.etag)
            case.plan = reconcile(self._config, case.contact, case.profile, case.memory, now_ms, skews)

    def _without_contact(self, case: Case) -> None:
        """Dynamics does not have the contact (yet), or not any more: nothing is written to either side."""
        if case.memory is not None and case.open:
            left = case.memory.given_up(System.DYNAMICS).given_up(System.CAMPAIGN)
            self._confirm(case, left, [one.number for one in case.open], Confirmed.UNKNOWN)
        waits = case.send.profile is not None and self._config.contact_limit_seconds > 0
        case.answer = Parked(case.id, Parent(CONTACT, case.id), released=False) if waits else Unchanged(case.id, None)

    def _decide(self, case: Case) -> None:
        """Puts on record how earlier decisions ended and what is decided now, before anything is sent."""
        plan = case.plan
        assert plan is not None
        self._close_earlier(case, plan)
        memory = pack(plan.memory)
        if plan.decisions or (memory != case.kept and self._is_to_be_kept(case)):
            numbers = self._store.decide(case.id, memory, plan.decisions, before=case.kept)
            case.kept = memory
            case.numbers = {
                (decision.flag, decision.written_to): number
                for decision, number in zip(plan.decisions, numbers, strict=True)
            }
            shown = [number for (_, to), number in case.numbers.items() if not to]
            self._confirm(case, plan.memory, shown, Confirmed.REFUSED)
            left = [one for one in plan.decisions if not one.written_to and one.rule == Rule.IN_DOUBT]
            if left:
                log.warning(
                    "It cannot be told whether a contact has opted out; nothing was written.",
                    action="consent_in_doubt",
                    record=case.id,
                    flags=[decision.flag for decision in left],
                )
        case.memory = plan.memory
        if case.profile is None and self._may_come(case):
            age_ms = max(0, self._now_ms() - case.send.record.queued_ms)
            case.answer = Again(case.id, max(PROFILE_SOON_MS, age_ms), counts=False)

    def _is_to_be_kept(self, case: Case) -> bool:
        """Whether what is known of a contact is remembered; of one that has no profile, once there was one, or while
        nobody would tell of one."""
        return case.profile is not None or case.kept is not None or self._is_untold(case)

    def _may_come(self, case: Case) -> bool:
        """Whether ingress may yet make the profile of a contact who has opted out, and nobody would tell."""
        return self._is_untold(case) and self._now_ms() - case.send.record.queued_ms < PROFILE_WITHIN_MS

    def _is_untold(self, case: Case) -> bool:
        config, contact = self._config, case.contact
        if config.poll is not None or not config.both_ways or contact is None:
            return False
        return any(opted_out(pair, contact) for pair in config.flags)

    def _close_earlier(self, case: Case, plan: Plan) -> None:
        if not case.open:
            return
        left = plan.memory.given_up(System.DYNAMICS).given_up(System.CAMPAIGN)
        ends = {(str(closed.flag), closed.to.value): _end_of(closed) for closed in plan.closed}
        for how in (Confirmed.READING, Confirmed.REFUSED, Confirmed.UNKNOWN):
            ended = [one for one in case.open if ends.get((one.flag, one.written_to), Confirmed.UNKNOWN) is how]
            self._confirm(case, left, [one.number for one in ended], how)
        case.open = []

    def _write_dynamics(self, cases: list[Case], allowance: Allowance) -> list[Case]:
        """Answers those whose rows are not as they were read."""
        if not cases:
            return []
        updates = [
            Update(self._contacts, case.id, dict(case.plan.to_dynamics), case.contact.etag)
            for case in cases
            if case.plan and case.contact
        ]
        try:
            outcomes: Sequence[Updated | Exception] = self._dynamics.update_all(updates, allowance())
        except Exception as error:
            outcomes = [error] * len(cases)
        moved = []
        for case, outcome in zip(cases, outcomes, strict=True):
            self._guarded(case, partial(self._dynamics_said, outcome))
            if isinstance(outcome, Changed | NotFound) and case.answer is None:
                moved.append(case)
        return moved

    def _dynamics_said(self, outcome: Updated | Exception, case: Case) -> None:
        assert case.memory is not None
        if isinstance(outcome, Updated):
            after = case.memory.dynamics_answered(outcome.etag, outcome.modified_ms)
            self._end(case, after, System.DYNAMICS, Confirmed.ANSWER)
            return
        # Nothing goes to Campaign before the contact was read again.
        self._give_up(case, System.CAMPAIGN)
        if isinstance(outcome, Refused):
            self._give_up(case, System.DYNAMICS)  # anything else may have been carried out
        if not isinstance(outcome, Changed | NotFound):
            case.answer = outcome

    def _write_campaign(self, allowance: Allowance, case: Case) -> None:
        assert case.plan is not None and case.memory is not None
        timeout, changes = allowance(), {str(flag): out for flag, out in case.plan.to_campaign.items()}
        sent_ms = self._now_ms()
        try:
            self._campaign.update(PROFILE, case.reference, changes, timeout)
        except NotFound:
            # It was deleted meanwhile: there is nobody left to be written to, and one that comes later is another one.
            self._end(case, case.memory.without_profile(), System.CAMPAIGN, Confirmed.REFUSED)
            case.answer = None if case.plan.to_dynamics else Unchanged(case.id, None)
            return
        except Refused:
            self._give_up(case, System.CAMPAIGN)
            raise
        self._tally.count("updates")
        now_ms = self._now_ms()
        after = case.memory.campaign_answered(sent_ms, now_ms, self._skews(now_ms).campaign)
        self._end(case, after, System.CAMPAIGN, Confirmed.ANSWER)

    def _give_up(self, case: Case, to: System) -> None:
        assert case.memory is not None
        self._end(case, case.memory.given_up(to), to, Confirmed.REFUSED)

    def _end(self, case: Case, after: Memory, to: System, how: Confirmed) -> None:
        numbers = [number for (_, where), number in case.numbers.items() if where == to]
        self._confirm(case, after, numbers, how)
        case.memory = after

    def _confirm(self, case: Case, memory: Memory, numbers: Iterable[int], how: Confirmed) -> None:
        numbers = list(numbers)
        if not numbers:
            return
        packed = pack(memory)
        if self._store.confirm(case.id, packed, numbers, how, self._now_ms()):
            case.kept = packed

    def _skews(self, now_ms: int) -> Skews:
        now = now_ms / 1000
        return Skews(self._dynamics.clock.skew(now), self._campaign.clock.skew(now))

    def _guarded(self, case: Case, step: Callable[[Case], None]) -> None:
        """One contact's trouble is no other's."""
        try:
            step(case)
        except MemoryMoved:
            case.answer = Again(case.id, AGAIN_MS, counts=False)
        except Exception as error:
            case.answer = error


def _end_of(closed: Closed) -> Confirmed:
    if closed.found:
        return Confirmed.READING
    return Confirmed.REFUSED if closed.came_to_nothing else Confirmed.UNKNOWN


def _alive(cases: Iterable[Case]) -> list[Case]:
    """Those whose end is not known yet."""
    return [case for case in cases if case.answer is None]
