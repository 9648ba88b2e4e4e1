"""Events of a window of time are read once more: what was lost in Dynamics comes back, and nothing else changes."""

import pytest

from tests.end_to_end import documents, event_truth
from tests.end_to_end.event_stage import EventStage


@pytest.mark.parametrize(("source", "meanwhile"), [("journal", 50), ("files", 0)], ids=["journal", "files"])
def test_a_replay_brings_back_the_events_of_a_window_and_doubles_none(
    events: EventStage, source: str, meanwhile: int
) -> None:
    # Given a campaign on the timelines, and sends that somebody has deleted there
    events.campaign(sends=150, into=source, files={"count": 3})
    events.run("worker", "beat")
    archive = documents.files(afterwards="archive", archive_folder="done")
    events.start(events.save(documents.egress() if source == "journal" else archive))
    events.wait_until_settled()
    lost = [row["activityid"] for row in events.activities("send")]
    events.admin.post("/dynamics/tables/adobe_emailsend/delete", {"ids": lost})
    assert events.counts()["twice"] == 0
    events.touched = True

    # When a replay of a part of the time is asked for, and meanwhile another campaign is sent
    times = sorted(one["time"] for one in events.truth() if one["kind"] == "send")
    since, until = times[len(times) // 4], times[len(times) * 3 // 4]
    told = events.d365acs("replay", "create", "egress", "--since", since, "--until", until)
    assert "pending" in told and "workflow restart egress" in told
    events.wait_for_ticks(0.5)
    assert not events.activities("send")
    events.campaign(sends=meanwhile, seed=2, campaign="meanwhile", into=source)
    events.restart()

    # Then the sends of that time are back, the others are not, and the other campaign is there, too
    def is_there(event: event_truth.Event) -> bool:
        return bool(event["kind"] != "send" or since <= event["time"] < until or event["campaign"] == "meanwhile")

    events.travels = is_there
    events.wait_until_settled()
    assert len(events.activities("send")) > len(lost) // 4

    # And no event was created twice but those that were deleted
    assert events.counts()["twice"] == sum(since <= time < until for time in times)
    assert not events.letters()
