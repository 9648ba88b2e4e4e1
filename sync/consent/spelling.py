"""How a profile's key spells the id of its contact: Dynamics has it in lower case, imports may have it otherwise.

A contact may have two profiles whose keys are spelt differently, and a question for one of them does not find the
other. So it is remembered how the key was spelt, in short: "" as Dynamics has it; "1" to "3" the usual other ones; else
the key itself.
"""

from sync.guid import other_spellings


def short(contact: str, key: str) -> str:
    """`contact`: its id in lower case; `key`: the same id as a profile has it."""
    usual = other_spellings(contact)
    if key == contact:
        return ""
    return str(usual.index(key) + 1) if key in usual else key


def in_full(contact: str, spelt: str) -> str:
    """The key, of what `short` has made of it."""
    usual = ("", *other_spellings(contact))
    number = int(spelt) if spelt.isascii() and spelt.isdecimal() else 0
    return usual[number] if 0 < number < len(usual) else spelt or contact
