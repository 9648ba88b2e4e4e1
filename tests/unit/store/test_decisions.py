"""A kept decision loses nothing, is read for years, and is never guessed at."""

import uuid
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import decisions
from store.decisions import (
    Confirmed,
    Decision,
    Side,
    Unreadable,
    pack_closing,
    pack_open,
    place_of,
    unpack_closed,
    unpack_open,
)
from store.sealing import AesSeal, NoSeal, UnknownKey

PREFIX = "d365acs:{test.optinout}:"
CONTACT = "5d6c7f1e-0f0b-4b0e-9a58-000000000001"
DECIDED_MS = 1_790_000_000_000
PLACE = bytes.fromhex("01a0c469640000000007")

ONE = Decision(
    contact=CONTACT,
    flag="blackListEmail",
    dynamics=(False, DECIDED_MS - 5000),
    campaign=(True, None),
    skew_ms=-300,
    policy="documented",
    rule="opted-out-wins",
    winner="campaign",
    written_to="dynamics",
    decided_ms=DECIDED_MS,
)

#: The same, as it was written first. Whoever changes these bytes makes records of years unreadable.
KEPT = (
    "4100" + "01a0c4506c50"
    "01a0c469640000000007"
    "4110" + "5d6c7f1e0f0b4b0e9a58000000000001" + "ac02"
    "d9" + "01a0c4506c00" + "904e" + "d704" + "050c120201"
)

times = st.integers(0, 2**48 - 1)
sides: st.SearchStrategy[Side] = st.tuples(st.sampled_from([None, False, True]), st.none() | times)
words = st.sampled_from(decisions._WORDS) | st.text(max_size=60)
seals = st.sampled_from([NoSeal(), AesSeal([b"k" * 32])])
kept = st.builds(
    Decision,
    contact=st.uuids().map(str) | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60),
    flag=words,
    dynamics=sides,
    campaign=sides,
    skew_ms=st.none() | st.integers(-(2**40), 2**40),
    policy=words,
    rule=words,
    winner=words,
    written_to=words,
    decided_ms=times,
    written_ms=st.none(),
    confirmed=st.none(),
    number=st.just(0),
    closed_ms=st.none(),
    dynamics_after_ms=st.none() | times,
    campaign_after_ms=st.none() | times,
    skew_within_ms=st.none() | st.integers(0, 2**40),
    column=st.just(""),
)


@given(decision=kept, number=st.integers(1, 2**53), seal=seals)
def test_an_open_decision_comes_back_as_it_was(decision: Decision, number: int, seal: NoSeal) -> None:
    packed = pack_open(decision, number, PREFIX, seal)
    assert unpack_open(packed, PREFIX, seal) == decision._replace(number=number)


@given(decision=kept, number=st.integers(1, 2**53), how=st.none() | st.sampled_from(Confirmed), at_ms=times, seal=seals)
def test_a_closed_decision_comes_back_with_its_end(
    decision: Decision, number: int, how: Confirmed | None, at_ms: int, seal: NoSeal
) -> None:
    packed = pack_closing(how, at_ms) + PLACE + pack_open(decision, number, PREFIX, seal)
    closed = unpack_closed(packed, "1790000000123-4", PREFIX, seal)
    written_ms = at_ms if decision.written_to and how in (Confirmed.ANSWER, Confirmed.READING) else None
    assert closed.decision == decision._replace(
        number=number, confirmed=how, written_ms=written_ms, closed_ms=1_790_000_000_123
    )
    assert closed.before == f"{0x01A0 << 32 | 0xC4696400}-7"


def test_the_first_decision_of_a_contact_has_none_before_it() -> None:
    assert place_of(bytes(10)) is None


def test_what_was_kept_by_the_first_version_is_read_and_written_the_same_today() -> None:
    # Given the bytes of a decision that was kept long ago
    packed = bytes.fromhex(KEPT)
    # When it is read, Then it says what was decided
    decision, _ = unpack_closed(packed, f"{DECIDED_MS + 90}-0", PREFIX, NoSeal())
    assert decision == ONE._replace(
        number=300, confirmed=Confirmed.ANSWER, written_ms=DECIDED_MS + 80, closed_ms=DECIDED_MS + 90
    )
    # And the same decision is written so today
    assert pack_closing(Confirmed.ANSWER, DECIDED_MS + 80) + PLACE + pack_open(ONE, 300, PREFIX, NoSeal()) == packed


