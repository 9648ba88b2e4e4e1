"""What to do about each kind of reason for which records are set aside, and the command that comes after it."""

import shlex
from dataclasses import dataclass

from control.dead_letters.whole_files import KIND as WHOLE_FILE


@dataclass(frozen=True, slots=True)
class Remedy:
    sentence: str  #: what to correct, and where
    command: str  #: what to type then


#: Puts them back on the queue.
_RETRY = "retry"
#: Takes them off the count, where nothing would come of trying again what was kept.
_DROP = "drop"

_PLACES = {"ingress": "Campaign", "egress": "Dynamics", "optinout": "the system that refused it"}

#: By kind; where it means another thing in another workflow, by both.
_REMEDIES: dict[str | tuple[str, str], tuple[str, str]] = {
    "unmappable": (
        "Correct the record in Dynamics, which tries it again by itself; or the mapping (another field, a replacement, "
        "required: false), and restart.",
        _RETRY,
    ),
    ("unmappable", "egress"): (
        "Correct the path, the list or the format that does not fit (d365acs workflow edit egress), and restart. An "
        "event that itself lacks something comes by itself with a corrected export.",
        _RETRY,
    ),
    ("unmappable", "optinout"): (
        "Correct the profile's key in Campaign, so that it is the id of its contact: what changes there comes by "
        "itself; then drop these.",
        _DROP,
    ),
    "illegible": (
        "Restore Redis from a backup, or use the version that wrote it, or a later one; both systems are "
        "compared anew then.",
        _RETRY,
    ),
    "unreadable": (
        "What was read there is no event. Correct the export in Campaign and upload the file anew: it is read by "
        "itself; then drop these.",
        _DROP,
    ),
    "unusable-row": (
        "The row says nothing about any contact. Correct the export in Campaign and upload the file anew: it is read "
        "by itself; then drop these.",
        _DROP,
    ),
    WHOLE_FILE: (
        "Correct what the sentence names (d365acs workflow edit {workflow}) and restart, or upload the file anew: it "
        "is read by itself. If the file was to blame and is mended as it stands, have it read again.",
        _RETRY,
    ),
    "refused": (
        "{place} says why. Correct the record, or merge the two that have one key.",
        _RETRY,
    ),
    ("refused", "egress"): (
        "Dynamics says why: a required column, a plug-in, a rule of duplicate detection. Correct it there.",
        _RETRY,
    ),
    ("refused", "optinout"): (
        "The sentence says why. Merge profiles that carry one contact's key in Campaign, or correct the contact in "
        "Dynamics; both systems are compared anew.",
        _RETRY,
    ),
    "already-exists": (
        "Another record of {place} has the value of a unique field. Correct one of the two.",
        _RETRY,
    ),
    "not-found": ("It went in {place} while it was written. Look whether it is to be there.", _RETRY),
    "conflict": ("Somebody else changed it in {place} at the same time, again and again. Try it once more.", _RETRY),
    "changed": ("Somebody else changed it in {place} at the same time, again and again. Try it once more.", _RETRY),
    "link-missing": (
        "What it links to went in {place} just then. Retry that record, or replay its table, first.",
        _RETRY,
    ),
    "related-missing": (
        "Dynamics has no such contact. Have it carried there, or look whether both workflows use the same Dynamics.",
        _RETRY,
    ),
    "schema-refused": (
        "{place} refused a field or column although its schema looks as at the start. See what has become of it there, "
        "and restart.",
        _RETRY,
    ),
    "parent-missing": (
        "The record that it links to is not in Dynamics. Correct the lookup there, which tries it again by itself.",
        _RETRY,
    ),
    "parent-filtered-out": (
        "The record that it links to does not pass its table's filter. Change that filter, or filter both alike, and "
        "restart.",
        _RETRY,
    ),
    "parent-refused": (
        "The record that it links to is a dead letter itself. Mend and retry that one first (d365acs dlq stats "
        "{workflow}).",
        _RETRY,
    ),
    "parent-unmapped": (
        "The table that it links to is not mapped any more. Map it again or remove the link, and restart.",
        _RETRY,
    ),
    "parent-circle": (
        "Following its links leads back to where they began. Change one of the lookups in Dynamics, which tries it "
        "again by itself.",
        _RETRY,
    ),
    "malformed": ("Twelve attempts, and no answer that explains itself. Look at {place}; then try again.", _RETRY),
    "holders-died": (
        "Workers died while they held it. Look at their memory and their logs and report it; then try again.",
        _RETRY,
    ),
}
#: A class of error that nobody foresaw.
_UNFORESEEN = ("Nobody foresaw this. Report it with its kind and the worker's log; then try again.", _RETRY)

#: The kinds that are known by name.
KINDS = frozenset(key if isinstance(key, str) else key[0] for key in _REMEDIES)


def remedy_of(workflow: str, stream: str, kind: str, record_id: str | None = None) -> Remedy:
    """What to do about a kind in a workflow, or about one record of it; there is something for every kind."""
    sentence, verb = _REMEDIES.get((kind, workflow)) or _REMEDIES.get(kind) or _UNFORESEEN
    which = f"--stream {stream} --cause {kind}" if record_id is None else shlex.quote(record_id)
    told = sentence.format(workflow=workflow, place=_PLACES[workflow])
    return Remedy(told, f"d365acs dlq {verb} {workflow} {which}")
