"""What is remembered of a contact: in bytes and back, and what an answer changes in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.consent_flags import FLAGS
from connectors.clocks import Skew
from sync.consent.memory import CARRIED_OUT_WITHIN_MS, MARGIN_MS, FlagMemory, Memory, Sent, Span, System, Written
from sync.consent.memory_bytes import UnknownMemory, pack, unpack
from sync.consent.rule import Seen

_times = st.none() | st.integers(-1, 253_402_300_799_999)
_seen = st.builds(Seen, st.sampled_from([True, False, None]), _times, _times)
_flags = st.builds(
    FlagMemory,
    dynamics=_seen,
    campaign=_seen,
    told_ms=_times,
    ours=st.none() | st.builds(Span, st.integers(-1, 2**45), st.integers(-1, 2**45)),
    sent=st.none() | st.builds(Sent, st.sampled_from(System), st.booleans(), st.integers(0, 2**45), _seen),
    shown=st.booleans(),
    written=st.none()
    | st.builds(
        Written,
        st.sampled_from(System),
        st.booleans(),
        st.integers(0, 2**45),
        st.integers(1, 255),
    ),
    late=st.none() | st.builds(Sent, st.sampled_from(System), st.booleans(), st.integers(0, 2**45), _seen),
    pair=st.integers(0, 2**23 - 1),
)
_memories = st.builds(
    Memory,
    etag=st.sampled_from(["", 'W/"1"', 'W/"98765432109"', '"x"']),
    modified_ms=_times,
    record=st.builds(Seen, st.none(), _times, _times),
    profile_modified_ms=_times,
    profile_read_ms=st.integers(0, 2**45),
    flags=st.dictionaries(st.sampled_from(FLAGS), _flags),
    who=st.integers(0, 2**32 - 1),
    spelt=st.sampled_from(["", "1", "{5F6C}"]),
)

AT = 1_700_000_000_000
SENT = Sent(System.CAMPAIGN, True, AT, Seen(True, AT - 5000))


@given(_memories)
def test_what_is_kept_comes_back(memory: Memory) -> None:
    assert unpack(pack(memory)) == memory


def test_a_contact_with_all_flags_takes_few_bytes() -> None:
    # Given a contact whose eight flags are known on both sides, half of them changed in Campaign at times of their own
    flags = {
        flag: FlagMemory(Seen(False, AT, -1), Seen(False, AT + 10**7 * place), AT + 10**7 * place)
        for place, flag in enumerate(FLAGS)
    }
    memory = Memory('W/"98765432109"', AT, Seen(None, AT), AT + 86_400_000, AT + 86_401_000, flags)
    # Then its memory takes little more than a fifth of a kilobyte
    assert len(pack(memory)) <= 210


@pytest.mark.parametrize("packed", [b"", b"\x01\x00\x00"])
def test_bytes_of_another_layout_are_named(packed: bytes) -> None:
    with pytest.raises(UnknownMemory, match="which this version does not know"):
        unpack(packed)


def test_a_version_that_cannot_be_kept_is_forgotten_rather_than_cut() -> None:
    assert unpack(pack(Memory(etag="é" * 3))).etag == ""
    assert unpack(pack(Memory(etag="x" * 256))).etag == ""


def test_what_campaign_confirms_goes_back_to_the_change_that_was_passed_on() -> None:
    # Given an opt-out of Dynamics that is sent to Campaign, whose clock is three seconds ahead
    memory = Memory(flags={"blackListEmail": FlagMemory(SENT.origin, Seen(False, 0), 0, sent=SENT)})
    # When Campaign confirms it
    after = memory.campaign_answered(AT + 10, AT + 90, Skew(3000, 50))
    # Then it has the time of the opt-out, and Campaign's own time of it is known within bounds
    flag = after.flags["blackListEmail"]
    assert flag.campaign == SENT.origin and flag.sent is None and not after.is_open
    assert flag.ours == Span(AT + 10 + 3000 - 50 - MARGIN_MS, AT + 90 + 3000 + 50 + MARGIN_MS)
    assert after.profile_read_ms == AT + 90


def test_what_dynamics_confirms_leaves_the_time_of_the_record_alone() -> None:
    record = Seen(None, AT - 9000)
    sent = Sent(System.DYNAMICS, False, AT, Seen(False, AT - 500))
    memory = Memory(
        'W/"1"', AT - 9000, record, flags={"blackList": FlagMemory(Seen(True, AT - 9000), sent.origin, sent=sent)}
    )
    after = memory.dynamics_answered('W/"2"', AT + 1000)
    assert (after.etag, after.modified_ms, after.record) == ('W/"2"', AT + 1000, record)
    assert after.flags["blackList"].dynamics == sent.origin


def test_what_is_given_up_leaves_the_other_system_alone() -> None:
    memory = Memory(flags={"blackList": FlagMemory(Seen(True, AT), Seen(False, AT), sent=SENT)})
    assert memory.given_up(System.DYNAMICS).open_flags(System.CAMPAIGN) == ["blackList"]
    assert not memory.given_up(System.CAMPAIGN).is_open


def test_what_may_come_late_stays_open_and_is_no_part_of_what_is_answered_or_given_up() -> None:
    # Given an opt-in of each system that was given up, beside an opt-out that was sent
    late = {system: Sent(system, False, AT - 9000, Seen(False, AT - 9500)) for system in System}
    for system, one in late.items():
        memory = Memory(flags={"blackList": FlagMemory(Seen(True, AT), Seen(False, AT), sent=SENT, late=one)})
        # When Campaign confirms the opt-out, or it is given up, Then that one is still open
        for after in (memory.campaign_answered(AT, AT, None), memory.given_up(System.CAMPAIGN)):
            assert after.flags["blackList"].sent is None and after.flags["blackList"].late == one
            assert after.is_open and after.late_until_ms == AT - 9000 + CARRIED_OUT_WITHIN_MS
        # And when Dynamics has another version, only what is for Campaign
        after = memory.dynamics_answered('W/"2"', AT)
        assert after.flags["blackList"].late == (one if system is System.CAMPAIGN else None)
        assert not memory.closed().is_open
