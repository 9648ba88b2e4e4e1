"""How the SFTP server is reached on which Campaign leaves its files, and whether logs are left there, too."""

import base64
import binascii
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from config.addresses import Host
from config.model import Model, Text, Whole
from config.remote_files import Folder
from config.secrets import SecretRef

#: The kinds of public keys that servers have, by the names that stand in front of them.
KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def _host_key(text: str) -> str:
    """Returns the key as `type base64` without its comment, or the fingerprint as it is."""
    if _FINGERPRINT.fullmatch(text):
        return text
    words = text.split()
    # RFC 4253, section 6.6: a public key begins with the length of its type's name, and the name.
    if len(words) > 1 and words[0] in KEY_TYPES:
        kind = words[0].encode()
        try:
            blob = base64.b64decode(words[1], validate=True)
        except (binascii.Error, ValueError):
            blob = b""
        if blob.startswith(len(kind).to_bytes(4, "big") + kind) and len(blob) > len(kind) + 4:
            return f"{words[0]} {words[1]}"
        raise ValueError("is not a whole public key: copy the line anew, all of it")
    if len(words) > 2 and words[1] in KEY_TYPES:
        raise ValueError("begins with the name of the host, as ssh-keyscan shows it: leave out the name before it")
    raise ValueError(
        "must be the public key of the server, such as ssh-ed25519 AAAA..., or its fingerprint, SHA256:...; "
        "ssh-keyscan shows the one, ssh-keygen -lf the other, and Campaign's control panel says whether it is right"
    )


class LogExport(Model):
    """Logs of each workflow that has this connection, as files on the server: lines of JSON, a file for each day of
    UTC. They tell what is on record anyway: ids and reasons, never a value of a record."""

    folder: Folder = Field(
        default="d365_loads/logs",
        description="Folder of the server in which the files appear; it is made if it is not there. It must not be one "
        "that files are read from.",
    )
    every_seconds: Whole = Field(
        default=3600,
        ge=60,
        le=86_400,
        description="How many seconds pass between two exports; with 3600 they are made, and counts are told, by the "
        "hour of the clock.",
    )


class SftpConnection(Model):
    """The SFTP server of the Campaign instance, for egress from files, for its opt-out export, and for logs."""

    host: Host = Field(description="Name of the server, such as contoso.campaign.adobe.com.")
    port: Whole = Field(default=22, ge=1, le=65535, description="Its port.")
    user: Text = Field(description="User that logs in.")
    private_key: SecretRef = Field(
        description="Where the private key is kept, as ssh-keygen writes it: ${file:/path} or ${env:NAME}."
    )
    passphrase: SecretRef | None = Field(
        default=None, description="Where the passphrase of the private key is kept, if it has one."
    )
    host_key: Annotated[Text, AfterValidator(_host_key)] = Field(
        description="The server's public key, a line such as ssh-ed25519 AAAA..., or its fingerprint, SHA256:... "
        "A server with another key is not talked to."
    )
    logs: LogExport | None = Field(
        default=None,
        description="Where logs are exported to, and how often; {} takes all defaults. null: nothing is exported.",
    )
