"""Every verb loads on a real server, says what it guarantees, and has its method."""

import re
from importlib import resources
from pathlib import Path

import pytest
from redis import Redis
from redis.commands.core import Script
from redis.crc import key_slot

from store import scripts
from store.consent import ConsentStore
from store.cursors import Placing, read_cursor
from store.freshness import FRESHNESS, Freshness, Waited
from store.keys import LEDGER_BUCKETS, InstanceKeys, StreamKeys, WorkflowKeys
from store.ledger import Ledger
from store.lifecycle import Lifecycle
from store.loads import Load, Loads
from store.outcome_log import OutcomeLog
from store.pages import Page, Pages
from store.record_queue import Again, Lane, Parent, Parked, Reason, RecordQueue, Refused, Unsent, Written
from store.replays import Replays
from store.resealing import Resealer
from store.revisions import Revisions
from store.sealing import AesSeal
from store.shares import Shares
from store.throttle import Allowance, SharedThrottle
from store.trouble import Troubles
from tests.integration.store.records import changes, entry, record_id

FOLDER = Path(str(resources.files("store") / "lua"))
VERBS = sorted(path.stem for path in FOLDER.glob("*.lua") if path.stem != "common")


def everybody(redis: Redis) -> list[object]:
    """One of each class that owns verbs."""
    keys = InstanceKeys("test").workflow("contacts")
    return [RecordQueue(redis, keys.stream("contact")), Ledger(redis, keys.stream("contact")),
            Lifecycle(redis, keys), Revisions(redis, keys),
            SharedThrottle(redis, "throttle"), Shares(redis, "shares", 1, 1), Replays(redis, keys),
            ConsentStore(redis, keys), Resealer(redis, keys),
            Pages(redis, keys.stream("contact")), Freshness(redis, keys.stream("contact")),
            OutcomeLog(redis, keys.stream("contact")), Loads(redis, keys.stream("contact")),
            Placing(redis, keys.stream("contact")), Troubles(redis, keys)]  # fmt: skip


def scripts_of(owner: object) -> dict[str, Script]:
    return {name.strip("_"): value for name, value in vars(owner).items() if isinstance(value, Script)}


@pytest.mark.parametrize("verb", VERBS)
def test_the_verb_loads_on_a_real_server(redis: Redis, verb: str) -> None:
    assert len(redis.script_load(scripts.source(verb))) == 40


@pytest.mark.parametrize("verb", VERBS)
def test_the_verb_begins_with_its_header(verb: str) -> None:
    # Given the comment at the top of the file
    text = (FOLDER / f"{verb}.lua").read_text()
    header = text[: text.index("]]")]
    # Then it names the verb and says what it guarantees, takes and answers, in this order
    lines = [r"--\[\[ " + verb + ": ", r"^  Guarantees: ", r"^  KEYS  1 ", r"^  ARGV  1 now", r"^  Output "]
    places = [found.start() if (found := re.search(line, header, re.MULTILINE)) else -1 for line in lines]
    assert places == sorted(places) and -1 not in places and places[0] == 0


@pytest.mark.parametrize("verb", VERBS)
def test_the_verb_makes_no_key_of_its_own(verb: str) -> None:
    # Every key arrives in KEYS, so that a cluster knows where to go: no call names or builds one.
    text = (FOLDER / f"{verb}.lua").read_text()
    assert not re.search(r"redis\.call\('\w+', *(['\"]|[\w.]+ *\.\.)", text)


def test_every_verb_has_one_python_owner_and_nothing_is_left_over(redis: Redis) -> None:
    owned = [name for owner in everybody(redis) for name in scripts_of(owner)]
    assert sorted(owned) == VERBS


