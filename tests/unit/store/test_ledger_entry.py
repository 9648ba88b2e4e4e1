"""A ledger entry is 13 bytes and a fingerprint, and loses nothing; records are spread evenly over the buckets."""

import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from store.keys import LEDGER_BUCKETS, InstanceKeys
from store.ledger import Entry, Ledger, Standing, field_of, id_of


@given(
    entry=st.builds(
        Entry,
        standing=st.sampled_from(Standing),
        version=st.integers(0, 2**63),
        read_at=st.integers(0, 2**32 - 1),
        fingerprint=st.binary(min_size=8, max_size=8) | st.binary(min_size=16, max_size=16),
    )
)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    packed = entry.pack()
    assert len(packed) == 13 + len(entry.fingerprint)
    unpacked = Entry.unpack(packed)
    assert unpacked == entry
    assert isinstance(unpacked.standing, Standing)


@given(st.uuids())
def test_a_guid_is_kept_in_16_bytes(guid: uuid.UUID) -> None:
    assert field_of(str(guid)) == guid.bytes


@pytest.mark.parametrize(
    "name", ["C-1047", "5D6C7F1E-0F0B-4B0E-9A58-000000000001", "5d6c7f1e-0f0b-4b0e-9a58-000000000001\n", "é" * 9, ""]
)
def test_any_other_name_is_kept_as_it_is(name: str) -> None:
    assert field_of(name) == name.encode()


@given(
    st.uuids().map(str) | st.text(st.characters(exclude_characters="\0", codec="utf-8")) | st.just("C-1047-000000001")
)
def test_a_field_tells_whose_it_is(name: str) -> None:
    # Given any name, one of 16 bytes among them, which could be mistaken for a GUID
    assert id_of(field_of(name)) == name


def test_records_are_spread_evenly_over_the_buckets() -> None:
    # Given 200,000 GUIDs counted up one by one, the least favourable kind
    ledger = Ledger(Redis(), InstanceKeys("test").workflow("contacts").stream("contact"))
    filled = Counter(ledger.bucket_of(field_of(str(uuid.UUID(int=number)))) for number in range(200_000))
    # Then nearly every bucket has some, and none has so many that 75 times as much would leave the compact encoding
    assert len(filled) > 0.9 * LEDGER_BUCKETS
    assert max(filled.values()) <= 20
