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
from functools import partial

import structlog

from config.optinout import OptinoutConfig
from connectors.campaign import Campaign
from connectors.clocks import between
from connectors.dynamics import Dynamics
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_updates import Update, Updated
from connectors.errors import Changed, NotFound, Refused, RelatedMissing
from store.consent import ConsentStore, MemoryMoved
from store.decisions import Confirmed
from store.ledger import Entry
from store.record_queue import Again, Leased, Outcome, Parent, Parked, Unchanged
from sync.batch_size import BatchSize
from sync.consent.arrivals import note_arrivals
from sync.consent.case import Case, Reconcile, alive, ends_of, opened
from sync.consent.doubles import refusal
from sync.consent.fitting import CONTACT, PROFILE
from sync.consent.look_up import LookUp
from sync.consent.memory import Memory, System
from sync.consent.memory_bytes import pack
from sync.consent.news import may_be_another
from sync.consent.payload import OF_BOTH, profile_of
from sync.consent.reconciling import Plan, reconcile
from sync.consent.rule import Rule
from sync.consent.sides import opted_out
from sync.consent.states import ContactState, Skews, rebased
from sync.guid import is_guid
from sync.mapping.mapper import Unmappable
from sync.streams import Allowance, Answer, Calls, Send
from sync.tables.resource_target import Tally

log = structlog.get_logger()

