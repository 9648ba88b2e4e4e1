"""The admin API's side of consent: the export workflow, made-up changes, both sides' flags, who wrote what."""

from typing import Any

from sandbox.consent.making import ChangePlan
from sandbox.consent.pairs import both_sides
from sandbox.consent.side import ConsentSide

Body = dict[str, Any]

_COLUMNS = "donotemail,donotphone,donotfax,donotpostalmail,donotbulkemail,donotbulkpostalmail,donotsendmm,followemail"


class ConsentAdmin:
    """`/consent/...`. A mistake is a ValueError, something that is not there a LookupError."""

    def __init__(self, side: ConsentSide) -> None:
        self._side = side

    def answer(self, method: str, parts: list[str], query: dict[str, str], body: Body) -> object:
        side = self._side
        asked = " ".join([method, *parts])
        if asked == "GET workflow":
            return side.workflow.as_json()
        if asked == "PUT workflow":
            side.workflow.put(str(body.get("state")))
            return side.workflow.as_json()
        if asked == "POST export":
            return side.workflow.run("admin", _bytes(body))
        if asked == "POST profiles":
            return {"ids": side.maker.make_profiles(body)}
        if asked == "POST profiles delete":
            return {"ids": side.maker.delete_profiles(body)}
        if asked == "GET profiles":
            return {"seq": side.journal.seq, "value": side.journal.profiles}
        if asked == "GET flags":
            return {"value": list(self._flags(query))}
        if asked == "POST changes":
            return {"changes": side.maker.begin(ChangePlan.from_json(body))}
        if asked == "GET changes":
            return {"left": side.maker.left, "value": side.journal.changes}
        if asked == "DELETE changes":
            side.maker.stop()
            side.journal.changes.clear()
            return None
        if asked == "GET writes":
            return {"value": side.journal.writes}
        if asked == "DELETE writes":
            side.journal.writes.clear()
            return None
        raise LookupError(f"{method} /consent/{'/'.join(parts)}; GET / lists what there is")

    def _flags(self, query: dict[str, str]) -> Any:
        unknown = query.keys() - {"columns", "id"}
        if unknown:
            raise ValueError(f"{sorted(unknown)[0]} is not known here; give columns, id.")
        columns = tuple(query.get("columns", _COLUMNS).split(","))
        for name in columns:
            if name not in self._side.organization.contacts.flags and "columns" in query:
                raise ValueError(f"{name} is not a Boolean column of contacts.")
        return both_sides(self._side.organization, self._side.instance, columns, query.get("id"))


def _bytes(body: Body) -> int | None:
    given = body.get("bytes")
    if body.keys() - {"bytes"} or isinstance(given, bool) or not (given is None or isinstance(given, int)):
        raise ValueError("Give bytes, a whole number, or nothing.")
    return given
