"""The sources of consent that a configuration has."""

from config.optinout import OptinoutConfig
from store.store import WorkflowStore
from sync.consent.contact_changes import ContactChanges
from sync.consent.export_files import ExportFiles
from sync.consent.fitting import ConsentShapes
from sync.consent.latest import LatestProfiles
from sync.consent.page import ConsentPart
from sync.consent.polled import POSITION, PolledProfiles
from sync.digest import digest
from sync.systems import Systems

#: Each is also the name of its trouble, and of its part of the position.
POLL, FILES, DYNAMICS = "poll", "files", "dynamics"
#: The fast one of the two readings of Campaign's profiles; POLL is the one that loses nothing.
LATEST = "latest"
#: What a replay reads once more, beside what is new.
AGAIN = "again"


def parts_of(
    config: OptinoutConfig,
    shapes: ConsentShapes,
    systems: Systems,
    store: WorkflowStore,
    stream: str,
    page_size: int,
) -> dict[str, ConsentPart]:
    """By name. Where pairs change, polling and Dynamics begin anew: another pair is compared for everybody. So does
    polling with another direction: what was left as it is one way may flow in the other. Files do not, since each is
    read once.

    AGAIN is the one that knows everybody: polling, else Dynamics, else the files that are still there."""
    found: dict[str, ConsentPart] = {}
    pairs = sorted([pair.dynamics, pair.campaign, pair.opted_out] for pair in config.flags)
    if config.files is not None:
        assert systems.sftp is not None
        files = config.files
        place = digest([systems.sftp.about, files.folder])
        found[FILES] = ExportFiles(systems.sftp, config, store.files(stream), place, store.now_ms)
    if config.both_ways:
        place = digest(pairs)
        found[DYNAMICS] = ContactChanges(systems.dynamics, config, shapes, place, page_size, store.now_ms)
    if config.poll is not None:
        where = [POSITION, config.poll.filter, config.poll.parameter, config.profile_key.field]
        place = digest([*where, pairs, config.direction])
        found[POLL] = PolledProfiles(systems.campaign, config, shapes, place, store.now_ms, store.digest)
    *_, last = found
    again = {AGAIN: found[last if POLL in found or DYNAMICS not in found else DYNAMICS]}
    if config.poll is None:
        return {**again, **found}
    # What several have answered is stored in this order.
    latest = LatestProfiles(systems.campaign, config, shapes, digest(where), store.now_ms, store.digest)
    return {LATEST: latest, **again, **found}
