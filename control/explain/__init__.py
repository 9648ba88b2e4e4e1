"""Explains one record: what was read, filtered, mapped, written, refused, and why nothing is sent.

What would be done is asked of the very pieces that do it: the table's filter, its mapper, its target. Only what they
answer is put into words here.

explaining.py   which record is meant, and which workflows know it
naming.py       an id of Dynamics, a key or PKey of Campaign, or the id of an event
standing.py     what is kept of it: on the queue, in the ledger, set aside; what became of it lately
awaited.py      how the record stands that it is parked for
record.py       a row of a mapped table, step by step
mapping.py      its filter condition by condition, its mapping field by field, its links
differing.py    what Campaign holds of it, field by field
verdict.py      what comes of all this, in a sentence or two
words.py        how it stands, in words: it waits, was set aside, given up, confirmed
event.py        an event of Campaign
consent.py      how its consent stands on the queue of optinout
data.py         as plain data for programs
"""

from control.explain.data import as_data
from control.explain.explaining import explain
from control.explain.explanation import Explanation, Part

__all__ = ["Explanation", "Part", "as_data", "explain"]
