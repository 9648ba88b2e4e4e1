"""A flag that is paired with another column than before, read and written as it is in life."""

import pytest

from tests.integration.sync.consent_readers import ConsentReaders


@pytest.mark.parametrize("direction", ["bidirectional", "campaign_to_dynamics"])
def test_a_flag_that_is_paired_with_another_column_opts_nobody_in(readers: ConsentReaders, direction: str) -> None:
    policy = {"policy": "newest"} if direction == "bidirectional" else {}
    # Given a contact who has opted out in Campaign, which Dynamics has since
    readers.use(direction=direction, flags=[{"dynamics": "donotemail", "campaign": "blackListEmail", **policy}])
    readers.settle()
    readers.wait(20)
    readers.profile(readers.ann, blackListEmail=True)
    readers.settle()
    assert readers.flags(readers.ann) == (True, True)
    readers.wait(20)
    # When the flag is paired with another column, which nobody ever touched
    readers.use(flags=[{"dynamics": "donotbulkemail", "campaign": "blackListEmail", **policy}])
    readers.settle()
    # Then the contact still has opted out in Campaign, and that column says so, too
    assert readers.flags(readers.ann)[1] is True
    assert readers.admin.contacts()[readers.ann]["donotbulkemail"] is True
    # And nobody else has
    assert readers.flags(readers.bob) == (False, False)
    assert readers.admin.contacts()[readers.bob]["donotbulkemail"] is False
