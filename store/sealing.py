"""Seals payloads at rest: AES-256-GCM, bound to the record they belong to, rotated by listing old keys."""

import hashlib
import os
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SEALED = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12


class UnknownKey(Exception):
    """What is kept was sealed with a payload key that is not listed; add the old key to D365ACS_PAYLOAD_KEYS."""


class Altered(UnknownKey):
    """What is kept sealed was altered or belongs to another record."""


class PayloadSeal(Protocol):
    mark: bytes
    """What all that is sealed from now on begins with, by the key; empty: nothing is sealed."""

    def seal(self, owner: str, payload: bytes) -> bytes: ...

    def open(self, owner: str, sealed: bytes) -> bytes: ...

    def digest(self, value: bytes) -> int:
        """48 bits that stand for a value: equal ones are the same, and it cannot be guessed from them if it is sealed
        elsewhere."""


class NoSeal:
    """Payloads stand in Redis as they are."""

    mark = b""

    def seal(self, owner: str, payload: bytes) -> bytes:
        return payload

    def open(self, owner: str, sealed: bytes) -> bytes:
        if sealed.startswith(_SEALED):
            raise UnknownKey(UnknownKey.__doc__)
        return sealed

    def digest(self, value: bytes) -> int:
        return _digest(value, b"")


class AesSeal:
    """The first key seals, every key opens.

    A sealed payload is: marker (1 byte), key id (4), nonce (12), ciphertext with its tag (payload + 16).
    `owner` names the record and is authenticated with it: one record's payload cannot be passed off as another's.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != 32 for key in keys):
            raise ValueError("payload keys are 32 bytes each, base64; make one with: openssl rand -base64 32")
        self._by_id = {_key_id(key): AESGCM(key) for key in keys}
        sealing_id = _key_id(keys[0])
        self.mark = _SEALED + sealing_id
        self._sealing = self._by_id[sealing_id]
        self._digest_key = hashlib.blake2b(keys[0], digest_size=32, person=b"d365acs-digest").digest()

    def seal(self, owner: str, payload: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return self.mark + nonce + self._sealing.encrypt(nonce, payload, owner.encode())

    def open(self, owner: str, sealed: bytes) -> bytes:
        """Payloads queued before sealing was switched on are passed through. Raises UnknownKey, Altered."""
        if not sealed.startswith(_SEALED):
            return sealed
        start = len(_SEALED) + _KEY_ID_BYTES
        key = self._by_id.get(sealed[len(_SEALED) : start])
        if key is None:
            raise UnknownKey(UnknownKey.__doc__)
        try:
            return key.decrypt(sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :], owner.encode())
        except (InvalidTag, ValueError):  # ValueError: cut short
            raise Altered(Altered.__doc__) from None

    def digest(self, value: bytes) -> int:
        """By the first key: with another one, it is another."""
        return _digest(value, self._digest_key)


def is_under_another_key(seal: PayloadSeal, payload: bytes) -> bool:
    """Whether it is sealed, but not as it would be now."""
    return payload.startswith(_SEALED) and not (seal.mark and payload.startswith(seal.mark))


def _digest(value: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=6, key=key).digest(), "big")


def _key_id(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=_KEY_ID_BYTES, person=b"d365acs-key-id").digest()
