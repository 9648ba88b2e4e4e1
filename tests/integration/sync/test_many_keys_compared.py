"""A comparison of very many keys: no step takes longer than a process may, and what was asked is not asked again."""

from collections import Counter
from collections.abc import Sequence

import pytest

from connectors.dynamics_metadata import DynamicsTable
from connectors.errors import Unreachable
from store import ledger
from store.ledger import Entry, Standing
from store.outcomes import Outcome, Parent
from store.record_queue import Leased, Parked, Reason, Refused, Written
from sync.streams import Slice
from sync.tables import comparing
from sync.tables.position import Position
from tests.integration.sync.family import CONTACT, FOREVER, MEMBERSHIP, Family, the


def written(record: Leased) -> Outcome:
    return Written(record.id, Entry(Standing.PRESENT, record.version, 1, bytes(8)))


def set_aside(record: Leased) -> Outcome:
    return Refused(record.id, Reason("a test", "It is set aside."))


def parked(record: Leased) -> Outcome:
    return Parked(record.id, Parent(CONTACT, the("nobody")))


class Questions:
    """Which memberships Dynamics is asked about. Those of `there` are there, as records are that a filter keeps back;
    the question of number `failing` fails."""

    def __init__(self, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[list[str]] = []
        self.per_step: Counter[int] = Counter()
        self.failing: int | None = None
        self.there: set[str] = set()
        self._family = family
        monkeypatch.setattr(family.dynamics, "existing", self._existing)

    def _existing(self, table: DynamicsTable, ids: Sequence[str], timeout: float) -> set[str]:
        self.asked.append(list(ids))
        assert len(self.asked) < 100, "it begins anew for ever"
        self.per_step[self._family.workflow.cursor(MEMBERSHIP).number] += 1
        if len(self.asked) == self.failing:
            raise Unreachable("dynamics", "no answer")
        return self.there.intersection(ids)


@pytest.fixture
def questions(family: Family, monkeypatch: pytest.MonkeyPatch) -> Questions:
    return Questions(family, monkeypatch)


@pytest.fixture(params=[written, set_aside, parked])
def thousand(request: pytest.FixtureRequest, family: Family, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Memberships that no full read brings once the change token has died. The ledger is small: one look is enough."""
    for module in (ledger, comparing):
        monkeypatch.setattr(module, "LEDGER_BUCKETS", 16)
    family.start(new_invoice=None)
    queue, ids = family.workflow.queue(MEMBERSHIP), [the(f"membership {number}") for number in range(1000)]
    for record_id in ids:
        family.dynamics.put(MEMBERSHIP, record_id, new_contactid=the("nobody"))
    family.read(MEMBERSHIP)
    while (batch := queue.lease(family.generation, 500, 60_000)).records:
        queue.settle(batch.number, [request.param(record) for record in batch.records])
    for record_id in ids:
        family.dynamics.remove(MEMBERSHIP, record_id)
    family.dynamics.expire_tokens()
    return ids


def compare(family: Family, piece: Slice) -> None:
    """Reads and writes until the comparison is over."""
    family.read(MEMBERSHIP, piece)
    for _ in range(40):
        if Position.load(family.workflow.cursor(MEMBERSHIP).value).comparison is None:
            return
        family.write(MEMBERSHIP)
        family.read(MEMBERSHIP, piece)
    raise AssertionError("the comparison does not end")


@pytest.mark.parametrize(
    ("piece", "at_most", "questions_a_step"), [(Slice(0, lambda: False), 5000, 1), (FOREVER, 300, 3)]
)
def test_a_step_ends_with_its_slice_or_when_it_has_asked_much_and_the_next_one_goes_on_from_there(
    family: Family,
    thousand: list[str],
    questions: Questions,
    monkeypatch: pytest.MonkeyPatch,
    piece: Slice,
    at_most: int,
    questions_a_step: int,
) -> None:
    # Given a thousand keys that are to be compared, a hundred in a question, half of which are there
    monkeypatch.setattr(comparing, "AT_MOST", at_most)
    questions.there.update(thousand[::2])
    # When they are
    compare(family, piece)
    # Then no step asks more than it may, and none asks again what one before it has asked
    assert max(questions.per_step.values()) == questions_a_step
    assert sorted(record_id for ids in questions.asked for record_id in ids) == sorted(thousand)
    # And those that are gone are nowhere any more
    family.settle()
    kept = family.parked(MEMBERSHIP) | family.dead(MEMBERSHIP).keys()
    assert kept | family.workflow.queue(MEMBERSHIP).ledger.perhaps_present(thousand) == questions.there


def test_after_a_question_that_failed_only_that_one_is_asked_again(
    family: Family, thousand: list[str], questions: Questions
) -> None:
    # Given a thousand keys that are to be compared, a hundred in a question, the fifth of which fails
    questions.failing = 5
    # When they are
    compare(family, FOREVER)
    # Then that one was asked again, and no other
    assert questions.asked[4] == questions.asked[5]
    again = questions.asked[:4] + questions.asked[5:]
    assert sorted(record_id for ids in again for record_id in ids) == sorted(thousand)
