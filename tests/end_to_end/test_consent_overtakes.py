"""Consent has a process of its own: it waits for nobody's slice."""

from signal import SIGCONT, SIGSTOP

from store.store import WorkflowStore
from tests.end_to_end import documents
from tests.end_to_end.consent_stage import ConsentStage
from tests.end_to_end.processes import Process

EMAIL = "blackListEmail"


def stopped_at_work(worker: Process, ingress: WorkflowStore) -> bool:
    """Stops the worker and its children if records of ingress are in their hands."""
    worker.signal(SIGSTOP)
    if ingress.queue("contact").backlog().leased:
        return True
    worker.signal(SIGCONT)
    return False


def test_consent_travels_both_ways_while_the_worker_is_in_the_middle_of_a_slice_of_ingress(
    consent: ConsentStage,
) -> None:
    # Given opt-in/out with the process of its own, which is all that it needs
    ann, bob = consent.people(2)
    consent.run_until_read("consent", "beat")
    # And a worker with one child, in the middle of a slice of ingress that takes as long as we like
    [worker] = consent.run("worker", concurrency=1)
    consent.faults(campaign={"latency_ms": 300})
    ingress = consent.store.workflow("ingress")
    revision = consent.save_ingress(documents.ingress(documents.contacts(pairs=[("lastname", "lastName")])))
    assert ingress.lifecycle.start("tester", "test", revision)
    consent.wait_until(lambda: stopped_at_work(worker, ingress), "the worker writes records of ingress")
    consent.faults()
    # When people change their minds on both sides
    consent.opt("campaign", EMAIL, True, ann)
    consent.opt("dynamics", EMAIL, True, bob)
    # Then both sides agree, and the slice is where it was
    consent.wait_until_settled()
    assert (consent.stands(EMAIL, ann), consent.stands(EMAIL, bob)) == ((True, True), (True, True))
    assert ingress.queue("contact").backlog().leased > 0
    worker.signal(SIGCONT)
