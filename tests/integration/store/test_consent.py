"""What writers of consent keep, and what becomes of it when they stop halfway."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis
from redis.crc import key_slot

from store.client import connect
from store.consent import Confirmed, ConsentStore, Decision, Known, MemoryMoved, Unreadable
from store.embedded import EmbeddedServer
from store.keys import WorkflowKeys
from store.sealing import AesSeal, UnknownKey
from store.store import Store
from tests.integration.store.losing_replies import connect_losing_replies, lose_next_reply, lost

ANN, BOB = "5d6c7f1e-0f0b-4b0e-9a58-000000000001", "5d6c7f1e-0f0b-4b0e-9a58-000000000002"
NOW = 1_790_000_000_000
OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture
def consent(redis: Redis, workflow: WorkflowKeys) -> ConsentStore:
    return ConsentStore(redis, workflow)


def decision(contact: str = ANN, flag: str = "blackListEmail", at_ms: int = NOW) -> Decision:
    sides = (False, at_ms - 5000), (True, at_ms - 9000)
    return Decision(contact, flag, *sides, None, "documented", "opted-out-wins", "campaign", "dynamics", at_ms)


def closed(consent: ConsentStore, many: int, contact: str = ANN, step_ms: int = 1000) -> list[int]:
    """So many decisions, closed one after another, the first at NOW."""
    numbers = []
    for at_ms in range(NOW, NOW + many * step_ms, step_ms):
        [number] = consent.decide(contact, b"", [decision(contact, at_ms=at_ms)], now_ms=at_ms)
        consent.confirm(contact, b"", [number], "answer", at_ms, now_ms=at_ms)
        numbers.append(number)
    return numbers


def numbers_of(decisions: list[Decision] | Iterator[Decision]) -> list[int]:
    return [decision.number for decision in decisions]


def test_memory_and_decisions_are_kept_before_anything_is_sent(consent: ConsentStore) -> None:
    # Given a contact of which nothing is remembered
    assert consent.memories([ANN, BOB]) == [None, None]
    # When a writer decides about two of its flags
    numbers = consent.decide(ANN, b"first", [decision(), decision(flag="blackListFax")], before=None)
    # Then another process finds the memory, and both decisions, open
    assert consent.memories([BOB, ANN]) == [None, b"first"]
    nobodys, anns = consent.open_of([BOB, ANN])
    assert nobodys == [] and numbers_of(anns) == numbers
    assert anns[0] == decision()._replace(number=numbers[0])
    assert consent.of_contact(ANN) == anns[::-1] and consent.of_contact(BOB) == []


def test_a_memory_and_its_open_decisions_are_told_of_one_moment(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given a writer that decides again and again, each time with a memory that names its decision
    consent = ConsentStore(redis, workflow)
    assert consent.known([]) == [] and consent.known([ANN, BOB]) == [(None, []), (None, [])]

    def work() -> None:
        for at_ms in range(NOW, NOW + 200):
            [number] = consent.decide(ANN, str(at_ms).encode(), [decision(at_ms=at_ms)])
            consent.confirm(ANN, b"at rest", [number], "answer", at_ms)

    # When another one looks at the contact meanwhile
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        while not working.done():
            bob, ann = consent.known([BOB, ANN])
            # Then it sees a memory and what was decided with it, or neither
            assert bob == (None, []) and isinstance(ann, Known)
            assert ann.memory in (None, b"at rest") or [str(one.decided_ms).encode() for one in ann.open] == [
                ann.memory
            ]
            assert bool(ann.open) is (ann.memory not in (None, b"at rest"))
        working.result()
    assert consent.known([ANN]) == [(b"at rest", [])]


def test_a_confirmed_decision_leaves_with_the_new_memory_in_one_step(consent: ConsentStore) -> None:
    # Given two open decisions
    first, second = consent.decide(ANN, b"first", [decision(), decision(flag="blackListFax")])
    # When the first was answered, and the second refused
    assert consent.confirm(ANN, b"second", [first], "answer", NOW + 80, now_ms=NOW + 90) == 1
    assert (consent.memories([ANN]), numbers_of(consent.open_of([ANN])[0])) == ([b"second"], [second])
    assert consent.confirm(ANN, b"third", [second], Confirmed.REFUSED, NOW + 91, now_ms=NOW + 95) == 1
    # Then the record says how and when each ended, the last one first
    assert (consent.memories([ANN]), consent.open_of([ANN])) == ([b"third"], [[]])
    refused, answered = consent.of_contact(ANN)
    assert answered == decision()._replace(
        number=first, confirmed=Confirmed.ANSWER, written_ms=NOW + 80, closed_ms=NOW + 90
    )
    assert refused == decision(flag="blackListFax")._replace(
        number=second, confirmed=Confirmed.REFUSED, closed_ms=NOW + 95
    )


def test_what_a_dead_writer_left_open_is_found_by_its_contact_and_closed_by_reading(
    redis: Redis, workflow: WorkflowKeys
) -> None:
    # Given a writer that died between its request and the answer
    ConsentStore(redis, workflow).decide(ANN, b"sent", [decision()])
    # When another process takes the contact over and finds the value there
    other = ConsentStore(redis, workflow)
    [left] = other.open_of([ANN])[0]
    assert other.confirm(ANN, b"found", [left.number], "reading", NOW + 60_000) == 1
    # Then the decision is closed as it was made, once
    [told] = other.of_contact(ANN)
    assert told[:10] == decision()[:10]
    assert (told.confirmed, told.written_ms) == (Confirmed.READING, NOW + 60_000)
    assert other.stats()[:3] == (1, 0, 0)


def test_a_decision_to_write_nothing_is_in_the_record_at_once(consent: ConsentStore) -> None:
    # Given a case in doubt, shown beside a decision that is to be written
    doubt = decision()._replace(rule="in-doubt", winner="neither", written_to="")
    numbers = consent.decide(ANN, b"", [decision(), doubt], now_ms=NOW)
    # Then it is closed already, with nothing to confirm, and the other one is open
    assert numbers_of(consent.open_of([ANN])[0]) == numbers[:1]
    assert consent.of_contact(ANN)[1] == doubt._replace(number=numbers[1], closed_ms=NOW)
    assert numbers_of(consent.between(NOW, NOW + 1)) == numbers[::-1]
    # And whoever confirms both closes the one that is open
    assert consent.confirm(ANN, b"", numbers, "answer", NOW) == 1
    assert numbers_of(consent.of_contact(ANN)) == numbers
    assert consent.stats().confirmed == {"answer": 1, "reading": 0, "refused": 0, "unknown": 0}


def test_a_writer_that_comes_back_late_changes_nothing(consent: ConsentStore) -> None:
    # Given a writer whose decision another one has closed meanwhile
    late = consent.decide(ANN, b"of the late one", [decision()])
    consent.confirm(ANN, b"of the other one", late, "reading", NOW)
    # When it confirms at last, Then it is told so, and neither memory nor record change
    assert consent.confirm(ANN, b"late", late, "answer", NOW) == 0
    assert consent.memories([ANN]) == [b"of the other one"]
    assert [told.confirmed for told in consent.of_contact(ANN)] == [Confirmed.READING]
    # And a decision cannot be closed under another contact
    [other] = consent.decide(BOB, b"bob", [decision(BOB)])
    assert consent.confirm(ANN, b"ann", [other], "answer", NOW) == 0
    assert numbers_of(consent.open_of([BOB])[0]) == [other]


@pytest.mark.parametrize("seal", [None, AesSeal([NEW])], ids=["plain", "sealed"])
def test_what_was_decided_from_an_older_memory_is_not_kept(
    redis: Redis, workflow: WorkflowKeys, seal: AesSeal | None
) -> None:
    consent = ConsentStore(redis, workflow, seal)
    # Given two writers that read the same memory, of which one decides
    consent.decide(ANN, b"read by both", before=None)
    consent.decide(ANN, b"of the first", [decision()], before=b"read by both")
    # When the other decides, too, Then it is told to read again, and nothing of it is kept
    for before in (b"read by both", None):
        with pytest.raises(MemoryMoved, match="read it and both systems again"):
            consent.decide(ANN, b"of the second", [decision()], before=before)
    with pytest.raises(MemoryMoved):
        consent.decide(BOB, b"of the second", before=b"")
    assert consent.memories([ANN, BOB]) == [b"of the first", None]
    assert len(consent.open_of([ANN])[0]) == 1


@pytest.mark.parametrize("seal", [None, AesSeal([NEW])], ids=["plain", "sealed"])
def test_whoever_confirms_from_an_older_memory_leaves_the_newer_one(
    redis: Redis, workflow: WorkflowKeys, seal: AesSeal | None
) -> None:
    consent = ConsentStore(redis, workflow, seal)
    # Given a writer with two open decisions, and another one that has kept a memory of the contact meanwhile
    first, second = consent.decide(ANN, b"of the late one", [decision()] * 2, before=None)
    consent.decide(ANN, b"of the other one")
    # When the first one confirms, Then it is told to read again, and the memory of the other one stays
    with pytest.raises(MemoryMoved):
        consent.confirm(ANN, b"late", [first], "answer", NOW, before=b"of the late one")
    assert consent.memories([ANN]) == [b"of the other one"]
    # But how its decision ended is known, and on record
    assert [told.confirmed for told in consent.of_contact(ANN)] == [None, Confirmed.ANSWER]
    # And from the newer one it may go on
    assert consent.confirm(ANN, b"last", [second], "answer", NOW, before=b"of the other one") == 1
    assert consent.memories([ANN]) == [b"last"]


def test_a_memory_that_moves_just_before_a_confirmation_is_noticed_by_the_step(consent: ConsentStore) -> None:
    # Given a writer that has compared the memory already
    [number] = consent.decide(ANN, b"read by both", [decision()])
    seen = consent._made_from(ANN, bytes.fromhex(ANN.replace("-", "")), b"read by both")
    # When another one keeps its own before the step reaches the server
    consent.decide(ANN, b"of the other one")
    consent._made_from = lambda *_: seen  # type: ignore[method-assign]
    # Then the step itself leaves that
    with pytest.raises(MemoryMoved):
        consent.confirm(ANN, b"late", [number], "answer", NOW, before=b"read by both")
    assert consent.memories([ANN]) == [b"of the other one"]


def test_a_decision_names_the_column_that_was_paired_then(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given decisions about one flag, paired with another column later, by processes that know nothing of each other
    for column in ("donotemail", "donotbulkemail", "donotemail", ""):
        one = ConsentStore(redis, workflow)
        numbers = one.decide(ANN, b"", [decision()._replace(column=column)])
        assert one.open_of([ANN])[0][0].column == column
        one.confirm(ANN, b"", numbers, "answer", NOW)
    # Then whoever reads them is told each one's own
    other = ConsentStore(redis, workflow)
    assert [told.column for told in other.of_contact(ANN)] == ["", "donotemail", "donotbulkemail", "donotemail"]
    # And a process that was there before a column was is told, too
    later = ConsentStore(redis, workflow).decide(BOB, b"", [decision(BOB)._replace(column="new_optout")])
    assert [told.column for told in other.of_contact(BOB)] == ["new_optout"] and later


def test_columns_of_several_writers_get_numbers_of_their_own(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given writers that meet the same new columns at once
    def write(writer: int) -> None:
        store = ConsentStore(redis, workflow)
        for place in range(30):
            store.decide(f"{writer}", b"", [decision(f"{writer}")._replace(column=f"new_{place}")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    # Then each column has one number, whoever gave it
    reader = ConsentStore(redis, workflow)
    for writer in range(4):
        assert [told.column for told in reader.open_of([f"{writer}"])[0]] == [f"new_{place}" for place in range(30)]


def test_whose_consent_is_kept_being_set_back_is_told_for_a_day(consent: ConsentStore) -> None:
    assert consent.answered(NOW) is None
    # Given two contacts of whom it was noticed, one again and again
    for contact, at_ms in ((ANN, NOW), (BOB, NOW + 1000), (ANN, NOW + 2000)):
        consent.note_answered(contact, at_ms)
    # Then both are counted, and the last one is named
    assert consent.answered(NOW + 3000) == (2, ANN, NOW + 2000)
    # And after a day without more they are forgotten
    assert consent.answered(NOW + 1000 + 86_400_001) == (1, ANN, NOW + 2000)
    assert consent.answered(NOW + 2000 + 86_400_001) is None


def test_a_memory_that_moves_between_the_look_and_the_step_is_noticed_by_the_step(consent: ConsentStore) -> None:
    # Given a writer that has compared the memory already
    consent.decide(ANN, b"read by both")
    seen = consent._made_from(ANN, bytes.fromhex(ANN.replace("-", "")), b"read by both")
    # When another one decides before its step reaches the server
    consent.decide(ANN, b"of the other one")
    consent._made_from = lambda *_: seen  # type: ignore[method-assign]
    # Then the step itself changes nothing
    with pytest.raises(MemoryMoved):
        consent.decide(ANN, b"late", [decision()], before=b"read by both")
    assert (consent.memories([ANN]), consent.open_of([ANN])) == ([b"of the other one"], [[]])


def test_numbers_of_several_writers_never_meet(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given four writers at once, each with a store of its own
    def decide(writer: int) -> list[int]:
        consent = ConsentStore(redis, workflow)
        return [
            number for turn in range(25) for number in consent.decide(f"{writer}", b"", [decision(f"{writer}")] * 2)
        ]

    with ThreadPoolExecutor(4) as pool:
        taken = [number for of_one in pool.map(decide, range(4)) for number in of_one]
    # Then every decision has its own number, and every contact its own decisions
    assert len(set(taken)) == len(taken) == 200
    assert sorted(map(len, ConsentStore(redis, workflow).open_of(["0", "1", "2", "3"]))) == [50, 50, 50, 50]


def test_a_step_whose_reply_was_lost_is_done_once(redis: Redis, redis_url: str, workflow: WorkflowKeys) -> None:
    with connect_losing_replies(redis_url) as client:
        for seal in (None, AesSeal([NEW])):
            consent, contact = ConsentStore(client, workflow, seal), BOB if seal else ANN
            consent.decide(contact, b"before")
            # Given a decision whose reply is lost, so that the client repeats it
            lose_next_reply()
            numbers = consent.decide(contact, b"decided", [decision(contact)] * 2, before=b"before")
            assert lost() and numbers_of(consent.open_of([contact])[0]) == numbers
            # When the reply to its confirmation is lost as well
            lose_next_reply()
            assert consent.confirm(contact, b"confirmed", numbers, "answer", NOW) == 0 and lost()
            # Then it stands in the record once, with its memory
            assert numbers_of(consent.of_contact(contact)) == numbers[::-1]
            assert consent.memories([contact]) == [b"confirmed"]
            # And so do a decision to write nothing, and a memory alone
            doubts = [decision(contact), decision(contact)._replace(written_to="")]
            lose_next_reply()
            consent.confirm(contact, b"confirmed", consent.decide(contact, b"doubted", doubts), "answer", NOW)
            assert lost() and len(consent.of_contact(contact)) == 4
            lose_next_reply()
            consent.decide(contact, b"alone", before=b"confirmed")
            assert lost() and consent.memories([contact]) == [b"alone"]
    assert consent.stats().decided == 8


def test_a_window_is_told_in_order_page_by_page(redis: Redis, consent: ConsentStore) -> None:
    # Given more decisions than a page, of two contacts in turn
    numbers = closed(consent, 700) + closed(consent, 1, BOB)
    # When the first of them is asked for, Then one page was read
    redis.config_resetstat()
    told = consent.between(0, 2**45)
    first = next(told)
    assert redis.info("commandstats")["cmdstat_xrange"]["calls"] == 1
    # And all of them follow, once each, in order
    assert numbers_of([first, *told]) == numbers


def test_windows_that_follow_one_another_tell_each_decision_once(consent: ConsentStore) -> None:
    # Given a decision a second, and one that was closed late
    [late] = consent.decide(BOB, b"", [decision(BOB, at_ms=NOW)], now_ms=NOW)
    numbers = closed(consent, 10)
    consent.confirm(BOB, b"", [late], "reading", NOW + 9500, now_ms=NOW + 9500)
    # When windows of three seconds are asked for
    windows = [numbers_of(consent.between(since, since + 3000)) for since in range(NOW - 3000, NOW + 12_000, 3000)]
    # Then each decision is told in the window in which it was closed
    assert windows == [[], numbers[:3], numbers[3:6], numbers[6:9], [numbers[9], late]]


def test_an_open_decision_is_told_at_the_end_of_the_window_in_which_it_was_made(consent: ConsentStore) -> None:
    # Given an open decision among closed ones
    numbers = closed(consent, 5)
    [still_open] = consent.decide(BOB, b"", [decision(BOB, at_ms=NOW + 1500)])
    assert numbers_of(consent.between(NOW, NOW + 3000)) == [*numbers[:3], still_open]
    assert numbers_of(consent.between(NOW + 3000, NOW + 9000)) == numbers[3:]
    # When it is closed while the window is being read, Then it is not missed
    told = consent.between(NOW, NOW + 9000)
    begun = next(told)
    consent.confirm(BOB, b"", [still_open], "answer", NOW, now_ms=NOW + 8000)
    assert numbers_of([begun, *told]) == [*numbers, still_open]


def test_the_record_keeps_its_order_when_the_clock_is_set_back(consent: ConsentStore) -> None:
    # Given a decision that was closed before the clock was set back
    first, second = consent.decide(ANN, b"", [decision(), decision()])
    consent.confirm(ANN, b"", [first], "answer", NOW, now_ms=NOW + 5000)
    # When another one is closed after that, Then it stands behind it all the same
    consent.confirm(ANN, b"", [second], "answer", NOW, now_ms=NOW)
    assert numbers_of(consent.between(0, 2**45)) == [first, second]
    assert numbers_of(consent.of_contact(ANN)) == [second, first]
    # And so does one that is closed when all of them were trimmed
    consent.trim(2**45)
    [third] = consent.decide(ANN, b"", [decision()])
    assert consent.confirm(ANN, b"", [third], "answer", NOW, now_ms=NOW) == 1
    assert numbers_of(consent.of_contact(ANN)) == [third]


@pytest.mark.parametrize("most", [7, 150])
def test_what_is_too_old_is_forgotten_a_bounded_part_at_a_time(consent: ConsentStore, most: int) -> None:
    # Given 400 closed decisions about one contact, and an open one as old as the first
    [still_open] = consent.decide(BOB, b"bob", [decision(BOB)])
    numbers = closed(consent, 400)
    # When those of before a time are trimmed until nothing is left to do
    parts = []
    while part := consent.trim(NOW + 333_000, most):
        parts.append(part)
    # Then each call forgot a few, and together exactly those
    assert sum(parts) == 333 and max(parts) <= most
    assert numbers_of(consent.between(0, 2**45)) == [*numbers[333:], still_open]
    # And explaining the contact ends where its decisions are gone
    assert numbers_of(consent.of_contact(ANN)) == numbers[:332:-1]
    assert consent.stats()[:4] == (67, 1, 1, NOW + 333_000)
    assert consent.memories([ANN, BOB]) == [b"", b"bob"]


def test_no_more_of_a_contact_is_explained_than_was_asked_for(consent: ConsentStore) -> None:
    numbers = closed(consent, 5)
    [still_open] = consent.decide(ANN, b"", [decision()])
    assert numbers_of(consent.of_contact(ANN, limit=3)) == [still_open, *numbers[:2:-1]]


def test_what_was_ever_decided_is_counted(consent: ConsentStore) -> None:
    assert consent.stats() == (0, 0, 0, None, None, 0, {"answer": 0, "reading": 0, "refused": 0, "unknown": 0}, {})
    # Given decisions by two rules, with different ends
    consent.decide(ANN, b"", [decision(), decision()._replace(rule="equal"), decision()], now_ms=NOW)
    consent.confirm(ANN, b"", [1], "answer", NOW, now_ms=NOW + 1)
    consent.confirm(ANN, b"", [3], "reading", NOW, now_ms=NOW + 2)
    # Then both are told, and trimming takes nothing from it
    confirmed, rules = {"answer": 1, "reading": 1, "refused": 0, "unknown": 0}, {"opted-out-wins": 2, "equal": 1}
    assert consent.stats() == (2, 1, 1, NOW + 1, NOW, 3, confirmed, rules)
    consent.trim(NOW + 2)
    assert consent.stats() == (1, 1, 1, NOW + 2, NOW, 3, confirmed, rules)


def test_an_end_that_does_not_exist_is_refused(consent: ConsentStore) -> None:
    numbers = consent.decide(ANN, b"", [decision()])
    with pytest.raises(ValueError, match="guess"):
        consent.confirm(ANN, b"", numbers, "guess", NOW)


@pytest.mark.parametrize("memory", [b"", b"\x01", b"\x01" + bytes(40), b"A", bytes(300)])
@pytest.mark.parametrize("seal", [None, AesSeal([NEW])], ids=["plain", "sealed"])
def test_a_memory_is_any_bytes(redis: Redis, workflow: WorkflowKeys, memory: bytes, seal: AesSeal | None) -> None:
    consent = ConsentStore(redis, workflow, seal)
    numbers = consent.decide(ANN, memory, [decision()])
    assert consent.memories([ANN]) == [memory]
    consent.confirm(ANN, memory, numbers, "answer", NOW)
    assert consent.memories([ANN]) == [memory]


def test_with_payload_keys_nothing_but_whose_it_is_can_be_seen_in_redis(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given a sealed record with an open and a closed decision
    store = Store(redis, "test", AesSeal([NEW]))
    consent = store.workflow("contacts").consent
    secret = decision()._replace(policy="a policy of ours")
    consent.confirm(ANN, b"ann@example.com", consent.decide(ANN, b"", [secret]), "answer", NOW)
    consent.decide(BOB, b"ann@example.com", [secret._replace(contact=BOB)])
    # When everything that Redis keeps is searched, Then the plain text is nowhere
    kept = b"".join(redis.dump(key) or b"" for key in redis.scan_iter())
    assert b"ann@" not in kept and b"a policy of ours" not in kept
    # And whoever has the key reads it, also as an old one
    rotated = ConsentStore(redis, workflow, AesSeal([OLD, NEW]))
    assert [told.policy for told in rotated.between(0, 2**45)] == ["a policy of ours"] * 2
    assert rotated.memories([BOB]) == [b"ann@example.com"]
    # And nobody else does
    without = ConsentStore(redis, workflow, AesSeal([OLD]))
    for reading in (
        without.of_contact,
        lambda contact: without.open_of([contact]),
        lambda one: without.memories([one]),
    ):
        with pytest.raises(UnknownKey):
            reading(BOB)


def test_the_memory_of_another_contact_is_not_accepted(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given somebody who can write to Redis and passes off one contact's memory as another's
    consent = ConsentStore(redis, workflow, AesSeal([NEW]))
    consent.decide(ANN, b"ann")
    consent.decide(BOB, b"bob")
    anns, bobs = (bytes.fromhex(contact.replace("-", "")) for contact in (ANN, BOB))
    value = redis.hget(consent._bucket(anns), anns)
    assert value is not None
    redis.hset(consent._bucket(bobs), bobs, value)
    # When it is read, Then it is noticed, and not taken for theirs
    [known] = consent.known([BOB])
    assert isinstance(known, UnknownKey) and "altered or belongs to another record" in str(known)
    assert consent.memories([BOB]) == [None]


def test_a_memory_of_a_later_version_is_named_with_the_remedy(redis: Redis, consent: ConsentStore) -> None:
    field = bytes.fromhex(ANN.replace("-", ""))
    redis.hset(consent._bucket(field), field, b"\0Bxyz")
    [known] = consent.known([ANN])
    assert isinstance(known, Unreadable) and "layout b'B', which this version does not know; use the ver" in str(known)
    # And who asks for it alone finds nothing
    assert consent.memories([ANN]) == [None]


def test_a_decision_that_cannot_be_read_is_named(redis: Redis, workflow: WorkflowKeys, consent: ConsentStore) -> None:
    # Given a closed and an open decision, both damaged by somebody who can write to Redis
    numbers = consent.decide(ANN, b"", [decision(), decision()])
    consent.confirm(ANN, b"", numbers[:1], "answer", NOW, now_ms=NOW)
    redis.xadd(workflow.decisions, {"d": b"A\0short"}, id=f"{NOW}-1")
    redis.hset(workflow.open_decisions, str(numbers[1]), b"A\3short")
    # When they are read, Then the error says which they are, and nothing of what they hold
    told = consent.between(NOW, NOW + 1)
    assert next(told).number == numbers[0]
    with pytest.raises(Unreadable, match=rf"^Entry {NOW}-1 of \S+:decisions: A kept decision is damaged; restore"):
        next(told)
    with pytest.raises(Unreadable, match=rf"^Entry {numbers[1]} of \S+:open-decisions: A kept decision is damaged"):
        consent.open_of([ANN])


def test_an_open_decision_outlives_the_server() -> None:
    with TemporaryDirectory(prefix="d365acs-") as home, EmbeddedServer(Path(home)) as server:
        # Given a decision that was kept just before the server was killed
        with connect(server.url) as redis:
            numbers = Store(redis, "test").workflow("optinout").consent.decide(ANN, b"sent", [decision()])
            redis.execute_command("WAITAOF", 1, 0, 10_000)  # on the disk: the last second may be lost otherwise
        server.kill()
        server.start()
        # When it is back, Then the decision is found and closed
        with connect(server.url) as redis:
            consent = Store(redis, "test").workflow("optinout").consent
            assert (consent.memories([ANN]), numbers_of(consent.open_of([ANN])[0])) == ([b"sent"], numbers)
            assert consent.confirm(ANN, b"found", numbers, "reading", NOW) == 1


def test_every_key_of_the_record_stands_in_the_workflows_slot(redis: Redis, workflow: WorkflowKeys) -> None:
    consent = ConsentStore(redis, workflow)
    numbers = consent.decide(ANN, b"", [decision(), decision()])
    consent.confirm(ANN, b"", numbers[:1], "answer", NOW)
    keys = list(redis.scan_iter())
    assert len(keys) == 5 and {key_slot(key) for key in keys} == {key_slot(workflow.lifecycle.encode())}


def test_a_kept_decision_costs_little(redis: Redis, workflow: WorkflowKeys) -> None:
    # Given 2,000 closed decisions about as many contacts, the dearest kind
    consent = ConsentStore(redis, workflow)
    for number in range(2000):
        contact = f"5d6c7f1e-0f0b-4b0e-9a58-{number:012x}"
        consent.confirm(contact, b"", consent.decide(contact, b"", [decision(contact)]), "answer", NOW)
    # Then the stream that keeps them takes at most so many bytes for each
    assert (redis.memory_usage(workflow.decisions, samples=0) or 0) / 2000 <= 90
