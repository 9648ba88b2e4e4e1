"""Dead letters, what was set aside: looked at by cause, retried, given up, handed out. Both faces call these.

selection.py    which of them are meant
whole_files.py  those that stand for a file which could not be read at all
looking.py      letters, and one of them with its content, masked or revealed
content.py      what is in them
causes.py       how many there are of each kind, with the newest and what to do
remedies.py     what to do about each kind
retrying.py     back to the queue; waiting for what comes of it
dropping.py     given up
exporting.py    as rows of a file
"""

from control.dead_letters.causes import LOOKED_AT, Cause, causes
from control.dead_letters.content import Content
from control.dead_letters.dropping import drop
from control.dead_letters.exporting import COLUMNS, export
from control.dead_letters.looking import Opened, letter, letters
from control.dead_letters.remedies import Remedy
from control.dead_letters.retrying import Ended, Retried, await_retried, retry
from control.dead_letters.selection import Letter, Selection, count, with_stream

__all__ = [
    "COLUMNS",
    "LOOKED_AT",
    "Cause",
    "Content",
    "Ended",
    "Letter",
    "Opened",
    "Remedy",
    "Retried",
    "Selection",
    "await_retried",
    "causes",
    "count",
    "drop",
    "export",
    "letter",
    "letters",
    "retry",
    "with_stream",
]
