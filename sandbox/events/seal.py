"""Numbers under seal: names that tell nothing of the order they hide, and cost no memory."""

import hashlib
import re
import struct
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

_BLOCK = struct.Struct(">QQ")
_WORDS = (
    "badger",
    "camel",
    "falcon",
    "heron",
    "lynx",
    "moose",
    "otter",
    "penguin",
    "rabbit",
    "salmon",
    "tapir",
    "wolf",
)
_UUID = "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_POSITION = re.compile(f"([a-z]+):{_UUID}:{_UUID}")
_FRONT, _BACK = 1, 2


class Seal:
    """The same seed gives the same names. Spaces keep the names of different things apart."""

    def __init__(self, seed: int) -> None:
        self._cipher = Cipher(AES(hashlib.sha256(f"{seed}:seal".encode()).digest()[:16]), ECB())

    def ids(self, space: int, numbers: Iterable[int]) -> list[str]:
        """One name for each number, in the form of a UUID."""
        pack = _BLOCK.pack
        plain = b"".join([pack(space, number) for number in numbers])
        text = self._cipher.encryptor().update(plain).hex()
        return [
            f"{text[at : at + 8]}-{text[at + 8 : at + 12]}-{text[at + 12 : at + 16]}-{text[at + 16 : at + 20]}"
            f"-{text[at + 20 : at + 32]}"
            for at in range(0, len(text), 32)
        ]

    def positions(self, numbers: range) -> list[str]:
        """`<word>:<uuid>:<uuid>` for each number (IOE, journaling API)."""
        count = len(_WORDS)
        return [
            f"{_WORDS[int(back[:4], 16) % count]}:{front}:{back}"
            for front, back in zip(self.ids(_FRONT, numbers), self.ids(_BACK, numbers), strict=True)
        ]

    def number(self, position: str) -> int | None:
        """What a position hides, or None if it was never given out."""
        match = _POSITION.fullmatch(position)
        if match is None:
            return None
        opened = self._cipher.decryptor().update(bytes.fromhex(match[2].replace("-", "")))
        space, number = _BLOCK.unpack(opened)
        if space != _FRONT or self.positions(range(number, number + 1)) != [position]:
            return None
        return int(number)
