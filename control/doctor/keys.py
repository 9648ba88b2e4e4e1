"""Payload keys: what still needs an older one than the first, so that it is known when that one may go."""

from collections.abc import Iterator

from config.settings import BadSettings, Settings
from control.doctor.checks import Check, Colour
from control.opening import seal_of
from control.together import OPTINOUT
from control.words import counted, exact
from store.decisions import Unreadable
from store.store import Store
from sync.workflows import NAMES

_LISTED = "Put the key behind the others in D365ACS_PAYLOAD_KEYS_FILE, and start all processes again."
_KEEP = "Keep the older keys listed, "


def key_checks(store: Store, settings: Settings) -> Iterator[Check]:
    """Nothing without keys. Records and dead letters are counted, one by one, where more than one key is listed."""
    try:
        seal, keys = seal_of(settings), len(settings.sealing_keys())
    except BadSettings:
        return  # that is told of the settings
    if seal is None:
        return
    sealed = Store(store.redis, settings.instance, seal)
    yield from _memory_checks(sealed, keys)
    if keys > 1:
        yield from _waiting_checks(sealed)
        yield from _record_checks(sealed)


def _memory_checks(store: Store, keys: int) -> Iterator[Check]:
    name, what = "payload keys of consent", "What is remembered of consent"
    found = store.workflow(OPTINOUT).resealer.progress()
    if found is not None and found.closed:
        many = counted(found.closed, "part")
        yield Check(name, Colour.RED, f"No listed key opens {many} of what is remembered of consent.", _LISTED)
    elif found is not None and found.whole_ms is not None:
        yield Check(name, Colour.GREEN, f"{what} was all found under the first key on {exact(found.whole_ms)}.")
    elif keys > 1:
        share = found.share if found else 0
        yield Check(
            name,
            Colour.YELLOW,
            f"{what} is being sealed with the first key; the present walk has looked at {share:.0%}.",
            f"{_KEEP}until this is green; see that beat and workers run.",
        )


def _waiting_checks(store: Store) -> Iterator[Check]:
    name, waiting, dead = "payload keys of records", 0, 0
    for workflow in map(store.workflow, NAMES):
        for stream in workflow.lifecycle.streams():
            of_queue, of_dead = workflow.queue(stream).under_another_key()
            waiting, dead = waiting + of_queue, dead + of_dead
    if waiting or dead:
        both = f"{counted(waiting, 'waiting record')} and {counted(dead, 'dead letter')}"
        yield Check(
            name,
            Colour.YELLOW,
            f"An older key is needed by {both}.",
            f"{_KEEP}until these are written, or retried or dropped: d365acs dlq stats",
        )
    else:
        yield Check(name, Colour.GREEN, "No record that waits and no dead letter needs an older key.")


def _record_checks(store: Store) -> Iterator[Check]:
    name = "payload keys of decisions"
    try:
        since_ms = store.workflow(OPTINOUT).consent.under_another_key_since()
    except Unreadable as error:
        yield Check(name, Colour.RED, str(error))
        return
    if since_ms is None:
        yield Check(name, Colour.GREEN, "No decision about consent needs an older key.")
    else:
        yield Check(
            name,
            Colour.GREEN,
            f"Decisions about consent need an older key to be shown, the first of {exact(since_ms)}, until their "
            "retention_days are over.",
        )
