"""What a storm must not have told anybody: secrets and people that are grepped for in everything it has produced."""

from collections.abc import Iterator

from tests.end_to_end.planted import credentials, leaks, of_events, people, unpacked
from tests.storm.town import Town

#: An operator's look at everything, for which no value of a record is needed.
_COMMANDS = (
    *(("workflow", "show", workflow) for workflow in ("ingress", "egress", "optinout")),
    ("dlq", "ls", "--limit", "1000", "-o", "json"),
    ("config", "export"),
)
#: Files that are there to hold a secret.
_KEPT = ".secret"


class Secrecy:
    def __init__(self, town: Town) -> None:
        self._town = town
        self._people = people(town.admin)
        self._command_lines: set[bytes] = set()

    def look(self) -> None:
        """People who are there now, and command lines that everybody can see."""
        self._people |= people(self._town.admin)
        alive = [one for one in self._town.tables.processes if one.is_alive]
        self._command_lines |= {line for one in alive for line in one.command_lines()}

    def violations(self) -> list[str]:
        """Where a secret or a person shows. Payloads are sealed: not even Redis may hold one in clear."""
        self.look()
        secrets = {secret for stage in self._town.stages for secret in credentials(stage)}
        secrets |= self._people | of_events(self._town.events)
        found = [f"{place} shows {len(shown)}" for place, text in self._told() if (shown := leaks(text, secrets))]
        return found if self._people else [*found, "nothing was planted"]

    def _told(self) -> Iterator[tuple[str, bytes]]:
        """Every place with what it says."""
        tables = self._town.tables
        yield "a command line", b"\n".join(self._command_lines)
        files = [path for path in tables.home.rglob("*") if path.is_file() and path.suffix != _KEPT]
        yield from ((str(path.relative_to(tables.home)), unpacked(path.read_bytes())) for path in files)
        for command in _COMMANDS:
            yield "d365acs " + " ".join(command), tables.d365acs(*command).encode()
