"""A time as the page has it: how long ago, with the exact time for whoever points at it."""

from dataclasses import dataclass

from tornado.escape import xhtml_escape

from control.words import ago, exact, iso


@dataclass(frozen=True, slots=True)
class Moment:
    ago: str
    exactly: str  #: in UTC; the script puts it into the zone of the viewer
    iso: str

    @property
    def html(self) -> str:
        """A dash for what has never been."""
        if not self.iso:
            return self.ago
        return f'<time datetime="{self.iso}" title="{self.exactly}">{xhtml_escape(self.ago)}</time>'


def moment(at_ms: int | None, now_ms: int) -> Moment:
    """Both in ms since 1970; None: never."""
    return Moment(ago(at_ms, now_ms), exact(at_ms) if at_ms else "", iso(at_ms) or "")
