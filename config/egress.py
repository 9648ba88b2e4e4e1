"""The egress workflow: which email events of Campaign appear on the timelines of Dynamics, and how they are read."""

from typing import Literal

from pydantic import Field

from config.activities import Activities
from config.event_fields import DateFormats, EventStatuses, EventTypes, FileFields, JournalFields, Kind
from config.event_files import FileEvents
from config.model import Model, Number, Text, Whole, YesNo
from config.objectives import Objectives

__all__ = ["Activities", "EgressConfig", "EventSwitches", "FileEvents", "JournalEvents", "Kind"]


EventOrigin = Literal["journal", "files"]
"""Where events are read."""

ORIGINS: tuple[EventOrigin, ...] = ("journal", "files")


class EventSwitches(Model):
    """Which kinds of events appear in Dynamics. An event that does not is read and left out."""

    sends: YesNo = Field(default=True, description="Emails that were sent.")
    opens: YesNo = Field(default=True, description="Emails that were opened.")
    clicks: YesNo = Field(default=True, description="Links that were clicked.")
    bounces: YesNo = Field(default=True, description="Emails that came back for good: hard bounces.")

    def on(self, kind: Kind) -> bool:
        """Whether events of this kind appear."""
        found: bool = getattr(self, f"{kind}s")
        return found


class JournalEvents(Model):
    """How the I/O Events journal is read."""

    begin: Literal["oldest", "latest"] = Field(
        default="oldest",
        description="Where the very first reading of all begins: with the oldest event that the journal still has "
        "(Adobe keeps seven days), or with those to come. Later readings go on where the last one ended; after a "
        "change of the source, or of the journal's address, since the time until which events were read before.",
    )
    page_size: Whole | None = Field(
        default=1000,
        ge=1,
        description="How many events are asked for at once. null: as many as the journal gives.",
    )
    fields: JournalFields = Field(default=JournalFields(), description="Where the parts of an event stand.")


class EgressConfig(Model):
    """What flows from Campaign to Dynamics: email events, which become activities on the timelines of contacts."""

    source: EventOrigin = Field(
        default="journal",
        description="Where events are read: in the I/O Events journal, or from files on the SFTP server. An event has "
        "another id in each: after a change, what was read in the one appears again as far as the other is read. "
        "The journal is then read since a day before the newest event that files brought; files all that were never "
        "read.",
    )
    events: EventSwitches = Field(default=EventSwitches(), description="Which kinds of events appear in Dynamics.")
    contact_limit_seconds: Number = Field(
        default=86_400,
        ge=0,
        allow_inf_nan=False,
        description="How many seconds an event waits for a contact that Dynamics does not have (yet); "
        "then it is set aside.",
    )
    without_contact: Literal["set_aside", "ignore"] = Field(
        default="set_aside",
        description="What becomes of an event whose profile has no externalId: it is set aside, or left out.",
    )
    future_limit_seconds: Number = Field(
        default=3600,
        ge=0,
        allow_inf_nan=False,
        description="How many seconds an event's time may lie ahead of now; one that lies further ahead is set aside.",
    )
    batch_size: Whole = Field(
        default=100,
        ge=1,
        le=500,
        description="How many activities one request creates at most; fewer while Dynamics is slow. "
        "(Microsoft's limit is 1,000; a writer holds 500 at once.)",
    )
    journal: JournalEvents = Field(
        default=JournalEvents(), description="How the journal is read, with `source: journal`."
    )
    files: FileEvents = Field(default=FileEvents(), description="How files are read, with `source: files`.")
    types: EventTypes = Field(default=EventTypes(), description="What the values of an event's type mean.")
    statuses: EventStatuses = Field(default=EventStatuses(), description="What the values of a send's status mean.")
    hard_failures: tuple[Text, ...] = Field(
        default=("hard", "2"),
        description="Values of `failure_type` of a hard failure, one that is final; capitals do not count. A bounce "
        "with any other value is left out; one that does not tell it counts as hard.",
    )
    date_formats: DateFormats = Field(
        default=(),
        description="Formats of an event's time that are tried before ISO 8601, as Python's strptime takes them, such "
        "as `%d/%m/%Y %H:%M:%S`. Without a zone (`%z`) the time is UTC.",
    )
    activities: Activities = Field(default=Activities(), description="The activity tables of Dynamics.")
    objectives: Objectives | None = Field(
        default=None,
        description="How soon events shall have arrived; {} takes all defaults. null: nothing is promised.",
    )

    def fields(self, source: EventOrigin) -> JournalFields | FileFields:
        """Where the parts of an event stand that was read there."""
        return self.journal.fields if source == "journal" else self.files.fields
