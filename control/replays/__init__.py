"""Replays: a table, the events of a window of time, or consent, read and written once more, whole or in part.

pending    it begins with the next start of its workflow, or, where that runs, when it is asked to begin now
reading    beside what changes, which goes first
paused     nothing more of it is read, until it is resumed
writing    all is read; the rest waits, at low priority, to be written
done, ended (by people, before all was read), over (another one took its place)
"""

from control.replays.acting import Cancelled, cancel, pause, resume
from control.replays.asked import Asked
from control.replays.asking import ask
from control.replays.listing import Listed, Stage, past, replay_of, replays

__all__ = [
    "Asked",
    "Cancelled",
    "Listed",
    "Stage",
    "ask",
    "cancel",
    "past",
    "pause",
    "replay_of",
    "replays",
    "resume",
]
