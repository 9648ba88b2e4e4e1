"""How a key is spelt is remembered in short, and comes back in full."""

import pytest

from sync.consent.memory import Memory
from sync.consent.memory_bytes import pack, unpack
from sync.consent.payload import of_campaign, profile_of
from sync.consent.spelling import in_full, short
from sync.consent.states import ProfileState

CONTACT = "5d6c7f1e-0f0b-4b0e-9a58-00000000000a"
NUMBERS = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("contact", "key", "kept"),
    [
        (CONTACT, CONTACT, ""),
        (CONTACT, CONTACT.upper(), "1"),
        (CONTACT, f"{{{CONTACT}}}", "2"),
        (CONTACT, f"{{{CONTACT.upper()}}}", "3"),
        (CONTACT, CONTACT.replace("-", ""), CONTACT.replace("-", "")),
        (NUMBERS, NUMBERS.replace("-", ""), NUMBERS.replace("-", "")),
    ],
)
def test_a_spelling_comes_back_as_it_was(contact: str, key: str, kept: str) -> None:
    spelt = short(contact, key)
    assert (spelt, in_full(contact, spelt)) == (kept, key)
    # Also from the memory and from the queue
    assert unpack(pack(Memory(spelt=spelt))).spelt == spelt
    waits = profile_of(of_campaign(ProfileState({}, None, 1, present=True, spelt=spelt)))
    assert waits is not None and waits.spelt == spelt
