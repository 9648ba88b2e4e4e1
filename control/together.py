"""How opt-in/out and ingress go together: one of them writes a flag; where ingress does, this is said."""

from collections.abc import Mapping

from config.document import WorkflowDocument, written_by_both
from config.ingress import IngressConfig, TableMapping
from config.optinout import OptinoutConfig, WireFlag, flag_named
from control.errors import PairedTwice
from store.store import Store
from sync.apart import clash
from sync.workflow import document_of

INGRESS, OPTINOUT = "ingress", "optinout"

#: What becomes of Campaign's flags once ingress writes them.
OVER_CAMPAIGN = (
    "When ingress starts next, it writes what Dynamics says of these flags over what Campaign has: whoever has opted "
    "out in Campaign alone is opted in there, and no record is kept. How many that would be is counted by: d365acs "
    "consent preview"
)


def newest_ingress(store: Store, parts: Mapping[str, WorkflowDocument] | None = None) -> IngressConfig | None:
    """What ingress is to do: as these parts say, or as it is saved."""
    found = _newest(store, INGRESS, parts or {})
    return found.ingress if found else None


def newest_optinout(store: Store, parts: Mapping[str, WorkflowDocument] | None = None) -> OptinoutConfig | None:
    """What opt-in/out is to do: as these parts say, or as it is saved."""
    found = _newest(store, OPTINOUT, parts or {})
    return found.optinout if found else None


def _newest(store: Store, name: str, parts: Mapping[str, WorkflowDocument]) -> WorkflowDocument | None:
    if name in parts:
        return parts[name]
    workflow = store.workflow(name)
    return document_of(workflow, workflow.revisions.newest())


def check_together(ingress: IngressConfig | None, optinout: OptinoutConfig | None) -> None:
    """Of two that are to be saved. Raises PairedTwice if ingress writes a flag that opt-in/out decides on."""
    wrong = [sentence for _, sentence in written_by_both(ingress, optinout)]
    if wrong:
        raise PairedTwice("\n".join(f"{sentence}." for sentence in wrong))


def check_beside(store: Store, name: str, revision: int) -> None:
    """Of one that is to start. Raises PairedTwice if it would write a flag that the other one writes, which starts or
    runs under what was saved earlier."""
    document = document_of(store.workflow(name), revision)
    if document is not None and (found := clash(store, name, document)):
        raise PairedTwice(found.sentence)


def nothing_moves(config: OptinoutConfig, ingress: IngressConfig | None = None) -> str | None:
    """Why opt-in/out moves nothing, and where consent is configured then; None: it does.

    `ingress`: what is known of it; pairs that it carries already need not be added.
    """
    if config.direction == "disabled":
        return f"{OPTINOUT} is disabled and moves nothing; its direction says which way consent shall travel."
    if config.direction != "dynamics_to_campaign":
        return None
    carried = {flag for mapping in (ingress.tables if ingress else ()) for flag in profile_flags(mapping)}
    missing = [pair.campaign for pair in config.flags if pair.campaign not in carried]
    if missing:
        way = (
            "; how many opt-outs made in Campaign that undoes is counted by: d365acs consent preview; add "
            f"{' and '.join(missing)} there with: d365acs mapping add-flags contact"
        )
    elif config.flags:
        way = ", which has all pairs."
    else:
        way = "; map columns to flags such as blackListEmail there with: d365acs mapping edit contact"
    return (
        f"{OPTINOUT} moves nothing with direction: dynamics_to_campaign; consent travels with the contacts, by the "
        f"mapping of contact in ingress{way}"
    )


def profile_flags(mapping: TableMapping) -> set[WireFlag]:
    """The consent flags that a mapping of ingress writes."""
    if mapping.resource != "profile":
        return set()
    return {flag for field in mapping.fields if (flag := flag_named(field.target))}
