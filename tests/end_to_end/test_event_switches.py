"""Which events appear on the timelines, and with what: the four switches, and every attribute of an activity."""

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.documents import event
from tests.end_to_end.event_stage import EventStage
from tests.end_to_end.event_truth import TABLES

KINDS = tuple(TABLES)


def only(kind: str) -> documents.Plain:
    return documents.egress(events={f"{other}s": other == kind for other in KINDS})


def test_each_switch_counts_alone_and_from_the_next_start_on(events: EventStage) -> None:
    # Given a workflow that shows sends alone
    events.run("worker", "beat")
    events.start(events.save(only("send")))
    told = 0
    shown: dict[str, str] = {}
    events.travels = lambda event: event["kind"] == shown[event["campaign"]]

    for running, edited in zip(KINDS, (*KINDS[1:], "send"), strict=True):
        # When another switch is turned on in its place while it runs, and then a campaign is sent
        revision = events.save(only(edited))
        events.part = documents.egress()
        shown[f"while {running} runs"] = running
        told += events.campaign(campaign=f"while {running} runs", hard_bounces=0.1, seed=told)["events"]
        events.wait_until_read(told)

        # Then what ran before still counts
        events.wait_until_settled()
        assert events.activities(running)

        # And from the next start on the other one does
        events.restart(revision)
        events.wait_for_state(State.RUNNING)

    # And nothing was set aside
    assert set(shown.values()) == set(KINDS)
    assert not events.letters()


def test_campaigns_appear_with_all_attributes_however_their_dates_are_written(events: EventStage) -> None:
    # Given a workflow that runs
    events.run("worker", "beat")
    events.start()
    told = 0
    shares = {"hard_bounces": 0.1, "soft_bounces": 0.1, "late_bounces": 0.1}

    for dates in ("iso", "campaign", "milliseconds"):
        # When a campaign has bounces of every kind, and dates and failures are written in one of their forms
        events.switch(journal_dates=dates, journal_enumerations="labels" if dates == "iso" else "values")
        names = {"campaign": f"Größe & <Glück>, {dates}", "deliveries": ["DM1", "Überraschung; 2"]}
        told += events.campaign(sends=150, seed=told, **names, **shares)["events"]
        events.wait_until_read(told)

        # Then every event is there with all its attributes, but for soft bounces
        events.wait_until_settled()
    soft = sum(one["failure"] == "soft" for one in events.truth())
    assert soft and events.totals()["filtered"] == soft
    assert events.counts()["created"] == told - soft and not events.letters()

    # And an email that came back late shows both its send and its bounce
    hard = {one["mirror_page"] for one in events.truth() if one["failure"] == "hard"}
    sent = {one["mirror_page"] for one in events.truth() if one["kind"] == "send"}
    assert hard & sent and hard - sent


def test_an_activity_is_what_the_event_says_word_for_word(events: EventStage) -> None:
    # Given one event of each kind, some of which tell less
    ann, bob, *_ = events.admin.contacts()
    events.deliver(
        event(1, "send", ann.upper()),
        event(2, "open", f"{{{bob}}}", campaignName=None, eventDate="2026-11-02 08:30:00+02:00"),
        event(3, "click", ann, deliveryName="", url="https://www.example.com/offers/7", mirrorPageUrl=None),
        event(4, "bounce", bob, failureType="Hard", campaignName=None, deliveryName=None),
        event(5, "bounce", bob, failureType="Soft"),
    )
    events.run("worker", "beat")

    # When they are read
    events.start()
    events.wait_for_writes(4)

    # Then each is an activity in the words of Adobe's solution
    send, open_, click, bounce = (events.activities(kind) for kind in KINDS)
    common = {"statecode": 1, "statuscode": 2, "_ownerid_value": events.owner}
    page = {"adobe_mirrorpageurl": "https://t.example.com/mirror?id=1"}
    for found, expected in (
        (send, {"_regardingobjectid_value": ann, "subject": "Campaign Name: 2026Camp; Delivery Name: DM1"}),
        (send, {"adobe_campaignname": "2026Camp", "adobe_deliveryname": "DM1", "adobe_senton": "2026-11-01T12:00:00Z"}),
        (send, page),
        (open_, {"_regardingobjectid_value": bob, "subject": "Delivery Name: DM1", **page}),
        (open_, {"adobe_deliveryname": "DM1", "adobe_openedon": "2026-11-02T06:30:00Z"}),
        (click, {"_regardingobjectid_value": ann, "subject": "Campaign Name: 2026Camp"}),
        (click, {"adobe_trackingurl": "https://www.example.com/offers/7", "adobe_clickedon": "2026-11-01T12:00:00Z"}),
        (bounce, {"_regardingobjectid_value": bob, "subject": "Adobe Campaign Email Bounce", **page}),
        (bounce, {"adobe_bouncedon": "2026-11-01T12:00:00Z"}),
    ):
        (activity,) = found
        assert activity.items() >= (common | expected).items()
    for activity in (*open_, *bounce):
        assert "adobe_campaignname" not in activity
    assert "adobe_mirrorpageurl" not in click[0] and "adobe_deliveryname" not in click[0]

    # And the soft bounce is none
    events.wait_until(lambda: events.totals()["filtered"] == 1, "the soft bounce is left out")
    assert events.counts()["created"] == 4 and not events.letters()


def test_tables_and_columns_of_other_names_are_found_by_the_configuration(events: EventStage) -> None:
    # Given a Dynamics whose activity tables are named otherwise, and a configuration with Adobe's names
    events.switch(
        activity_names={
            "adobe_emailopen": "contoso_opening",
            "adobe_emailopens": "contoso_openings",
            "adobe_openedon": "contoso_when",
            "adobe_emailurlclick.adobe_trackingurl": "contoso_address",
        },
        activity_state_on_create="ignored",
    )
    told = events.campaign()
    events.run("worker", "beat")

    # When it starts
    events.start()
    why = events.wait_for_failure()

    # Then it fails, and says which names are wrong and which tables there are
    for named in ("adobe_emailopen", "contoso_opening", "egress.activities.click.url"):
        assert named in why, why

    # When the configuration names them
    tables = {"open": {"table": "contoso_opening", "date": "contoso_when"}, "click": {"url": "contoso_address"}}
    events.start(events.save(documents.egress(activities={**tables, "complete": False})))

    # Then everything appears there
    events.wait_until_settled()
    assert len(events.activities("open")) == told["opens"] > 0
    assert len(events.activities("click")) == told["clicks"] > 0
