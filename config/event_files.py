"""The files of Campaign's logs: which they are, how they are read, what becomes of them."""

from pydantic import Field

from config.event_fields import FileFields
from config.remote_files import Delimiter, Folder, Pattern, Quote, RemoteFiles


class FileEvents(RemoteFiles):
    """Campaign's logs as files on SFTP, which a workflow of Campaign exports: text with a line of column names first,
    then a line for each event. Names that end in .gz are unpacked."""

    folder: Folder = Field(
        default="d365_loads/exports/logs", description="Folder of the server in which the files appear."
    )
    pattern: Pattern = Field(
        default="*_[0-9]*.txt*",
        description="Which files of the folder are read: `*` stands for any characters, `?` for one, `[0-9]` for one "
        "of these. Capitals count.",
    )
    delimiter: Delimiter = Field(
        default="\t", description='What stands between two columns: one character, such as ";" or a tab, "\\t".'
    )
    quote: Quote | None = Field(
        default=None,
        description="What stands around a text in which the delimiter occurs; doubled, it is a part of it. "
        "null: nothing does.",
    )
    fields: FileFields = Field(default=FileFields(), description="In which columns the parts of an event stand.")
