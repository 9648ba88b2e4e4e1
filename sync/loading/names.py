"""How a load's files are called, and where its own one lies. All of it is our own choice."""

import posixpath
import re
import secrets
from datetime import UTC, datetime
from typing import NamedTuple

from store.loads import Load

_MADE = "%Y%m%dT%H%M%S"
_FILE = re.compile(
    r"(?P<hidden>\.?)(?P<load>(?P<resource>.+)_(?P<instance>[a-z0-9-]+)_(?P<made>\d{8}T\d{6})_\d{6})"
    r"(?P<ending>\.csv|\.csv\.part|\.given-up|\.written\.csv|\.rejects\.csv)"
)


class OurFile(NamedTuple):
    """A file with a name that we give."""

    load: str  #: the name of its load
    made: datetime  #: when that was made
    never_placed: bool  #: whether it has not come to where Campaign takes it


def new_name(resource: str, instance: str, now_ms: int) -> str:
    """Of a load that is made now, without the ending of its files."""
    made = f"{datetime.fromtimestamp(now_ms / 1000, UTC):{_MADE}}"
    return f"{resource}_{instance}_{made}_{secrets.randbelow(10**6):06d}"


def our_file(name: str, resource: str, instance: str) -> OurFile | None:
    """What a name tells, without its folder; None if it is none of this instance's, or about another resource."""
    found = _FILE.fullmatch(name)
    if found is None or (found["resource"], found["instance"]) != (resource, instance):
        return None
    try:
        made = datetime.strptime(f"{found['made']}+0000", f"{_MADE}%z")
    except ValueError:
        return None
    return OurFile(found["load"], made, bool(found["hidden"]) and found["ending"] in (".csv.part", ".given-up"))


def path_of(folder: str, name: str) -> str:
    """Where a load's file is for Campaign to take it."""
    return posixpath.join(folder, f"{name}.csv")


def file_of(load: Load) -> str:
    return path_of(load.facts["folder"], load.name)


def given_up_file_of(load: Load) -> str:
    """Where it is once it can never come into its place any more."""
    return posixpath.join(load.facts["folder"], f".{load.name}.given-up")


def written_of(load: Load) -> str:
    """Appears last, with the keys of all rows that are in Campaign now."""
    return posixpath.join(load.facts["results_folder"], f"{load.name}.written.csv")


def rejects_of(load: Load) -> str:
    """Refused rows, if there were any."""
    return posixpath.join(load.facts["results_folder"], f"{load.name}.rejects.csv")
