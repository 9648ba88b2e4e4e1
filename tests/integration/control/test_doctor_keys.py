"""d365acs doctor says what still needs an older payload key."""

import json
from base64 import b64encode

import pytest
from redis import Redis

from config.settings import Settings
from control.doctor.checks import Colour
from control.doctor.keys import key_checks
from store.decisions import Decision
from store.keys import LEDGER_BUCKETS
from store.outcomes import Reason
from store.record_queue import Change
from store.sealing import AesSeal
from store.store import Store
from tests.integration.control.conftest import Run
from tests.integration.control.dead_letters import put, set_aside

OLD, NEW = b"o" * 32, b"n" * 32
ANN = "5d6c7f1e-0f0b-4b0e-9a58-000000000001"
MEMORY, RECORDS, DECISIONS = "payload keys of consent", "payload keys of records", "payload keys of decisions"


def listed(*keys: bytes) -> str:
    return ",".join(b64encode(key).decode() for key in keys)


@pytest.fixture
def looked_at(redis: Redis, settings: Settings) -> "Look":
    return Look(redis, settings)


class Look:
    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis, self.settings = redis, settings

    def store(self, *keys: bytes) -> Store:
        return Store(self.redis, self.settings.instance, AesSeal(keys))

    def __call__(self, *keys: bytes) -> dict[str, tuple[Colour, str]]:
        settings = self.settings.model_copy(
            update={"payload_keys": Settings(payload_keys=listed(*keys)).payload_keys}  # type: ignore[arg-type]
        )
        return {one.name: (one.colour, one.finding) for one in key_checks(self.store(*keys), settings)}


def test_an_old_key_is_told_of_until_nothing_needs_it(looked_at: Look) -> None:
    # Given a memory with a closed decision, a record that waits and two dead letters, all under the old key
    old = looked_at.store(OLD)
    optinout, ingress = old.workflow("optinout"), old.workflow("ingress")
    sides = (False, 1), (True, 2)
    decision = Decision(ANN, "blackListEmail", *sides, 0, "newest", "campaign-newer", "campaign", "dynamics", 3)
    numbers = optinout.consent.decide(ANN, b"", [decision], now_ms=3)
    optinout.consent.confirm(ANN, b"ann", numbers, "answer", 4, now_ms=86_400_000)
    assert ingress.lifecycle.start("ann", "", 1)
    ingress.lifecycle.add_streams(["contact"])
    assert ingress.lifecycle.run(ingress.lifecycle.read().generation, "start-up checks", "")
    set_aside(ingress, "contact", {"a": Reason("refused", "no"), "b": Reason("refused", "no")})
    put(ingress, "contact", Change("c", 1, b"{}"))
    # When there is a new key in front of it
    found = looked_at(NEW, OLD)
    # Then it is said what needs the old one
    assert found == {
        MEMORY: (
            Colour.YELLOW,
            "What is remembered of consent is being sealed with the first key; the present walk has looked at 0%.",
        ),
        RECORDS: (Colour.YELLOW, "An older key is needed by 1 waiting record and 2 dead letters."),
        DECISIONS: (
            Colour.GREEN,
            "Decisions about consent need an older key to be shown, the first of 1970-01-02 00:00:00 UTC, until their "
            "retention_days are over.",
        ),
    }
    # And when all was sealed anew, and what waited is gone, that nothing does but the record
    both = looked_at.store(NEW, OLD)
    for _ in range(2):
        both.workflow("optinout").resealer.go_on(0, LEDGER_BUCKETS)
    both.redis.delete(*(getattr(ingress.queue("contact").keys, name) for name in ("records", "dead")))
    found = looked_at(NEW, OLD)
    assert found[MEMORY] == (
        Colour.GREEN,
        "What is remembered of consent was all found under the first key on 1970-01-01 00:00:00 UTC.",
    )
    assert found[RECORDS] == (Colour.GREEN, "No record that waits and no dead letter needs an older key.")


def test_a_key_that_went_too_early_is_red(looked_at: Look) -> None:
    # Given a memory under a key that is not listed any more
    looked_at.store(OLD).workflow("optinout").consent.decide(ANN, b"ann")
    new = looked_at.store(NEW)
    new.workflow("optinout").resealer.go_on(0, LEDGER_BUCKETS)
    # Then that is said
    assert looked_at(NEW) == {MEMORY: (Colour.RED, "No listed key opens 1 part of what is remembered of consent.")}


def test_the_command_tells_it(run: Run, looked_at: Look) -> None:
    # Given two keys and nothing that is kept; then what needs the older one is among the doctor's findings
    told = run("doctor", "-o", "json", D365ACS_PAYLOAD_KEYS=listed(NEW, OLD)).stdout
    found = {one["check"]: one["colour"] for one in json.loads(told)}
    assert (found["payload keys"], found[MEMORY], found[RECORDS]) == ("green", "yellow", "green")
    # And with one key, of which nothing needs another, nothing is
    told = run("doctor", "-o", "json", D365ACS_PAYLOAD_KEYS=listed(NEW)).stdout
    assert MEMORY not in told
