"""The privacy acknowledgement: asked for once an instance, recorded with who and when."""

from control.errors import PrivacyNotAcknowledged
from store.store import Store

#: What an operator acknowledges.
STATEMENT = (
    "This software copies personal data between Dynamics 365 and Campaign. It does not carry out privacy requests: "
    "when a person asks for access or erasure, make the request in Dynamics 365 and in Campaign, each by itself."
)

#: Where nobody can be asked.
REFUSAL = (
    "Nobody has acknowledged yet that privacy requests (access, erasure) are to be made in both systems, Dynamics 365 "
    "and Campaign; if that is known, start once with --accept-privacy."
)


def acknowledged(store: Store) -> bool:
    return store.privacy.read() is not None


def acknowledge(store: Store, by: str) -> None:
    """Records it, unless somebody was first."""
    store.privacy.record(by, store.now_ms())


def check(store: Store, by: str, accept: bool) -> None:
    """Records the acknowledgement if it is given now. Raises PrivacyNotAcknowledged if it never was."""
    if acknowledged(store):
        return
    if not accept:
        raise PrivacyNotAcknowledged(REFUSAL)
    acknowledge(store, by)
