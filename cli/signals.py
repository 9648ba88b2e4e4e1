"""How a command that starts processes is ended: by Ctrl-C, by a service manager, or by closing its terminal."""

import signal
import threading
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ask_on_signals() -> threading.Event:
    """An event that is set when the command shall end; asking twice changes nothing."""
    ending = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        ending.set()

    for number in _ENDING:
        signal.signal(number, ask)
    return ending


def interrupt_on_signals() -> None:
    """The first signal raises KeyboardInterrupt; later ones do not disturb the clearing up."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in _ENDING:
            signal.signal(each, lambda number, frame: None)
        raise KeyboardInterrupt

    for number in _ENDING:
        signal.signal(number, interrupt)