#: Contacts that one request reads and writes.
TOGETHER = 50
#: Look-ups of profiles that one batch has under way at once.
LOOKUPS = 4
#: So often a contact that keeps changing while it is written is read again at once; then it waits for its next turn.
ROUNDS = 4
#: How soon a contact is looked at again that keeps changing, or that another writer has in hand. Milliseconds.
AGAIN_MS = 1000
#: How often it is noted how far both clocks are apart, in seconds.
CLOCKS_EVERY = 60.0
#: How soon, and how long, a profile is looked for that ingress may not have made yet. Milliseconds.
PROFILE_SOON_MS, PROFILE_WITHIN_MS = 5_000, 86_400_000


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
        now_ms: Callable[[], int] | None = None,
        local_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`contacts`: the table with the paired columns; `now_ms`: our clock, the one that every process shares (left
        out: the store's); `local_ms`: that of this process, by which the systems' clocks are known."""
        self.concurrency = concurrency
        self._dynamics = dynamics
        self._campaign = campaign
        self._contacts = contacts
        self._columns = [pair.dynamics for pair in config.flags]
        self._config = config
        self._store = store
        self._now_ms = now_ms or store.now_ms
        self._local_ms = local_ms
        self._tally = Tally()
        self._profiles = LookUp(campaign, config, self._tally, self._now_ms)
        self._size = BatchSize(TOGETHER)
        self._clocks_due = 0.0  #: by time.monotonic()

    @property
    def together(self) -> int:
        # Where look-ups take long, fewer: what is not done before the lease ends is to be done again, all of it.
        return self._size.now

    def prepare(self, record: Leased, entry: Entry | None) -> Send | Outcome:
        """Raises Unmappable for a profile whose key is the id of no contact."""
        if not is_guid(record.id):
            field = self._config.profile_key.field
            raise Unmappable(field, f"{field} of this profile is not the id of a contact; correct it in Campaign")
        profile, was_told = profile_of(record.payload), record.payload == OF_BOTH
        return Reconcile(record, None, {}, None, known=False, profile=profile, was_told=was_told)

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
        cases = [opened(*pair) for pair in zip(wanted, self._store.known(ids), strict=True)]
        left = alive(cases)
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
        self._read_and_plan(alive(cases), allowance)
        # What is written to Campaign is decided on the profile as it is now. Campaign is always read first.
        again = [case for case in alive(cases) if case.plan and self._is_to_be_asked(case, case.plan)]
        self._look_up(again, allowance)
        self._read_and_plan(alive(again), allowance)
        for case in alive(cases):
            self._guarded(case, self._decide)
        moved = self._write_dynamics([case for case in alive(cases) if case.plan and case.plan.to_dynamics], allowance)
        for case in alive(cases):
            if case not in moved and case.plan and case.plan.to_campaign:
                self._guarded(case, partial(self._write_campaign, allowance))
        for case in alive(cases):
            if case not in moved and case.plan:
                self._guarded(case, partial(self._done, case.plan))
        return moved

    def _is_to_be_asked(self, case: Case, plan: Plan) -> bool:
        """Whether Campaign is to be asked before this is written."""
        # Where nobody tells of every profile, one with another spelling of the key may have opted out.
        unseen = plan.opts_in and self._config.poll is None and not case.is_searched
        case.is_searched = case.is_searched or unseen
        return plan.is_hasty or unseen

    def _done(self, plan: Plan, case: Case) -> None:
        late_until_ms = case.memory.late_until_ms if case.memory else None
        if late_until_ms is None and case.profile is not None and case.profile.live and case.profile.doubles:
            raise refusal()
        again_ms = [one for one in (plan.held_until_ms, late_until_ms) if one is not None]
        if plan.held_until_ms is None and (plan.to_dynamics or plan.to_campaign):
            note_arrivals(case.send, plan)
            case.answer = False
        if again_ms:
            case.answer = Again(case.id, max(AGAIN_MS, min(again_ms) - self._now_ms()), counts=False)

    def _needs_look_up(self, case: Case) -> bool:
        # One way, too: it was queued while Dynamics was read, and may stand for a change of Campaign that waited.
        told = case.send.profile
        if told is None or told.doubles or told.asks or (case.memory and may_be_another(case.memory, told)):
            return True
        return self._config.both_ways and case.memory is not None and case.memory.is_open

    def _look_up(self, cases: Sequence[Case], allowance: Allowance) -> None:
        """Campaign's side of these, by their key; several at once."""
        if not cases:
            return
        look_up = partial(self._profiles.profile, allowance)
        with ThreadPoolExecutor(LOOKUPS, thread_name_prefix="look-up") as pool:
            list(pool.map(lambda case: self._guarded(case, look_up), cases))

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
        self._note_clocks(skews, now_ms)
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
            self._confirm(case, case.memory.closed(), [one.number for one in case.open], Confirmed.UNKNOWN)
        if case.send.profile is not None and self._was_deleted(case):
            raise Refused(
                "dynamics",
                f"{CONTACT}: Dynamics had this contact and has deleted it since, so that there is nobody to write to; "
                "delete its profile in Campaign, too, or restore the contact, which is compared anew then",
                code="deleted",
            )
        if case.send.profile is None:
            case.answer = Unchanged(case.id, None)
        elif self._config.contact_limit_seconds > 0:
            case.answer = Parked(case.id, Parent(CONTACT, case.id), released=False)
        else:
            raise RelatedMissing("dynamics", f"{CONTACT}: Dynamics has no contact with this id, and none is waited for")

    def _was_deleted(self, case: Case) -> bool:
        """Whether Dynamics had it once. Both ways its changes are read: if it is restored, it is compared anew."""
        return self._config.both_ways and case.memory is not None and bool(case.memory.etag)

    def _decide(self, case: Case) -> None:
        """Puts on record how earlier decisions ended and what is decided now, before anything is sent."""
        plan = case.plan
        assert plan is not None
        self._close_earlier(case, plan)
        memory = pack(plan.memory)
        if plan.decisions or (memory != case.kept and self._is_to_be_kept(case)):
            if plan.answered:
                self._note_answered(case, plan)
            numbers = self._store.decide(case.id, memory, plan.decisions, before=case.kept)
            case.kept = memory
            case.numbers = {
                (decision.flag, decision.written_to): number
                for decision, number in zip(plan.decisions, numbers, strict=True)
            }
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

    def _note_answered(self, case: Case, plan: Plan) -> None:
        self._store.note_answered(case.id, self._now_ms())
        log.warning(
            "Somebody keeps setting back what is written of a contact's consent.",
            action="consent_answered",
            record=case.id,
            flags=list(plan.answered),
            held=plan.held_until_ms is not None,
        )

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
        ends = ends_of(case.open, plan)
        for how in (Confirmed.READING, Confirmed.REFUSED, Confirmed.UNKNOWN):
            self._confirm(case, left, [number for number, end in ends.items() if end is how], how)
        case.open = [one for one in case.open if ends[one.number] is None]

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
            # What may have come late was for the version of before.
            left = [one for one in case.open if one.written_to == System.DYNAMICS]
            self._confirm(case, after, [one.number for one in left], Confirmed.REFUSED)
            case.open = [one for one in case.open if one not in left]
            return
        # Nothing goes to Campaign before the contact was read again.
        self._give_up(case, System.CAMPAIGN)
        if isinstance(outcome, Refused):
            self._give_up(case, System.DYNAMICS)  # anything else may have been carried out
        if not isinstance(outcome, Changed | NotFound):
            case.answer = outcome

    def _write_campaign(self, allowance: Allowance, case: Case) -> None:
        assert case.plan is not None and case.memory is not None
        changes = {str(flag): out for flag, out in case.plan.to_campaign.items()}
        # The clock first: whatever takes long behind the allowance would be sent after the lease.
        sent_ms = self._now_ms()
        timeout = allowance()
        try:
            self._campaign.update(PROFILE, case.reference, changes, timeout)
        except NotFound:
            # It was deleted meanwhile: there is nobody left to be written to, and one that comes later is another one.
            self._end(case, case.memory.without_profile(), System.CAMPAIGN, Confirmed.REFUSED)
            self._confirm(case, case.memory, [one.number for one in case.open], Confirmed.UNKNOWN)
            case.open = []
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
        closed = self._store.confirm(case.id, packed, numbers, how, self._now_ms(), before=case.kept)
        # Where none was closed, another writer has closed them; or its answer was lost, and it was repeated.
        if closed or self._store.memories([case.id]) == [packed]:
            case.kept = packed

    def _skews(self, now_ms: int) -> Skews:
        local_ms = self._local_ms()
        now = local_ms / 1000
        found = Skews(self._dynamics.clock.skew(now), self._campaign.clock.skew(now))
        return rebased(found, local_ms - now_ms)

    def _note_clocks(self, skews: Skews, now_ms: int) -> None:
        """For operators, now and then."""
        apart, now = between(skews.campaign, skews.dynamics), time.monotonic()
        if apart is not None and now >= self._clocks_due:
            self._clocks_due = now + CLOCKS_EVERY
            self._store.note_skew(apart.ms, now_ms)

    def _guarded(self, case: Case, step: Callable[[Case], None]) -> None:
        """One contact's trouble is no other's."""
        try:
            step(case)
        except MemoryMoved:
            case.answer = Again(case.id, AGAIN_MS, counts=False)
        except Exception as error:
            case.answer = error
