"""Decisions about consent are kept for as many days as the configuration says, and then forgotten; memories stay, under
the first payload key."""

import structlog

from config.problems import ConfigProblems
from store.store import WorkflowStore
from sync.workflow import document_of

log = structlog.get_logger()

_DAY_MS = 86_400_000
#: The workflow that remembers anything of consent.
CONSENT = "optinout"


def trim_record(workflow: WorkflowStore, active: int | None, now_ms: int) -> int:
    """Forgets decisions that are older than `retention_days`: a bounded step, to be called again and again. Answers how
    many went.

    Where the active revision and the newest one say different things, the longer time counts: what is saved has not
    taken effect yet, and what is forgotten does not come back. A workflow without a record costs one question.
    """
    if not workflow.consent.has_record():
        return 0
    try:
        documents = [document_of(workflow, revision) for revision in {active, workflow.revisions.newest()}]
    except ConfigProblems:  # of another version; who runs it, or starts it, fails and says what is wrong with it
        return 0
    days = [document.optinout.retention_days for document in documents if document and document.optinout]
    if not days:
        return 0
    gone = workflow.consent.trim(now_ms - max(days) * _DAY_MS)
    if gone:
        log.info("Decisions about consent were kept long enough.", action="record_trimmed", decisions=gone)
    return gone


def reseal_memories(workflow: WorkflowStore, now_ms: int) -> int:
    """Seals what is remembered of consent with the first payload key, a bounded step of it. Answers how many were."""
    if workflow.name != CONSENT:
        return 0
    changed = workflow.resealer.go_on(now_ms)
    if changed:
        log.info("What is remembered of consent was sealed with the first key.", action="resealed", memories=changed)
    return changed
