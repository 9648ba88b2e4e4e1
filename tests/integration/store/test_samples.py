"""Samples of the backlog: an hour of them, one a half minute."""

from redis import Redis

from control.status.samples import samples_of
from store.keys import WorkflowKeys
from store.samples import EVERY_MS, KEPT, Sample, Samples
from store.store import Store


def test_the_last_hour_is_kept_the_oldest_first(redis: Redis, workflow: WorkflowKeys) -> None:
    samples = Samples(redis, workflow)
    assert samples.all() == []
    # Given more than an hour of them
    for number in range(KEPT + 5):
        samples.note(number * EVERY_MS, number)
    # Then those of the last hour are there
    assert samples.all() == [Sample(number * EVERY_MS, number) for number in range(5, KEPT + 5)]


def test_one_is_due_with_the_first_look_of_each_half_minute(redis: Redis, workflow: WorkflowKeys) -> None:
    samples = Samples(redis, workflow)
    assert samples.is_due(None, 5)
    assert not samples.is_due(1_000, EVERY_MS - 1)
    assert samples.is_due(EVERY_MS - 1, EVERY_MS)
    assert samples.is_due(0, 100 * EVERY_MS)


def test_where_nobody_looked_for_a_while_another_run_begins(redis: Redis) -> None:
    store, now_ms = Store(redis, "test"), 1000 * EVERY_MS
    samples = store.workflow("ingress").samples
    # Given samples of long ago, of half an hour ago, and of now
    for age in (KEPT + 10, 62, 61, 60, 2, 1):
        samples.note(now_ms - age * EVERY_MS, age)
    # Then those of more than an hour ago are left out, and the others are two runs
    found = samples_of(store, "ingress", now_ms)
    assert [[sample.backlog for sample in run] for run in found] == [[62, 61, 60], [2, 1]]
