"""Tables of the sandbox, plain and packed, against a dictionary that says what they should hold."""

import uuid

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sandbox.clock import Clock
from sandbox.consent.journal import ConsentJournal
from sandbox.dynamics.activity_tables import REGARDING
from sandbox.dynamics.organization import Organization
from sandbox.dynamics.tables import Table
from sandbox.switches import Switches
from sandbox.tokens import Credentials

IDS = [str(uuid.UUID(int=number)) for number in range(1, 7)]
VALUES = {
    "subject": strategies.sampled_from([None, "a", "ü", "Campaign Name: CMP1; Delivery Name: DM190"]),
    "statecode": strategies.sampled_from([0, 1]),
    "prioritycode": strategies.sampled_from([None, 0, 1]),
    "leftvoicemail": strategies.sampled_from([None, True, False]),
    REGARDING: strategies.sampled_from([None, *IDS[:2]]),
}

Write = tuple[str, dict[str, object] | None]
WRITE = strategies.tuples(
    strategies.sampled_from(IDS), strategies.none() | strategies.fixed_dictionaries({}, optional=VALUES)
)


class TablesHoldWhatWasWritten(RuleBasedStateMachine):
    """The same writes go into a packed table and into a plain one of the same columns."""

    @initialize()
    def furnish(self) -> None:
        organization = Organization(Clock(), Switches(), Credentials.made_up(1, "stage"), 1, {}, ConsentJournal())
        self.packed = organization.by_name["adobe_emailsend"]
        columns = (self.packed.name, "plain", "activityid", "subject", "plain", 1, self.packed.columns)
        self.plain = Table(*columns, organization.versions, organization.clock, activity=True)
        self.user = organization.credentials.user_id
        self.model: dict[str, dict[str, object]] = {}

    def tables(self) -> list[Table]:
        return [self.packed, self.plain]

    @rule(write=WRITE)
    def write(self, write: Write) -> None:
        row_id, values = write
        if values is not None:
            for table in self.tables():
                table.put(row_id, dict(values), self.user)
            old = self.model.pop(row_id, {"statecode": 0, "prioritycode": 1, "leftvoicemail": False})
            self.model[row_id] = old | values
        elif row_id in self.model:
            for table in self.tables():
                table.delete(row_id)
            del self.model[row_id]

    @rule(writes=strategies.lists(WRITE, min_size=1, max_size=5), taken_back=strategies.booleans())
    def write_together(self, writes: list[Write], taken_back: bool) -> None:
        before = {row_id: dict(values) for row_id, values in self.model.items()}
        for table in self.tables():
            table.begin()
        for write in writes:
            self.write(write)
        for table in self.tables():
            if taken_back:
                table.rollback()
            else:
                table.commit()
        if taken_back:
            self.model = before

    @invariant()
    def every_row_is_as_it_was_written(self) -> None:
        for table in self.tables():
            for row_id, values in self.model.items():
                row = table.rows[row_id].values
                assert {name: row.get(name) for name in VALUES} == {name: values.get(name) for name in VALUES}
                assert None not in row.values()
                assert (row["activityid"], row["_ownerid_value"]) == (row_id, self.user)
                assert row["createdon"] <= row["modifiedon"]  # type: ignore[operator]

    @invariant()
    def rows_stand_in_the_order_of_their_versions_and_ids_in_their_own(self) -> None:
        for table in self.tables():
            assert [row.id for row in table.rows.values()] == list(self.model)
            versions = [row.version for row in reversed(table.rows.values())]
            assert versions == sorted(versions, reverse=True)
            assert table.after("", 100) == sorted(self.model)
            assert table.after(IDS[2], 2) == sorted(row_id for row_id in self.model if row_id > IDS[2])[:2]
            assert (len(table.rows), len(table.ids)) == (len(self.model), len(self.model))

    @invariant()
    def whoever_points_to_a_row_is_known(self) -> None:
        for table in self.tables():
            for target in IDS[:2]:
                pointing = {row_id for row_id, values in self.model.items() if values.get(REGARDING) == target}
                assert table.pointing(REGARDING, target) == sorted(pointing)

    @invariant()
    def nothing_is_both_there_and_gone(self) -> None:
        for table in self.tables():
            assert not table.deleted.keys() & self.model.keys()
            versions = [stone.version for stone in table.deleted.values()]
            assert versions == sorted(versions)


TestTablesHoldWhatWasWritten = TablesHoldWhatWasWritten.TestCase
TestTablesHoldWhatWasWritten.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
