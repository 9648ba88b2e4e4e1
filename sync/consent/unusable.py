"""What was read and says nothing about any contact: it is set aside with its place."""

from hashlib import blake2b
from uuid import UUID

from sync.consent.page import Told, Unusable


def unusable(where: str, flaw: str, excerpt: str) -> Told:
    """`where`: such as "optout_20261101.csv line 17 (5d41402a)"; `excerpt`: at most 1,000 characters."""
    id_ = unusable_id(where)
    return Told(id_, Unusable(id_, where, flaw, excerpt))


def unusable_id(where: str) -> str:
    """The record's id of what stands there and cannot be used."""
    return str(UUID(bytes=blake2b(f"unusable {where}".encode(), digest_size=16).digest()))
