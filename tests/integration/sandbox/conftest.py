"""The fixtures of the sandbox's own tests."""

from tests.sandboxes import module_sandbox, sandbox, start_sandbox

__all__ = ["module_sandbox", "sandbox", "start_sandbox"]
