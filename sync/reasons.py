"""What an error means for the record that met it: what helps, and why it was set aside."""

import re

from connectors import errors
from connectors.errors import ConnectorError, Malformed, TryAgain
from store.outcomes import Reason
from sync.mapping.mapper import Unmappable
from sync.retry import Remedy


def may_be_drift(error: Exception) -> bool:
    """Whether the target does not take what its schema says: lengths and names are looked at before they are sent."""
    return isinstance(error, errors.SchemaRefused) or (type(error) is errors.Refused and bool(error.field))


def remedy_of(error: Exception) -> Remedy:
    """What helps: time, perhaps time, or only a change."""
    if isinstance(error, errors.Refused | Unmappable):
        return Remedy.REFUSED
    if isinstance(error, TryAgain) and not isinstance(error, Malformed):
        return Remedy.OUTAGE
    return Remedy.UNSURE


def status_of(error: Exception) -> int:
    """Of the HTTP answer that the error tells of; 0 if there was none, or it is not known."""
    return error.status if isinstance(error, ConnectorError) else 0


def reason_of(error: Exception) -> Reason:
    """Why a record was set aside. `kind` is the error's class in words: AlreadyExists -> already-exists.

    The text of an error that is not ours may hold values of the record, so it is not repeated.
    """
    kind = re.sub("(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()
    match error:
        case ConnectorError():
            return Reason(kind, error.sentence, error.system)
        case Unmappable():
            return Reason(kind, error.sentence)
        case _:
            return Reason(kind, "Writing this record failed in a way nobody foresaw; please report it with its kind.")
