"""Rehearses what a start, a changed mapping or a replay would do: reads, filters, maps, compares, and writes nothing.

What becomes of each record is asked of the very pieces that write it; they are only never told to send.

starting.py    what the next start would read and write: the tables of ingress, or
events.py      the events of egress, where they come from the journal
replaying.py   what a replay of a table would
previewing.py  a mapping, saved or not, applied to a sample of live records
rows.py        the records that would be read, page by page
judging.py     what would become of a page of them
parents.py     which parents would be there by then
counting.py    what it amounts to: counts, examples, calls, time
looking.py     a sample of them looked up in Campaign
data.py        as plain data for programs
"""

from control.rehearsal.counting import Estimate, Rehearsal, Tally
from control.rehearsal.previewing import Preview, preview
from control.rehearsal.replaying import rehearse_replay
from control.rehearsal.starting import rehearse_start

__all__ = ["Estimate", "Preview", "Rehearsal", "Tally", "preview", "rehearse_replay", "rehearse_start"]
