"""A sealed payload opens for its own record only, untouched, with a key that is listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.sealing import AesSeal, NoSeal, UnknownKey

OLD, NEW = b"o" * 32, b"n" * 32
PLAIN = b'{"emailaddress1": "ann@example.com"}'


@given(payload=st.binary(max_size=2000), owner=st.text(max_size=80))
def test_what_was_sealed_opens_again_and_shows_nothing(payload: bytes, owner: str) -> None:
    seal = AesSeal([NEW])
    sealed = seal.seal(owner, payload)
    assert seal.open(owner, sealed) == payload
    assert len(sealed) == len(payload) + 33
    assert len(payload) < 4 or payload not in sealed


def test_the_same_payload_never_looks_the_same_twice() -> None:
    seal = AesSeal([NEW])
    assert seal.seal("ann", PLAIN) != seal.seal("ann", PLAIN)


def test_the_first_key_seals_and_every_key_opens() -> None:
    # Given a payload sealed with the old key
    sealed = AesSeal([OLD]).seal("ann", PLAIN)
    # When the new key is put in front, Then the old payload opens, and what is sealed now needs the new key only
    rotated = AesSeal([NEW, OLD])
    assert rotated.open("ann", sealed) == PLAIN
    assert AesSeal([NEW]).open("ann", rotated.seal("ann", PLAIN)) == PLAIN


def test_a_key_that_is_not_listed_is_named_as_the_remedy() -> None:
    sealed = AesSeal([OLD]).seal("ann", PLAIN)
    for without in (AesSeal([NEW]), NoSeal()):
        with pytest.raises(UnknownKey, match="add the old key to D365ACS_PAYLOAD_KEYS"):
            without.open("ann", sealed)


@pytest.mark.parametrize("place", range(1, len(PLAIN) + 33))
def test_a_payload_altered_in_any_byte_is_refused(place: int) -> None:
    sealed = bytearray(AesSeal([NEW]).seal("ann", PLAIN))
    sealed[place] ^= 1
    with pytest.raises(UnknownKey):
        AesSeal([NEW]).open("ann", bytes(sealed))


@pytest.mark.parametrize("length", range(1, len(PLAIN) + 33))
def test_a_payload_cut_short_anywhere_is_refused(length: int) -> None:
    sealed = AesSeal([NEW]).seal("ann", PLAIN)
    with pytest.raises(UnknownKey):
        AesSeal([NEW]).open("ann", sealed[:length])


def test_the_payload_of_another_record_is_refused() -> None:
    sealed = AesSeal([NEW]).seal("production/contacts/ann", PLAIN)
    for other in ("production/contacts/bob", "stage/contacts/ann"):
        with pytest.raises(UnknownKey, match="altered or belongs to another record"):
            AesSeal([NEW]).open(other, sealed)


def test_payloads_that_wait_from_before_sealing_are_passed_through() -> None:
    assert AesSeal([NEW]).open("ann", PLAIN) == NoSeal().open("ann", PLAIN) == PLAIN


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b"n" * 31]])
def test_keys_of_another_length_are_refused_with_the_way_to_make_one(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="openssl rand -base64 32"):
        AesSeal(keys)
