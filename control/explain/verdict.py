"""What comes of a record, in a sentence or two: how it stands now, and what would be done if its turn came."""

from dataclasses import dataclass

from config.ingress import TableMapping
from control.explain.explanation import Action, Clause, Held, Standing
from control.explain.words import confirmed_words, given_up_words, set_aside_words, waits_words
from control.words import counted
from store.holds import Hold
from store.ledger import Standing as Stands
from store.lifecycle import Life, State
from store.outcome_log import Ending
from store.record_queue import Filtered, Outcome, Parent, Unchanged
from store.whereabouts import Place, Whereabouts
from sync.mapping.mapper import Unmappable
from sync.streams import PARENT_LEFT, Send, kind_of, words_of
from sync.tables.position import Phase, Position
from sync.tables.relatives import Awaiting

#: Fields that a sentence names.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a record of a table."""

    workflow: str
    mapping: TableMapping
    life: Life
    hold: Hold | None
    position: Position
    anew: bool  #: whether the table is read in full by the next look, since its mapping has changed
    kept: Standing
    version: int | None  #: the row's, as Dynamics counts; None: there is no such row
    passes: bool  #: the filter
    decision: Send | Outcome | Unmappable | None  #: None: nothing that goes has anything to end
    awaiting: Awaiting | None
    held: Held | None
    clauses: tuple[Clause, ...]
    first: str  #: what a deletion of it comes after, and why it does not come yet where that is known; empty: nothing


def judged(case: Case) -> tuple[str, Action]:
    if case.kept.waits is not None and case.kept.waits.place is Place.LOADED:
        # Whatever would be sent now, nothing is before the end of the import is known.
        return _in_a_file(case.workflow, case.life, case.kept.waits)
    would, action = _would(case)
    sentence = f"{_frame(case, action)}{would}."
    return sentence[0].upper() + sentence[1:], action


def standing_alone(workflow: str, life: Life, kept: Standing) -> tuple[str, Action]:
    """What can be said while nobody can be asked."""
    if kept.waits is not None:
        if kept.waits.place is Place.LOADED:
            return _in_a_file(workflow, life, kept.waits)
        return f"{waits_words(kept.waits, kept.retried)}; what comes of it cannot be told now.", "unknown"
    if kept.set_aside is not None:
        return f"{set_aside_words(kept.set_aside)}.", "unknown"
    if given_up := given_up_words(kept):
        return f"{given_up}; what comes of it cannot be told now{off(workflow, life)}.", "unknown"
    return f"Nothing of it waits; what comes of it cannot be told now{off(workflow, life)}.", "unknown"


def _in_a_file(workflow: str, life: Life, waits: Whereabouts) -> tuple[str, Action]:
    """What comes of it is known without asking anybody: it does not depend on how the record is now."""
    if not waits.placed_ms and life.state is not State.RUNNING:
        then = f"When {workflow} starts, the file is given up, and it is written singly or travels in the next one"
        return f"{waits_words(waits)}. {then}.", "wait"
    when = "" if life.state is State.RUNNING else f", and {workflow} runs"
    return (
        f"{waits_words(waits)}. When the import has ended{when}, it is confirmed or else written singly, and newer "
        "changes follow.",
        "wait",
    )


def off(workflow: str, life: Life) -> str:
    return "" if life.state is State.RUNNING else f", and {workflow} is {life.state}"


# -- what would be done ------------------------------------------------------------------------------------------


def _would(case: Case) -> tuple[str, Action]:
    match case.decision:
        case Unmappable() as wrong:
            return f"it would be set aside: {wrong.sentence.rstrip('.')}", "refuse"
        case Send() as send:
            return _sent(case, send)
        case Unchanged():
            return _unchanged(case)
        case Filtered() | None:
            return f"nothing is sent, because {_why_not(case)}", "nothing"
    return "nothing is sent", "nothing"


def _sent(case: Case, send: Send) -> tuple[str, Action]:
    if case.awaiting and case.awaiting.missing:
        parent = case.awaiting.missing[send.record.id]
        return f"it would wait for the {parent.stream} {parent.id} that it links to", "wait"
    if case.awaiting and case.awaiting.leaving:
        return "it would wait: a record that it links to is about to leave Campaign", "wait"
    if send.update is None:
        return f"its deletion would be sent, because {_why_gone(case, send)}", "delete"
    held = case.held
    if held is not None and held.count > 1:
        return f"it would be set aside: Campaign has {held.count} records with its key", "refuse"
    if held is None or (held.count == 0 and not send.known):
        return ("an update would be sent", "update") if send.known else ("it would be created", "create")
    if held.count == 0:
        return "it would be created again, since somebody deleted it in Campaign", "create"
    names = [one.field for one in held.differences if one.updates or send.update is send.insert]
    taken = "" if send.known else ", since Campaign has a record with its key already"
    if not names and _was_confirmed(case):
        return (
            f"nothing is sent, because Campaign was confirmed to hold its last change{confirmed_words(case.kept)}, and "
            "shows all that the mapping makes of it; its next change, or a replay, is written in any case",
            "nothing",
        )
    if not names:
        return f"an update would be sent although Campaign holds the same{taken}", "update"
    return f"an update of {counted(len(names), 'field')} would be sent ({_listed(names)}){taken}", "update"


