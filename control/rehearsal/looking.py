"""Some of the records that would be written, looked up in Campaign: what is there already, and what differs."""

from collections.abc import Sequence

from connectors.dynamics_pages import Row
from connectors.errors import ConnectorError
from control.explain.differing import held
from control.live_streams import Live
from control.rehearsal.counting import Looked, Tally
from sync.schemas import load
from sync.streams import Send

#: Records of a table that are looked up.
SAMPLE = 50


class Looker:
    """Campaign is asked at most SAMPLE times for each table, and once for each parent that a record links to."""

    def __init__(self, live: Live) -> None:
        ingress = live.use.document.ingress
        assert ingress is not None
        self._campaign = live.systems.campaign
        self._tables = {mapping.table: mapping for mapping in ingress.tables}
        self._schemas = load(live.known).tables

    def look(self, tally: Tally, written: Sequence[tuple[Row, Send]]) -> None:
        looked = tally.looked = tally.looked or Looked()
        mapping, schema = self._tables[tally.table], self._schemas[tally.table]
        for _, send in written:
            if looked.records == SAMPLE:
                return
            if send.insert is None:
                continue
            try:
                found = held(
                    self._campaign,
                    mapping,
                    self._tables,
                    schema,
                    send.record.id,
                    send.insert,
                    send.links,
                    lambda value: None,
                )
            except ConnectorError as error:
                tally.notes.append(f"Campaign could not be asked: {error.sentence.rstrip('.')}.")
                return
            looked.records += 1
            looked.there += found.count > 0
            looked.doubles += found.count > 1
            looked.fields.update(one.field for one in found.differences)
