"""What a call to Dynamics, Campaign, its journal or its SFTP server may end in, named by the remedy.

    ConnectorError
    |-- TryAgain              the same request may work later; `wait` seconds if the server said so
    |   |-- Unreachable       no connection, refused, reset, timed out
    |   |-- Throttled         429
    |   |-- Unavailable       the gateway, the server or its database is in trouble
    |   |-- CoolingDown       Campaign takes no signal for this activity so soon after the last one
    |   `-- Malformed         answered, but torn, not what the interface promises, or without a reason we know
    |-- Refused               this record is wrong; the next one may be right
    |   |-- NotFound
    |   |-- AlreadyExists
    |   |-- Conflict          another writer was first (412)
    |   |   `-- Changed       the row of Dynamics is no longer the version that was read; nothing was written
    |   |-- LinkMissing       what a link of the record leads to is not there (any more)
    |   |-- RelatedMissing    the row that a new one is to belong to is not there (yet)
    |   `-- SchemaRefused     a column or field that the mapping names is not there, or takes no writing: no record of
    |                         the table can succeed until the mapping or the schema is mended
    |-- CursorExpired         the reading position is no longer served: a full read is needed
    `-- Stop                  no record can succeed until somebody changes something
        |-- CredentialsRefused
        |-- AccessDenied
        |-- TableMissing      a table, resource or filter that the mapping names is not there
        |-- TrackingOff       the table has no change tracking
        |-- FolderMissing     the SFTP server has no such folder
        |-- HostKeyDiffers    the SFTP server has not the key that is pinned
        |-- ConditionsOff     the table takes no writing under a condition, or something on the way drops the condition
        |-- ForeignLink       a link or redirect leads to another host than the configured one
        `-- WrongFilter       Campaign's filter finds records that were not asked for

No sentence holds a field value, a key, a person's id, a token or a secret: sentences end in logs and on screens.
"""

from __future__ import annotations

from typing import Literal

#: Each is the name of its connection in the configuration, too.
System = Literal["dynamics", "campaign", "journal", "sftp"]

TITLES: dict[System, str] = {
    "dynamics": "Dynamics",
    "campaign": "Campaign",
    "journal": "Campaign's event journal",
    "sftp": "Campaign's SFTP server",
}


class ConnectorError(Exception):
    """`system` that was called, `sentence` for people: what was tried, what happened, the way out."""

    #: Of the HTTP answer that it tells of; 0: there was none, or it is no answer of its own.
    status: int = 0

    def __init__(self, system: System, sentence: str) -> None:
        super().__init__(sentence)
        self.system = system
        self.sentence = sentence


class TryAgain(ConnectorError):
    """`wait`: seconds the server asked for, or None. The request may have had its effect."""

    def __init__(self, system: System, sentence: str, *, wait: float | None = None) -> None:
        super().__init__(system, sentence)
        self.wait = wait


class Unreachable(TryAgain):
    """No connection, refused, reset or timed out."""


class Throttled(TryAgain):
    """429, or the shared throttle grants no request in time. The request had no effect."""


class Unavailable(TryAgain):
    """The gateway, the server or its database is in trouble. A gateway may say so after the server has acted."""


class CoolingDown(TryAgain):
    """A signal activity of a Campaign workflow was triggered a moment ago; `wait`: seconds until it may be again."""


class Malformed(TryAgain):
    """Torn, truncated, not the promised JSON, or a failure without a reason we know: the record may be to blame."""


class Refused(ConnectorError):
    """`code` of the vendor ("" if none), `text` of the vendor without values, at most 300 characters; `field` that is
    to blame ("" if none, or if the vendor does not tell), named as the kinds of refusal below say; of no such kind, it
    is one whose value is longer than the field takes, or none of the names that it takes."""

    def __init__(self, system: System, sentence: str, *, code: str = "", text: str = "", field: str = "") -> None:
        super().__init__(system, sentence)
        self.code = code
        self.text = text
        self.field = field


class NotFound(Refused):
    """The record is not there (any more)."""


class AlreadyExists(Refused):
    """A record with the same unique key exists, not necessarily the key of the mapping.

    `field`: which one, as the vendor's database names it: the column ("sname" for name), else the constraint.
    """


class Conflict(Refused):
    """The record changed since it was read."""


class Changed(Conflict):
    """The row of Dynamics is no longer the version that was read. Nothing was written: read it again."""


class LinkMissing(Refused):
    """The record that a link of this one leads to is not there (any more). `field`: the link."""


class RelatedMissing(Refused):
    """The row that the new one is to belong to, such as an activity's contact, is not there (yet, or any more)."""


class SchemaRefused(Refused):
    """The system does not know, or does not let write, a column or field that the mapping names.

    `field`: its name, of a column the logical one.
    """


class CursorExpired(ConnectorError):
    """The system no longer serves this reading position. Dynamics: only a full read leads on. The journal: reading
    goes on from the oldest event that is still retained."""


class Stop(ConnectorError):
    """The whole workflow must stop; the sentence names what to change."""


class CredentialsRefused(Stop):
    """The token endpoint or the service does not accept the credentials."""


class AccessDenied(Stop):
    """The credentials are good, their rights are not enough."""


class TableMissing(Stop):
    """A table, resource or filter that the mapping names is not there."""


class TrackingOff(Stop):
    """Change tracking is not enabled for the table."""


class FolderMissing(Stop):
    """The folder that the configuration names is not there on the SFTP server."""


class HostKeyDiffers(Stop):
    """The SFTP server shows another key than the pinned one; nothing was sent to it."""


class ConditionsOff(Stop):
    """The table takes no writing under a condition, so that nobody could know what a change would overwrite."""


class ForeignLink(Stop):
    """A link or a redirect leads to another origin; following it would hand our token to a stranger."""


class WrongFilter(Stop):
    """A Campaign filter returned records of other keys; writing to them would touch what is not ours."""