def test_all_keys_of_every_call_share_one_slot_of_a_cluster(
    redis: Redis, workflow: WorkflowKeys, keys: StreamKeys, lifecycle: Lifecycle, generation: int
) -> None:
    # Given every class that calls scripts, with its calls written down
    queue, revisions, replays = RecordQueue(redis, keys), Revisions(redis, workflow), Replays(redis, workflow)
    throttle = SharedThrottle(redis, InstanceKeys("test").throttle("campaign"), Allowance(5))
    shares = Shares(redis, InstanceKeys("test").shares("campaign"), 1, 1)
    consent = ConsentStore(redis, workflow)
    calls: dict[str, list[list[str]]] = {}
    pages, freshness, placing = Pages(redis, keys), Freshness(redis, keys), Placing(redis, keys)
    outcomes, loads, ledger = OutcomeLog(redis, keys, kept=1), Loads(redis, keys), Ledger(redis, keys)
    resealer, troubles = Resealer(redis, workflow, AesSeal([b"n" * 32])), Troubles(redis, workflow)
    for owner in (
        queue, lifecycle, revisions, replays, throttle, shares, consent, pages, freshness, placing, outcomes, loads,
        ledger, resealer, troubles,
    ):  # fmt: skip
        for verb, script in scripts_of(owner).items():
            setattr(owner, f"_{verb}", _Recorder(script, calls.setdefault(verb, [])))
    # When every verb is used, with records of many ledger buckets and a workflow of two streams
    lifecycle.add_streams(["account"])
    queue.put_page(generation, 0, changes(600), "next")
    ledger.forget(generation, 1)
    ledger.disbelieve([record_id(0), record_id(1)])
    batch = queue.lease(generation, 500, 60_000)
    queue.renew(generation, batch.number, 60_000)
    queue.sending(batch.number, [record_id(0)], [record_id(1)])
    queue.not_sent(batch.number, [record_id(0)])
    queue.settle(
        batch.number,
        [
            *(Written(record_id(number), entry(1)) for number in range(100)),
            Again(record_id(100), 1, counts=True),
            Refused(record_id(101), Reason("x", "y")),
            Unsent(record_id(102)),
            *(
                Parked(record_id(number), Parent(f"parent{number % 3}", record_id(number)))
                for number in range(103, 200)
            ),
        ],
    )
    queue.unpark([record_id(103)])
    queue.drop({record_id(101): 0})
    queue.revive([record_id(101)])
    queue.feed(generation, changes(3), Lane.LIVE)
    queue.reap()
    queue.backlog()
    loads.draft("a file", 1, [])
    loads.commit(generation, "a file", {1: 0}, {})
    load = Load("a file", 0, (1,), {}, 0)
    loads.note(load, placed_ms=1)
    loads.forget(load)
    lifecycle.stop("ann", "rest")
    placing.place(read_cursor(redis, keys), "", "ann", "")
    revisions.save(0, "", "ann", "")
    replays.ask("contact", "ann", "")
    troubles.of_start(generation).note("start", "Campaign is away", 0, 0)
    throttle.ask(1)
    throttle.pause(0.001)
    shares.ask(full=False, congested=False, under_way=0)
    consent.decide(record_id(0), b"")
    consent.confirm(record_id(0), b"", [], "answer", 0)
    consent.known([record_id(0), record_id(1)])
    resealer.go_on(0, LEDGER_BUCKETS)
    pages.note(Page(1, "a b"))
    freshness.add({Waited(FRESHNESS, 1): 1})
    outcomes.note([Written("5d6c7f1e-0f0b-4b0e-9a58-000000000001", None)])
    # Then each call named keys of one slot only
    assert sorted(calls) == VERBS and all(calls.values())
    for verb, made in calls.items():
        for named in made:
            assert len({key_slot(key.encode()) for key in named}) == 1, f"{verb} needs several slots: {named}"


class _Recorder:
    def __init__(self, script: Script, made: list[list[str]]) -> None:
        self._script = script
        self._made = made

    def __call__(self, keys: list[str], args: list[object]) -> object:
        self._made.append(keys)
        return self._script(keys=keys, args=args)  # type: ignore[arg-type]
