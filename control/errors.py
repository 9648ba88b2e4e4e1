"""What an operator asked for and cannot have. Each error is one sentence with the way out; none holds a secret."""


class ControlError(Exception):
    """The base of them all: its text is for the operator."""


class UnknownWorkflow(ControlError):
    """No workflow has this name."""


class NoConfiguration(ControlError):
    """The workflow has no saved configuration yet."""


class PairChanged(ControlError):
    """A saved mapping's table, resource or key was changed in place."""


class RedisSilent(ControlError):
    """Redis does not answer."""


class ProcessTrouble(ControlError):
    """Processes cannot be started or do not stay up."""


class DemoFailed(ControlError):
    """The demonstration could not be carried to its end."""
