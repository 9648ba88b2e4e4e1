"""Create, update and delete through the API: each counted, and on record in the journal."""

import hashlib
from typing import Any

import orjson

from sandbox.campaign.errors import CampaignError, inconsistent_key, no_document
from sandbox.campaign.payload import checked_values, read_json
from sandbox.campaign.resource import Record
from sandbox.campaign.showing import View
from sandbox.clock import Clock
from sandbox.consent.journal import ConsentJournal
from sandbox.http import JSON_TYPE, Answer, Request
from sandbox.journal import Calls, WriteJournal

_NO_LINEAGE: tuple[dict[str, str], bool] = ({}, False)


class Writes:
    """Every method has its whole effect, or none and raises CampaignError."""

    def __init__(self, clock: Clock, journal: WriteJournal, calls: Calls, consent: ConsentJournal) -> None:
        self._clock = clock
        self._journal = journal
        self._calls = calls
        self._consent = consent

    def create(self, request: Request, view: View) -> Answer:
        given = read_json(request.body, view.instance.switches)
        record = self.insert(view, given, request.body)
        self._calls.engine_calls += 1
        body = orjson.dumps(view.show(record), option=orjson.OPT_SORT_KEYS)
        return Answer(201, [JSON_TYPE], body)

    def insert(self, view: View, given: dict[str, Any], body: bytes, file: str | None = None) -> Record:
        """A new record, whoever asks for it. `body`: what is digested for the journal; `file`: the one it came in."""
        values = checked_values(view, given, True)
        record = view.resource.create(values)
        self._note_consent("POST", view, record, values, {})
        self._note("POST", view, record, given, body, _lineage(view, record), file)
        return record

    def update_by_body(self, request: Request, view: View) -> Answer:
        """PATCH on the collection with the key in the body. Custom keys are for profiles alone."""
        given = read_json(request.body, view.instance.switches)
        resource = view.resource
        if isinstance(given.get("PKey"), str):
            return self.update(request, view, view.instance.by_pkey(resource, given["PKey"]), given)
        if resource.definition.name != "profile" or resource.key == "none" or not given.get(resource.key):
            raise no_document(resource.definition, "")
        if not view.is_extended:
            raise no_document(resource.definition, "")
        return self.update(request, view, resource.by_key(str(given[resource.key])), given)

    def update(self, request: Request, view: View, record: Record, given: dict[str, Any]) -> Answer:
        _check_body_key(view, record, given)
        changed = self.change(view, record, given, request.body)
        self._calls.engine_calls += 2 if changed else 1
        return Answer(200, [JSON_TYPE], orjson.dumps({"PKey": record.pkey, "href": f"{view.url}/{record.pkey}"}))

    def change(self, view: View, record: Record, given: dict[str, Any], body: bytes, file: str | None = None) -> bool:
        """Merge into a record; whether anything changed. `body` and `file` as of `insert`."""
        values, before = checked_values(view, given, False), record.values
        changed = view.resource.update(record, values)
        self._note_consent("PATCH", view, record, values, before)
        self._note("PATCH", view, record, given, body, _lineage(view, record), file)
        return changed

    def delete(self, view: View, record: Record) -> Answer:
        lineage = _lineage(view, record)
        view.instance.delete(view.resource, record)
        self._calls.engine_calls += 1
        self._note("DELETE", view, record, {}, b"", lineage)
        status = view.instance.switches.delete_status
        return Answer(status, [JSON_TYPE] if status != 204 else [])

    def _note_consent(
        self, method: str, view: View, record: Record, values: dict[str, Any], before: dict[str, Any]
    ) -> None:
        flags = {name: values[name] for name in view.resource.definition.stamps if name in values}
        if flags:
            changed = [name for name, value in flags.items() if value != before.get(name, False)]
            stamp, at = record.values["lastModified"], self._clock.now()
            contact = record.values.get("externalId", "")
            self._consent.write("campaign", method, contact, record.pkey, flags, changed, stamp, at)

    def _note(
        self,
        method: str,
        view: View,
        record: Record,
        given: dict[str, Any],
        body: bytes,
        lineage: tuple[dict[str, str], bool],
        file: str | None = None,
    ) -> None:
        resource, switches = view.resource, view.instance.switches
        name = resource.definition.name
        key = resource.key if resource.key != "none" else "externalId" if name == "profile" else "crmId"
        version = given.get(switches.journal_field)
        if version is None:
            version = given.get(switches.resource_journal_fields.get(name, ""))
        mark = given.get(switches.journal_mark) if switches.journal_mark else None
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        at = self._clock.now()
        told = str(record.values.get(key, ""))
        self._journal.note(method, name, told, record.pkey, version, mark, digest, at, *lineage, file)


def _lineage(view: View, record: Record) -> tuple[dict[str, str], bool]:
    if view.resource.definition.name == "profile":
        return _NO_LINEAGE
    return view.instance.lineage(view.resource, record)


def _check_body_key(view: View, record: Record, given: dict[str, Any]) -> None:
    """The PKey in a body, if there is one, must be the one of the URI."""
    token = given.get("PKey")
    if token is not None and token != record.pkey:
        if not isinstance(token, str):
            raise CampaignError(500, f"'{token}' is not a valid constant.")
        raise inconsistent_key(view.resource.definition, record.pkey, token)
