"""One Dataverse request on its way through: the parsed Prefer header, the API root, what goes back beside the body."""

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.dynamics.annotations import NO_ANNOTATIONS, Wanted
from sandbox.dynamics.errors import bad_query
from sandbox.dynamics.organization import Organization
from sandbox.http import Request

_PREFERENCE = re.compile(r'\s*([\w.\-]+)(?:\s*=\s*("[^"]*"|[^,]*))?\s*(?:,|$)')


@dataclass
class Call:
    """`api` is the absolute API root with the version the caller used; `applied` collects Preference-Applied."""

    organization: Organization
    request: Request
    api: str
    preferences: dict[str, str]
    applied: list[str] = field(default_factory=list)
    read_entry: dict[str, Any] | None = None

    @classmethod
    def of(cls, organization: Organization, request: Request, version: str) -> "Call":
        preferences = {
            match[1].lower(): (match[2] or "").strip().strip('"')
            for match in _PREFERENCE.finditer(request.header(b"prefer"))
        }
        return cls(organization, request, f"{organization.root_url}/api/data/{version}", preferences)

    def annotations(self) -> Wanted:
        given = self.preferences.get("odata.include-annotations")
        if given is None:
            return NO_ANNOTATIONS
        applied = f'odata.include-annotations="{given}"'
        if applied not in self.applied:
            self.applied.append(applied)
        return Wanted(given)

    def page_size(self) -> int:
        """The page size to serve: the asked one, clamped to the organisation's maximum (the echo stays as asked)."""
        maximum = self.organization.switches.max_page_size
        given = self.preferences.get("odata.maxpagesize")
        if given is None:
            return maximum
        if not given.isdigit() or int(given) < 1:
            raise bad_query(f"The odata.maxpagesize value '{given}' is not valid.")
        self.applied.append(f"odata.maxpagesize={given}")
        return min(int(given), maximum)

    def wants_tracking(self) -> bool:
        if "odata.track-changes" not in self.preferences:
            return False
        self.applied.append("odata.track-changes")
        return True

    def wants_representation(self) -> bool:
        if self.preferences.get("return") != "representation":
            return False
        self.applied.append("return=representation")
        return True
