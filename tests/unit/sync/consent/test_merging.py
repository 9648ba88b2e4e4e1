"""Two readings of one profile become one, whichever of them came first."""

from config.optinout import OptinoutConfig
from sync.consent.merging import merged
from sync.consent.rule import Seen
from sync.consent.states import ProfileState

CONFIG = OptinoutConfig.model_validate(
    {"direction": "bidirectional", "flags": [{"dynamics": "donotemail", "campaign": "blackListEmail"}]}
)


def read(out: bool, at_ms: int, read_ms: int, present: bool) -> ProfileState:
    return ProfileState({"blackListEmail": Seen(out, at_ms)}, at_ms, read_ms, present=present)


def test_of_two_that_campaign_told_the_one_read_later_counts_whatever_its_time() -> None:
    # Given a reading whose flag has an older time than another one that was read before
    before, after = read(False, 900, 10, present=True), read(True, 500, 20, present=True)
    # When they are merged, Then it stands as it is
    assert merged(CONFIG, before, after) == merged(CONFIG, after, before) == after


def test_a_row_of_a_file_counts_by_its_time_and_takes_nothing_from_what_it_does_not_beat() -> None:
    told = read(True, 900, 10, present=True)
    # An older row leaves what Campaign told as it was told
    assert merged(CONFIG, told, read(False, 500, 20, present=False)) == told
    # A later one takes nothing from it either, but only Campaign itself can say which of the two counts
    later = merged(CONFIG, told, read(False, 950, 20, present=False))
    assert later == merged(CONFIG, read(False, 950, 20, present=False), told) == told._replace(asks=True)
    assert merged(CONFIG, later, read(False, 960, 30, present=False)) == later
    # Until it is read again
    again = read(True, 990, 40, present=True)
    assert merged(CONFIG, later, again) == merged(CONFIG, again, later) == again


def test_doubles_stay_doubles() -> None:
    told = read(True, 900, 10, present=True)._replace(doubles=True)
    assert merged(CONFIG, told, read(False, 950, 20, present=True)).doubles
    assert merged(CONFIG, told, read(False, 950, 20, present=False)).doubles
