"""The two keys of an SFTP connection: the server's, which is pinned, and ours, which opens the door."""

import base64
import hashlib
import io
from collections.abc import Callable

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization.ssh import SSHPrivateKeyTypes

from config.secrets import SecretMissing, resolve
from config.sftp_connection import SftpConnection
from connectors.errors import CredentialsRefused

#: The families of host keys and what they are asked for by (RFC 8709, RFC 5656, RFC 8332).
FAMILIES = {
    "ed25519": ("ssh-ed25519",),
    "ecdsa": ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    "rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


def fingerprint(key: bytes) -> str:
    """A public key's fingerprint as `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


class PinnedKey:
    """The one key that the server may have: a public key line (`type base64`), or a SHA256 fingerprint."""

    def __init__(self, pinned: str) -> None:
        words = pinned.split()
        self._fingerprint = words[0] if len(words) == 1 else fingerprint(base64.b64decode(words[1]))
        #: The families to ask the server for. A line tells its own; the others show what is there in its place.
        self.families = list(FAMILIES)
        if len(words) > 1:
            self.families.sort(key=lambda family: family != family_of(words[0]))
        #: Whether the pinned key's family is known, so that another key is a mismatch and not merely another one.
        self.tells_family = len(words) > 1

    def fits(self, key: bytes) -> bool:
        """Whether the server's public key is the pinned one."""
        return fingerprint(key) == self._fingerprint


def family_of(key_type: str) -> str:
    """The family of a public key by its type's name, such as ssh-rsa."""
    return next((family for family in FAMILIES if family in key_type), "")


def private_key(connection: SftpConnection) -> paramiko.PKey:
    """Our key, read now, so that a rotated one is picked up. Raises CredentialsRefused with what is wrong with it."""
    try:
        text = resolve(connection.private_key)
        passphrase = resolve(connection.passphrase) if connection.passphrase else None
    except SecretMissing as missing:
        raise CredentialsRefused("sftp", f"{missing} See connections.sftp.") from None
    try:
        key = _loaded(text.encode(), passphrase)
    except UnsupportedAlgorithm:
        raise _unreadable("is of a kind that is not supported; use an ed25519, ecdsa or rsa key") from None
    if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey):
        raise _unreadable("is of a kind that is not supported; use an ed25519, ecdsa or rsa key")
    return _for_paramiko(key)


def _loaded(data: bytes, passphrase: str | None) -> object:
    """The key in any of the formats that `ssh-keygen` and `openssl` write. The original errors are not chained."""
    password = passphrase.encode() if passphrase else None
    load: Callable[[bytes, bytes | None], object] = serialization.load_pem_private_key
    if b"BEGIN OPENSSH PRIVATE KEY" in data:
        load = serialization.load_ssh_private_key
    try:
        return load(data + b"\n", password)
    except TypeError:
        # Either a passphrase is missing, or there is one that the key does not need.
        if password is None:
            raise _unreadable("has a passphrase; set connections.sftp.passphrase") from None
        return _loaded(data, None)
    except ValueError:
        if data.startswith(b"PuTTY-User-Key-File"):
            raise _unreadable("is in PuTTY's format; export it as an OpenSSH key with PuTTYgen") from None
        if data.split(b" ", 1)[0].startswith((b"ssh-", b"ecdsa-")):
            raise _unreadable("is a public key; the private one belongs there") from None
        if password is not None and b"PRIVATE KEY" in data:
            raise _unreadable("does not open with the passphrase in connections.sftp.passphrase") from None
        if b"ENCRYPTED" in data:
            raise _unreadable("has a passphrase; set connections.sftp.passphrase") from None
        raise _unreadable("is no private key in OpenSSH or PEM format, or is not whole; copy it anew") from None


def _for_paramiko(key: Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey) -> paramiko.PKey:
    # paramiko reads OpenSSH's format for all three, but not every other format that keys come in.
    packed: SSHPrivateKeyTypes = key
    text = packed.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    ).decode()
    if isinstance(key, Ed25519PrivateKey):
        return paramiko.Ed25519Key.from_private_key(io.StringIO(text))
    if isinstance(key, RSAPrivateKey):
        return paramiko.RSAKey.from_private_key(io.StringIO(text))
    return paramiko.ECDSAKey.from_private_key(io.StringIO(text))


def _unreadable(what: str) -> CredentialsRefused:
    return CredentialsRefused("sftp", f"The private key in connections.sftp.private_key {what}")
