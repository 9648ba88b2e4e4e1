"""What an operator asked for and cannot have. Each error is one sentence with the way out; none holds a secret."""


class ControlError(Exception):
    """The base of them all: its text is for the operator."""


class UnknownWorkflow(ControlError):
    """No workflow has this name."""


class NoConfiguration(ControlError):
    """The workflow has no saved configuration yet, or not the revision that was asked for."""


class PairChanged(ControlError):
    """A saved mapping's table, resource or key was changed in place."""


class PairedTwice(ControlError):
    """Ingress and opt-in/out would both write a consent flag."""


class UnknownTable(ControlError):
    """No mapping leads from this table, or neither system knows a table or resource of this name."""


class MappedAlready(ControlError):
    """The table is mapped, and a table is mapped once."""


class StillLinked(ControlError):
    """Other mappings link to the table whose mapping was to be deleted."""


class NoDraft(ControlError):
    """A mapping cannot be drafted from what both systems tell."""


class UnknownContact(ControlError):
    """Nothing was ever seen of this contact, and nothing was decided about it."""


class UnknownRecord(ControlError):
    """No workflow knows a record of this id, and neither system has it in a mapped table."""


class Sealed(ControlError):
    """What was asked for is sealed with a key that is not known here."""


class PrivacyNotAcknowledged(ControlError):
    """Nobody has acknowledged yet where privacy requests are to be made; the first start of an instance asks for it."""


class RedisSilent(ControlError):
    """Redis does not answer."""


class ProcessTrouble(ControlError):
    """Processes cannot be started or do not stay up."""


class DemoFailed(ControlError):
    """The demonstration could not be carried to its end."""
