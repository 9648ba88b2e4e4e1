"""The fixtures of the sandbox's own tests."""

from collections.abc import Callable

import pytest

from tests.sandboxes import Sandbox


@pytest.fixture(scope="session")
def shop_sandbox(start_sandbox: Callable[..., Sandbox]) -> Sandbox:
    counts = ("--memberships", "60", "--invoices", "90", "--invoice-lines", "150")
    return start_sandbox("--contacts", "40", "--accounts", "5", *counts)


@pytest.fixture
def shop(shop_sandbox: Sandbox) -> Sandbox:
    """40 contacts, 60 memberships, 90 invoices, 150 lines, as at the beginning."""
    shop_sandbox.admin.post("/reset")
    return shop_sandbox
