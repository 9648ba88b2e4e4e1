"""What a button does: calls `control`, and answers the sentence that is told of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, nan

from control import dead_letters, operate, replays
from control.dead_letters import Selection
from control.errors import ControlError
from control.moments import moment_ms
from control.words import counted
from store.store import Store


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for."""

    store: Store
    workflow: str
    by: str
    why: str
    fields: Mapping[str, str]  #: what else the form holds

    @property
    def accepts(self) -> bool:
        return self.fields.get("accept_privacy") == "yes"


def start(asked: Asked) -> str:
    done = operate.start(asked.store, asked.workflow, asked.by, asked.why, asked.accepts)
    return _started(done)


def restart(asked: Asked) -> str:
    return _started(operate.restart(asked.store, asked.workflow, asked.by, asked.why, asked.accepts))


def _started(done: operate.Operation) -> str:
    if not done.changed:
        return f"{done.workflow} is {done.before} already."
    return f"{done.workflow}: {done.before} -> {done.after}, revision {done.revision}."


def stop(asked: Asked) -> str:
    done = operate.stop(asked.store, asked.workflow, asked.by, asked.why)
    if done.changed:
        return f"{done.workflow}: {done.before} -> {done.after}; the queue and the reading position are kept."
    if done.before == "FAILED":
        return f"{done.workflow} has failed and does not run; there is nothing to stop."
    return f"{done.workflow} is stopped already."


def replay(asked: Asked) -> str:
    name, now_ms = _name(asked), asked.store.now_ms()
    since_ms, until_ms = (_moment(asked, word, now_ms) for word in ("since", "until"))
    where, now = asked.fields.get("where", "").strip(), asked.fields.get("now") == "yes"
    done = replays.ask(
        asked.store, name, asked.by, asked.why, since_ms, until_ms,
        now=now, where=(where,) if where else (), rate=_rate(asked),
    )  # fmt: skip
    which = f" ({done.window})" if done.window else ""
    if done.began:
        told = f"The replay of {name}{which} begins now."
    else:
        already, when = "" if done.new else " already", "stop and start" if done.is_on else "start"
        told = f"The replay of {name}{which} is pending{already}; it begins with the next {when} of {done.workflow}."
    return " ".join((told, *done.warnings))


def cancel(asked: Asked) -> str:
    name = _name(asked)
    done = replays.cancel(asked.store, name, asked.by, asked.why)
    if not done.had_begun:
        return f"The replay of {name} is taken back."
    ends = "ends now" if done.is_on else f"ends with the next start of {name}"
    return f"The replay of {name} {ends}: what was read of it is written, the rest is not read."


def pause(asked: Asked) -> str:
    name = _name(asked)
    replays.pause(asked.store, name, asked.by, asked.why)
    return f"The replay of {name} is paused: what was read of it is written, and nothing more is read."


def resume(asked: Asked) -> str:
    name = _name(asked)
    replays.resume(asked.store, name, asked.by, asked.why)
    return f"The replay of {name} goes on."


def retry(asked: Asked) -> str:
    done = dead_letters.retry(asked.store, _selection(asked), asked.by, asked.why)
    return " ".join((f"{asked.workflow}: {done.sentence}", *done.notes))


def drop(asked: Asked) -> str:
    dropped = dead_letters.drop(asked.store, _selection(asked), asked.by, asked.why)
    return f"{asked.workflow}: {counted(dropped, 'dead letter')} dropped."


def _name(asked: Asked) -> str:
    """What is to be replayed: a table of the workflow, or the workflow."""
    name = asked.fields.get("name", "")
    if not name:
        raise ControlError("Say what is to be replayed.")
    return name


def _rate(asked: Asked) -> float | None:
    text = asked.fields.get("rate", "").strip()
    try:
        rate = float(text) if text else None
    except ValueError:
        rate = nan
    if rate is not None and not isfinite(rate):
        raise ControlError(f"{text!r} is no number of records a second.")
    return rate


def _moment(asked: Asked, word: str, now_ms: int) -> int | None:
    text = asked.fields.get(word, "").strip()
    if not text:
        return None
    try:
        return moment_ms(text, now_ms)
    except (ValueError, OverflowError):
        raise ControlError(
            f"{text!r} is no time; write a date (2026-11-20), a time (2026-11-20T12:00Z), or so long ago (6h, 2d)."
        ) from None


def _selection(asked: Asked) -> Selection:
    """One letter, or all of one cause of one stream; never all of a workflow by a field that was left out."""
    stream, cause, record = (asked.fields.get(word, "") for word in ("stream", "cause", "id"))
    if not stream or not (cause or record):
        raise ControlError("Say which dead letters are meant: a stream, and a cause or an id.")
    return Selection(asked.workflow, stream, (record,) if record else (), cause or None)


DEEDS: Mapping[str, Callable[[Asked], str]] = {
    "start": start,
    "stop": stop,
    "restart": restart,
    "replay": replay,
    "cancel": cancel,
    "pause": pause,
    "resume": resume,
    "retry": retry,
    "drop": drop,
}
