"""Revisions are numbered without a gap, never change, and nobody overwrites anybody."""

import pytest
from redis import Redis

from store.acts import Acts
from store.keys import WorkflowKeys
from store.revisions import EditedMeanwhile, Revision, Revisions


@pytest.fixture
def revisions(redis: Redis, workflow: WorkflowKeys) -> Revisions:
    return Revisions(redis, workflow)


def test_saved_revisions_come_back_word_for_word(revisions: Revisions, acts: Acts) -> None:
    # Given a document with everything that could trip a serialiser
    document = 'tables:\n  - "é/\\ \u2028 \t"\n' + "x" * 100_000
    # When two revisions are saved
    assert revisions.newest() == 0 and revisions.get(1) is None
    assert revisions.save(0, document, "ann", 'a "first" one', now_ms=1_700_000_000_123) == 1
    assert revisions.save(1, "two", "bob", "", now_ms=1_700_000_000_456) == 2
    # Then both are there, and history tells of them
    assert revisions.get(1) == Revision(1, 1_700_000_000_123, "ann", 'a "first" one', document)
    assert revisions.newest() == 2
    assert [(e.at_ms, e.by, e.action, e.revision) for e in acts.newest()] == [
        (1_700_000_000_456, "bob", "edit", 2),
        (1_700_000_000_123, "ann", "edit", 1),
    ]


def test_of_two_who_edit_at_once_the_second_is_told(revisions: Revisions) -> None:
    # Given two editors who both saw revision 1
    revisions.save(0, "one", "ann", "")
    revisions.save(1, "ann's", "ann", "")
    # When the second saves, Then it is refused and nothing is overwritten
    with pytest.raises(EditedMeanwhile):
        revisions.save(1, "bob's", "bob", "")
    newest = revisions.get(2)
    assert newest is not None and newest.document == "ann's"
    assert revisions.newest() == 2
