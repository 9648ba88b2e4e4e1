"""How a contact's consent stands on the queue of optinout; what was decided about it has a command of its own."""

from collections.abc import Iterator

from control.explain.standing import standing, with_past
from control.explain.words import given_up_words, set_aside_words, waits_words
from control.together import OPTINOUT
from control.words import exact
from store.consent import Known
from store.outcome_log import Ending
from store.store import Store, WorkflowStore
from sync.optinout import STREAM as CONSENT


def consent(store: Store, contact: str) -> Iterator[str]:
    """A sentence, if optinout knows the contact, with the command that leads on."""
    optinout = store.workflow(OPTINOUT)
    kept = with_past(standing(store, optinout, CONSENT, contact), optinout, CONSENT, contact)
    if not (kept.is_known or kept.past or _remembers_consent(optinout, contact)):
        return
    if kept.waits:
        stands = waits_words(kept.waits, kept.retried)
    elif kept.set_aside:
        stands = set_aside_words(kept.set_aside)
    else:
        stands = given_up_words(kept) or "Nothing of it waits, and nothing was set aside"
        last = kept.past[0] if kept.past else None
        if last and last.ending in (Ending.CREATED, Ending.UPDATED, Ending.UNCHANGED):
            written = "both sides agreed" if last.ending is Ending.UNCHANGED else "it was written"
            stands += f"; {written} on {exact(last.at_ms)}"
    yield (
        f"optinout, consent: {stands[0].lower()}{stands[1:]}. Consent has a command of its own, which says what was "
        f"decided and why: d365acs consent explain {contact}"
    )


def _remembers_consent(optinout: WorkflowStore, contact: str) -> bool:
    [known] = optinout.consent.known([contact])
    # Where it cannot be read something is kept, which is all that is asked.
    return not isinstance(known, Known) or known.memory is not None
