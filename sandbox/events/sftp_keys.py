"""The keys of the SFTP server: made from the seed, so that the same sandbox has the same host key every time."""

import hashlib
from dataclasses import dataclass

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

USER = "d365acs"


def _made(seed: int, name: str) -> str:
    """An ed25519 key in OpenSSH's own form."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{seed}:sftp {name}".encode()).digest())
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def _public(key: str) -> str:
    return " ".join(asyncssh.import_private_key(key).export_public_key().decode().split()[:2])


@dataclass(frozen=True, slots=True)
class SftpKeys:
    """`user` and the hosts are private keys as text; a public key is one line without a comment."""

    user: str
    user_public: str
    host: str
    host_public: str
    other_host: str

    @classmethod
    def made_up(cls, seed: int) -> "SftpKeys":
        user, host, other_host = (_made(seed, name) for name in ("user", "host", "other host"))
        return cls(user, _public(user), host, _public(host), other_host)
