"""Records found by their last change: what a hundred thousand of them are asked for every second."""

from sandbox.campaign.instance import Instance
from sandbox.clock import Clock
from sandbox.switches import Switches


def test_the_memory_of_changes_stays_small_and_finds_what_a_walk_would_find() -> None:
    # Given fifty profiles that were changed five thousand times, some of them deleted
    clock = Clock()
    profiles = Instance(clock, Switches(), 1).resources["profile"]
    records = [profiles.create({"externalId": f"k-{number}"}) for number in range(50)]
    for number in range(5_000):
        clock.advance(0.5)
        profiles.update(records[number * 7 % 50], {"phone": str(number)})
    for record in records[::9]:
        profiles.delete(record)
    # When they are asked for by their last change
    stamps = sorted(record.values["lastModified"] for record in profiles.by_number.values())
    for since in ("", stamps[0], stamps[20], stamps[-1], "9999"):
        walked = [record for record in profiles.by_number.values() if record.values["lastModified"] >= since]
        # Then each comes once, oldest first, and no more is kept than the records call for
        assert profiles.changed_since(since) == walked
    assert len(profiles._changes) <= 2 * 50 + 1001
