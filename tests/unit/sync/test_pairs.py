"""Where a table is written, in a few digits."""

from sync.tables.pairs import pair_of
from tests.unit.sync.shapes import line, memberships


def test_another_resource_or_key_field_is_another_pair_and_nothing_else_is() -> None:
    # Given a mapping
    pair = pair_of(memberships())
    # Then its fields and the way its key is looked up do not matter, but where it leads does
    assert pair == pair_of(memberships(line("new_name", "number"), apply_deletes=True))
    key = {"field": "crmId", "filter": "other", "parameter": "other_parameter"}
    assert pair == pair_of(memberships(key=key))
    assert len({pair, pair_of(memberships(resource="cusOther")), pair_of(memberships(key={**key, "field": "id"}))}) == 3
    assert len(pair) == 32
