"""No echo: each change that people make is written to the other side once, whatever befalls the answers."""

from store.lifecycle import State
from tests.end_to_end import consent_truth
from tests.end_to_end.conftest import OpenConsent

EMAIL, PHONE, MOBILE = "blackListEmail", "blackListPhone", "blackListMobile"
#: Of both systems: most answers are lost after the effect, others are unreadable or cut off.
FAULTS = {
    "rate_429": 0.01,
    "rate_500": 0.01,
    "rate_reset_after": 0.05,
    "rate_truncated": 0.02,
    "rate_malformed": 0.02,
    "rate_expired_token": 0.01,
    "latency_jitter_ms": 20,
}


def test_each_change_is_written_once_whatever_befalls_the_answers(open_consent: OpenConsent) -> None:
    # Given people, two workers, and systems whose answers are lost, torn, unreadable, late
    consent = open_consent(lease_seconds=3, slice_seconds=1, batch_size=10)
    people = consent.people(48)
    consent.run_until_read("worker", "worker", "beat")
    assert consent.writes() == 0
    consent.faults(seed=5, dynamics=FAULTS, campaign=FAULTS)

    # When each of them says one thing, here or there; some opt in again in Dynamics, where they are not believed
    for number, id_ in enumerate(people):
        consent.opt(("dynamics", "campaign")[number % 2], (EMAIL, PHONE, MOBILE)[number % 3], True, id_)
    consent.wait_until_settled(60)
    for number, id_ in enumerate(people[:24]):
        consent.opt(("dynamics", "campaign")[number % 4 // 2], (EMAIL, PHONE, MOBILE)[number % 3], False, id_)
    consent.wait_until_settled(60)

    # Then each change has led to one write, which changed something, and is on record once
    said = consent.changes()
    assert len(said) == 72
    assert not consent_truth.needless(consent.part, consent.made(), [])
    assert len(consent.written()) == len(said)
    assert sum(consent.dealt(system).get("reset_after", 0) for system in ("dynamics", "campaign")) > 0
    decisions = consent.decisions()
    ends = [found["confirmed"] for found in decisions]
    assert ends.count("answer") + ends.count("reading") == len(said)
    assert "reading" in ends and None not in ends

    # When everything goes well again, and everybody is looked at once more, by a replay and after a restart
    consent.faults()
    consent.d365acs("replay", "create", "optinout")
    consent.restart()
    consent.wait_for_state(State.RUNNING)
    consent.wait_until_replayed()
    consent.wait_for_looks()

    # Then nothing more is written, and nothing decided
    assert len(consent.written()) == len(said)
    assert not consent.differences()
    assert consent.decisions() == decisions
    assert not consent.letters()
