"""What is known of one contact's consent: what was decided and why, what was seen last, and what still waits."""

from collections.abc import Mapping
from dataclasses import dataclass

from control.consent.record import opened
from control.errors import UnknownContact
from control.together import OPTINOUT, newest_optinout
from store.consent import Decision, Known
from store.records import DeadLetter
from store.store import Store
from sync.consent.memory import Memory
from sync.consent.memory_bytes import unpack
from sync.consent.payload import OF_DYNAMICS, UnusableRow, profile_of
from sync.guid import is_guid
from sync.optinout import STREAM


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change of the contact that is on the queue."""

    source: str  #: campaign, dynamics: where it was made
    seen_ms: int | None  #: Campaign only: when the profile was read; ms since 1970
    parked_ms: int | None  #: since when it waits for the contact, which Dynamics does not have; None: it does not


@dataclass(frozen=True, slots=True)
class Explanation:
    contact: str
    decisions: tuple[Decision, ...]  #: newest first
    more: bool  #: there are older ones
    seen: Memory | None  #: what was seen last
    columns: Mapping[str, str]  #: by flag: the column of Dynamics that is paired with it now
    waiting: Waiting | None
    set_aside: DeadLetter | None
    now_ms: int  #: the store's clock


def contact_id(text: str) -> str:
    """The id of a contact as it is kept. Raises ValueError for what is none."""
    found = text.strip().lower().removeprefix("{").removesuffix("}")
    if not is_guid(found):
        raise ValueError("no guid")
    return found


def explain(store: Store, contact: str, limit: int) -> Explanation:
    """The last `limit` decisions about a contact, and the rest of what is known. `contact`: as `contact_id` has it.

    Raises UnknownContact, Sealed.
    """
    workflow = store.workflow(OPTINOUT)
    queue = workflow.queue(STREAM)
    with opened():
        decisions = workflow.consent.of_contact(contact, limit + 1)
        [known] = workflow.consent.known([contact])
        if not isinstance(known, Known):
            raise known
        waits, letter = queue.peek(contact), queue.dead_letter(contact)
        seen = unpack(known.memory) if known.memory is not None else None
    if not decisions and seen is None and waits is None and letter is None:
        raise UnknownContact(
            f"Nothing is known of the contact {contact}: optinout has seen no change of its consent, or what was "
            "decided is older than what is kept."
        )
    config = newest_optinout(store)
    return Explanation(
        contact,
        tuple(decisions[:limit]),
        len(decisions) > limit,
        seen,
        {pair.campaign: pair.dynamics for pair in config.flags} if config else {},
        _waiting(waits, queue.parked_since_ms(contact)) if waits is not None else None,
        letter,
        store.now_ms(),
    )


def _waiting(payload: bytes, parked_ms: int | None) -> Waiting:
    if payload == OF_DYNAMICS:
        return Waiting("dynamics", None, parked_ms)
    try:
        profile = profile_of(payload)
    except UnusableRow:  # a row of a file, by the id that it is set aside under
        profile = None
    return Waiting("campaign", profile.read_ms if profile else None, parked_ms)