def _was_confirmed(case: Case) -> bool:
    """Whether its last change was confirmed, though what the mapping makes of it now is something else; and nothing
    brings it again by itself."""
    entry, kept = case.kept.entry, case.kept
    if entry is None or entry.standing is not Stands.PRESENT or case.version is None or not case.passes:
        return False
    if not any(entry.fingerprint[:8]):  # it was written without a link, or what was confirmed is not believed any more
        return False
    comes = case.anew or case.position.phase is Phase.FULL or kept.repeats
    by_itself = comes or kept.waits is not None or kept.set_aside is not None or given_up_words(kept) != ""
    return not by_itself and entry.version >= case.position.row_version(case.version)


def _why_gone(case: Case, send: Send) -> str:
    if kind_of(send.record.payload) == PARENT_LEFT:
        parent = Parent(*words_of(send.record.payload))
        return f"the {parent.stream} {parent.id} that it links to leaves Campaign"
    return "Dynamics does not have it any more" if case.version is None else "its filter does not let it travel"


def _unchanged(case: Case) -> tuple[str, Action]:
    held = case.held
    if case.version is None or not case.passes:
        return "nothing is sent, because its deletion was confirmed", "nothing"
    sentence = f"nothing is sent, because Campaign was confirmed to hold exactly this{confirmed_words(case.kept)}"
    if held is None:
        return sentence, "nothing"
    if held.count == 0:
        return f"{sentence}; yet Campaign does not show it now: deleted there, or hidden; a replay writes it", "nothing"
    names = [one.field for one in held.differences if one.updates]
    if names:
        return (
            f"{sentence}; yet Campaign shows other values now ({_listed(names)}), which were written there by somebody "
            "else; a replay writes them again",
            "nothing",
        )
    return sentence, "nothing"


def _why_not(case: Case) -> str:
    if case.version is None:
        if not case.mapping.apply_deletes:
            return "Dynamics does not have it any more, and the mapping does not apply deletions"
        return "Dynamics does not have it, and Campaign is not known to have it"
    if not case.passes:
        entry = case.kept.entry
        if entry is None or not entry.perhaps_present:
            return f"{_filtered(case)}, and Campaign is not known to have it"
        return f"{_filtered(case)}; Campaign keeps it as it is"
    return "it does not travel"


def _filtered(case: Case) -> str:
    failing = [one.condition for one in case.clauses if not one.holds]
    joined = " and " if case.mapping.filter and case.mapping.filter.every else " or "
    return f"it does not pass the filter ({joined.join(failing)})"


def _listed(names: list[str]) -> str:
    return ", ".join([*names[:_NAMED], *(["..."] if len(names) > _NAMED else [])])


# -- how it stands -----------------------------------------------------------------------------------------------


def _frame(case: Case, action: Action) -> str:
    """The beginning of the sentence."""
    kept, off = case.kept, case.life.state is not State.RUNNING
    stands = ""
    if kept.waits is not None:
        early = bool(kept.past) and kept.past[0].ending is Ending.AGAIN and not kept.past[0].cause
        stands = waits_words(kept.waits, kept.retried, case.first if action == "delete" and early else "")
    elif kept.set_aside is not None:
        stands = set_aside_words(kept.set_aside)
    elif action != "nothing":
        stands = _unread(case)
    if case.hold is not None:
        held = f"{case.mapping.table} is held: {case.hold.sentence.rstrip('.')}"
        return f"{stands + '; ' if stands else ''}{held}; once that is mended, "
    if off and (stands or action != "nothing"):
        return f"{stands + '; ' if stands else ''}{case.workflow} is {case.life.state}; once it runs, "
    if kept.set_aside is not None and kept.waits is None:
        return f"{stands}; if it were tried again now, "
    if kept.waits is not None:
        return f"{stands}; when its turn comes, "
    return f"{stands}; then " if stands else ""


def _unread(case: Case) -> str:
    """Where a record is that neither waits nor was set aside, and of which something would be sent."""
    if case.anew:
        return f"Everything of {case.mapping.table} is read again, since its mapping has changed"
    if case.position.phase is Phase.FULL:
        return f"{case.mapping.table} is being read in full" if case.position.link else "It was not read yet"
    if given_up := given_up_words(case.kept):
        return f"{given_up}; a replay brings it, or its next change"
    if _was_confirmed(case):
        return (
            f"Campaign was confirmed to hold its last change{confirmed_words(case.kept)}, as the mapping made it then; "
            "its next change, or a replay, brings what it makes of it now"
        )
    if case.version is not None and case.version <= case.position.highest:
        return "It was read, and is neither on the queue nor confirmed as it is now; a replay brings it"
    return "Its last change was not read yet; the next look at Dynamics brings it"
