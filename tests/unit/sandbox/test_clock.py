"""The sandbox's clock: what it stamps is in the order in which it happened."""

import time

import pytest

from sandbox.clock import Clock


def test_it_stands_still_while_the_machines_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a clock that has been moved on, as a test does
    clock = Clock()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    clock.advance(60)
    assert clock.now() == now + 60
    # When the machine's own is set back
    monkeypatch.setattr(time, "time", lambda: now - 2)
    # Then it stays where it was, and goes on with the machine's
    assert clock.now() == now + 60
    monkeypatch.setattr(time, "time", lambda: now + 1)
    assert clock.now() == now + 61