def test_what_is_known_in_part_stands_behind_what_was_kept_before() -> None:
    # Given a decision with a lower bound of each time, and how true the clocks' distance is
    bounds: dict[str, Any] = {
        "dynamics_after_ms": DECIDED_MS - 9000,
        "campaign_after_ms": DECIDED_MS - 70,
        "skew_within_ms": 700,
    }
    # When it is kept, Then everything else stands as it stood, and one byte says which of these follow
    packed = pack_open(ONE._replace(**bounds), 300, PREFIX, NoSeal())
    assert packed.hex() == pack_open(ONE, 300, PREFIX, NoSeal()).hex() + "00" + "07" + "d08c01" + "8c01" + "bc05"
    # And marks that nobody knows, or that stand for nothing, are refused
    for wrong in ("0000", "0008", "0100"):
        with pytest.raises(Unreadable):
            unpack_open(pack_open(ONE, 300, PREFIX, NoSeal()) + bytes.fromhex(wrong), PREFIX, NoSeal())


def test_words_keep_their_places_for_ever() -> None:
    assert decisions._WORDS[:24] == (
        "", "dynamics", "campaign", "both", "blackList", "blackListEmail", "blackListFax", "blackListMobile",
        "blackListPhone", "blackListPostalMail", "blackListPushnotification", "ccpaOptOut", "documented",
        "most_restrictive", "newest", "equal", "campaign-newer", "dynamics-newer", "opted-out-wins", "most-restrictive",
        "system-wins", "one-way", "in-doubt", "neither",
    )  # fmt: skip
    assert len(decisions._WORDS) < 0xFF


@pytest.mark.parametrize("length", range(len(KEPT) // 2))
def test_a_decision_cut_short_anywhere_is_refused(length: int) -> None:
    with pytest.raises(Unreadable, match=r"damaged|layout"):
        unpack_closed(bytes.fromhex(KEPT)[:length], "1-0", PREFIX, NoSeal())


def test_a_byte_too_many_is_refused() -> None:
    with pytest.raises(Unreadable, match="damaged"):
        unpack_closed(bytes.fromhex(KEPT) + b"\0", "1-0", PREFIX, NoSeal())


@pytest.mark.parametrize("place", [0, 18])
def test_a_layout_of_a_later_version_is_named_with_the_remedy(place: int) -> None:
    packed = bytearray.fromhex(KEPT)
    packed[place] = ord("B")
    with pytest.raises(Unreadable, match=r"layout b'B', which this version does not know; use the version"):
        unpack_closed(bytes(packed), "1-0", PREFIX, NoSeal())


def test_a_word_of_a_later_version_is_named_with_the_remedy() -> None:
    packed = bytearray.fromhex(KEPT)
    packed[-1] = 200
    with pytest.raises(Unreadable, match=r"word number 200, which this version does not know; use the version"):
        unpack_closed(bytes(packed), "1-0", PREFIX, NoSeal())


@given(damaged=st.binary(max_size=90))
def test_no_bytes_at_all_are_taken_for_a_decision_by_another_error(damaged: bytes) -> None:
    for packed in (damaged, b"A" + damaged, b"A\x00" + damaged):
        with suppress(Unreadable, UnknownKey):
            unpack_closed(packed, "1-0", PREFIX, NoSeal())


@given(decision=kept)
def test_no_plain_decision_is_taken_for_a_sealed_one(decision: Decision) -> None:
    # Given payload keys that were introduced after the decision was kept
    packed = pack_open(decision, 1, PREFIX, NoSeal())
    assert unpack_open(packed, PREFIX, AesSeal([b"k" * 32])).flag == decision.flag


def test_a_sealed_decision_opens_only_as_the_one_that_it_is() -> None:
    # Given a sealed decision
    seal = AesSeal([b"k" * 32])
    packed = pack_open(ONE, 300, PREFIX, seal)
    # When its contact or its number is changed by somebody who can write to Redis, Then it is refused
    other = packed.replace(uuid.UUID(CONTACT).bytes, uuid.UUID(int=7).bytes)
    for forged in (other, packed.replace(b"\xac\x02", b"\xad\x02", 1)):
        assert forged != packed
        with pytest.raises(UnknownKey, match="altered or belongs to another record"):
            unpack_open(forged, PREFIX, seal)


def test_what_is_too_long_is_refused_before_it_is_kept() -> None:
    with pytest.raises(ValueError, match="at most 255 bytes; this one has 256"):
        pack_open(ONE._replace(contact="x" * 256), 1, PREFIX, NoSeal())
    with pytest.raises(ValueError, match="at most 255 bytes; this one has 300"):
        pack_open(ONE._replace(rule="r" * 300), 1, PREFIX, NoSeal())
