"""Secrets and people that the sandbox has planted, and where they show."""

import base64
import binascii
import os
import re
import subprocess
import tempfile

from tests.end_to_end.event_stage import EventStage
from tests.end_to_end.installation import Installation
from tests.sandboxes import Admin

#: So many letters of a token stand nowhere by chance.
PIECE = 40

PAYLOAD_KEY = base64.b64encode(bytes(range(32))).decode()


def people(admin: Admin) -> set[str]:
    """E-mail addresses, telephone numbers and the longer family names of everybody in Dynamics."""
    rows = admin.contacts().values()
    told = {str(row[name]) for row in rows for name in ("emailaddress1", "mobilephone", "telephone1") if name in row}
    return told | {row["lastname"] for row in rows if len(row["lastname"]) > 5 and row["lastname"].isascii()}


def of_events(events: EventStage) -> set[str]:
    """E-mail addresses and links of every event that Campaign has told."""
    return {one[name] for one in events.truth() for name in ("email", "mirror_page", "url") if one[name]}


def credentials(stage: Installation) -> set[str]:
    """Secrets; of a private key, its lines; the words around access tokens, and how these begin."""
    found = {"Bearer ", "access_token", PAYLOAD_KEY} | of_tokens(stage.admin)
    for system, member in stage.systems.items():
        found |= {line for line in stage.sandbox.info[system][member].splitlines() if "-----" not in line}
    return found


def of_tokens(admin: Admin) -> set[str]:
    """How the access tokens begin that the sandbox has given out: who cuts one short shows it, too. Those of one system
    begin alike, also the ones that are still to come."""
    tokens: list[str] = admin.get("/tokens")["value"]
    assert tokens, "nobody was given a token"
    return {token[:PIECE] for token in tokens}


def unpacked(text: bytes) -> bytes:
    """The text, and behind it whatever is wrapped in base64 in it, as the bodies of Celery's messages are."""
    found = [text]
    for wrapped in re.findall(rb"[A-Za-z0-9+/]{16,}={0,2}", text):
        try:
            found.append(base64.b64decode(wrapped))
        except binascii.Error:
            continue
    return b"\n".join(found)


def leaks(text: bytes, secrets: set[str]) -> set[str]:
    if not _shows_any(text, secrets):
        return set()
    return {secret for secret in secrets if secret.encode() in text}


def _shows_any(text: bytes, secrets: set[str]) -> bool:
    """Looks for thousands of them in one go."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as patterns:
        patterns.write("".join(f"{secret}\n" for secret in secrets))
        patterns.flush()
        command = ["grep", "--quiet", "--text", "--fixed-strings", f"--file={patterns.name}"]
        searched = subprocess.run(command, input=text, env={"LC_ALL": "C", "PATH": os.defpath}, check=False)
    assert searched.returncode in (0, 1), "grep is needed to look for secrets"
    return searched.returncode == 0
