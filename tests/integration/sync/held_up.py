"""Readers that sleep at the wrong moment."""

import threading
from typing import Any

import pytest

from store.record_queue import RecordQueue, Stored
from tests.integration.sync.family import Family
from tests.integration.sync.interleaving import ONE_PAGE


class ReadAhead:
    """A reader of one page in a process of its own, held up where that is about to be stored."""

    def __init__(self, family: Family, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._about_to_store, self._goes_on = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=family.read, args=[table, ONE_PAGE], daemon=True)
        put_page = RecordQueue.put_page

        def put_late(queue: RecordQueue, *args: Any, **options: Any) -> Stored:
            if threading.current_thread() is self._thread:
                self._about_to_store.set()
                assert self._goes_on.wait(10)
            return put_page(queue, *args, **options)

        monkeypatch.setattr(RecordQueue, "put_page", put_late)

    def begin(self) -> None:
        self._thread.start()
        assert self._about_to_store.wait(10)

    def end(self) -> None:
        self._goes_on.set()
        self._thread.join(10)
