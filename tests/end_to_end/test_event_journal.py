"""The journal of events in trouble: positions that expire, patience that it asks for, outages, wrong credentials."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.conftest import OpenEvents
from tests.end_to_end.event_stage import EventStage

DAY = 86_400


def test_a_position_that_expires_is_left_behind_and_what_was_missed_is_told(events: EventStage) -> None:
    # Given a slow journal, and a workflow that is stopped before it has read everything
    told = events.campaign(sends=300, soft_bounces=0)
    events.faults(journal={"latency_ms": 200})
    events.run("worker", "beat")
    events.start(events.save(documents.egress(journal={"page_size": 20}, future_limit_seconds=60 * DAY)))
    events.wait_until_read(60)
    events.stop()
    events.faults()
    events.wait_until(lambda: events.queue.backlog().leased == 0, "nobody is at work")
    read = events.totals()["read"]
    assert read < told["events"]

    # When it stays so for more than a week, and another campaign is sent
    events.admin.post("/clock", {"advance": 8 * DAY})
    events.campaign(campaign="a week later", hours=1, seed=2)
    before = {one["id"] for one in events.truth()[:read]}
    events.travels = lambda event: event["id"] in before or event["campaign"] == "a week later"
    events.start()

    # Then what had been read appears, and reading goes on from the oldest event that is left
    events.wait_until_settled()
    assert events.life.state is State.RUNNING

    # And operators are told that events were missed, and where they may still be
    shown = events.shown()
    (stream,) = shown["streams"]
    assert "no longer serves the position" in stream["missed"]["sentence"]
    assert any("missed" in note and "log export files" in note for note in shown["notes"]), shown["notes"]
    assert not events.letters()

    # When another week passes without an event after all was read, and the position expires once more
    events.wait_until(lambda: '"end_ms":null' not in events.workflow.cursor("events").value, "the end was reached")
    refused = events.statuses("journal").get("410", 0)
    events.admin.post("/clock", {"advance": 8 * DAY})
    events.wait_until(lambda: events.statuses("journal")["410"] > refused, "the position has expired")
    events.campaign(campaign="another week later", hours=1, seed=3)
    events.travels = lambda event: event["id"] in before or "week later" in event["campaign"]

    # Then reading goes on, and nothing more is said to be missed
    events.wait_until_settled()
    assert events.shown()["streams"][0]["missed"] == stream["missed"]


def test_the_journal_is_asked_no_sooner_than_it_wishes(events: EventStage) -> None:
    # Given a journal that has been read to its end
    events.run("worker", "beat")
    events.start()
    events.campaign(sends=20)
    events.wait_until_settled()

    # By a date, which tells no parts of a second, one of these seconds may be lost
    for form, seconds in (("seconds", 2), ("date", 1)):
        # When it wishes to be asked every two seconds, and workers look at the workflow many times
        events.switch(journal_retry_after_seconds=2, journal_retry_after=form)
        events.wait_for_calls("journal", events.calls("journal") + 1)
        asked, begun = events.calls("journal"), events.store.now_ms()
        events.wait_for_ticks(1.8)

        # Then it was left alone, but where the time was over
        assert events.calls("journal") - asked <= 1 + (events.store.now_ms() - begun) / 1000 / seconds

    # And what happens meanwhile is found at the next look
    events.campaign(sends=20, seed=2, campaign="meanwhile")
    events.wait_until_settled()


#: Every way in which the journal may fail, one request in three.
STORM = {
    **dict.fromkeys(("rate_429", "rate_500", "rate_503", "rate_expired_token"), 0.03),
    **dict.fromkeys(("rate_reset", "rate_reset_after", "rate_truncated", "rate_malformed"), 0.05),
    "rate_timeout_after": 0.02,
    "retry_after": 0.2,
    "hold_seconds": 0.5,
}


def test_an_outage_and_a_storm_of_the_journal_are_waited_out(events: EventStage) -> None:
    # Given a workflow that has caught up, with a journal that writes its links in another way
    events.switch(journal_link_headers="joined", journal_link_origin="absolute", journal_all_links=True)
    events.campaign(sends=30)
    events.run("worker", "beat")
    events.start(events.save(documents.egress(journal={"page_size": 15})))
    events.wait_until_settled()

    # When the journal is down, and a campaign is sent meanwhile
    events.faults(journal={"rate_503": 1.0, "retry_after": 0.3})
    events.campaign(sends=150, seed=2, campaign="meanwhile")
    events.wait_until(lambda: events.workflow.troubles.get("events.read"), "the trouble is shown")
    trouble = events.workflow.troubles.get("events.read")

    # Then the workflow still runs, and says why it waits
    assert trouble is not None and trouble.sentence.startswith("Campaign's event journal")
    assert events.life.state is State.RUNNING
    assert any("event journal" in note for note in events.shown()["notes"])

    # When it comes back, and fails in every way from time to time
    events.faults(seed=1, journal=STORM, tokens={"rate_500": 0.2, "rate_malformed": 0.2})
    events.wait_until(lambda: sum(events.dealt("journal").values()) >= 6, "faults are met", 60)
    events.faults()

    # Then everything appears once, and the trouble is over
    events.wait_until_settled(60)
    events.wait_until(lambda: not events.workflow.troubles.all(), "no trouble is shown any more")
    assert not events.letters()


def some_key() -> str:
    """A private key that opens no door."""
    form = (Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return Ed25519PrivateKey.generate().private_bytes(*form).decode()


@pytest.mark.parametrize("source", ["journal", "files"])
def test_wrong_credentials_fail_the_start_and_right_ones_mend_it(open_events: OpenEvents, source: str) -> None:
    # Given a secret that is not the one of the source
    events = open_events()
    system, wrong = ("journal", "not-the-secret-of-anybody") if source == "journal" else ("sftp", some_key())
    right = (events.home / f"{system}.secret").read_text()
    events.set_secret(system, wrong)
    events.campaign(sends=20, into=["journal", "files"])
    events.run("worker", "beat")

    # When the workflow starts
    events.start(events.save(documents.egress() if source == "journal" else documents.files()))
    why = events.wait_for_failure()

    # Then it has failed, and says where to look, not what it was
    assert f"connections.{system}" in why, why
    assert "not-the-secret" not in why and "PRIVATE" not in why
    assert events.writes() == 0

    # When it is corrected and the workflow started again
    events.set_secret(system, right)
    events.start()

    # Then it runs, with the same processes
    events.wait_until_settled()
