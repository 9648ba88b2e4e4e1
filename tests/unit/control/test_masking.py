"""What stands in place of values that people need not see."""

from control.masking import masked


def test_kinds_and_lengths_are_told_and_no_value() -> None:
    values = {
        "name": "Ann Lee", "initial": "A", "none": None, "empty": "", "member": True, "visits": 12, "rate": 0.5,
        "address": {"city": "Ghent"}, "tags": ["vip", None],
    }  # fmt: skip
    assert masked(values) == {
        "name": "(7 characters)",
        "initial": "(1 character)",
        "none": None,
        "empty": "",
        "member": "(yes or no)",
        "visits": "(a number)",
        "rate": "(a number)",
        "address": {"city": "(5 characters)"},
        "tags": ["(3 characters)", None],
    }
