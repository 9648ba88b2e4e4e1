"""d365acs record explain, of dead letters: why they were set aside, and who has retried or dropped them."""

from control.demo.sandbox import Sandbox
from control.words import exact
from store.outcomes import Reason, Refused
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import Run
from tests.integration.control.flowing import flow, run_ingress
from tests.integration.control.records.conftest import changed, told


def test_a_dead_letter_says_its_reason_and_what_a_retry_would_do(
    run: Run, store: Store, ingress: WorkflowStore, sandbox: Sandbox, ann: str
) -> None:
    generation = run_ingress(store)
    flow(store, ["contact"], write=False)
    queue = ingress.queue("contact")
    batch = queue.lease(generation, 500, 60_000)
    reason = Reason("already-exists", "Campaign has another profile with this email.", "campaign")
    queue.settle(batch.number, [Refused(record.id, reason) for record in batch.records])
    part = told(run, ann)
    assert part["verdict"].startswith("It was set aside on ")
    assert part["verdict"].endswith(
        "(already-exists): Campaign has another profile with this email; if it were tried again now, it would be "
        "created."
    )
    assert part["next"] == [f"d365acs dlq show ingress {ann}", f"d365acs dlq retry ingress {ann}"]


def test_who_retried_and_who_dropped_a_dead_letter_is_told(
    run: Run, store: Store, ingress: WorkflowStore, sandbox: Sandbox, ann: str
) -> None:
    # Given a contact that was set aside at the second attempt, retried, set aside again, and given up
    generation = run_ingress(store)
    flow(store, ["contact"], write=False)
    queue, reason = ingress.queue("contact"), Reason("already-exists", "Another profile has it.", "campaign")

    def refuse() -> None:
        batch = queue.lease(generation, 500, 60_000)
        refused = [Refused(record.id, reason, 500) for record in batch.records]
        queue.settle(batch.number, refused)
        ingress.outcomes("contact").note(refused, tried={ann: 1})

    refuse()
    run("dlq", "retry", "ingress", ann, "--why", "merged", D365ACS_ACTOR="bob")
    refuse()
    run("dlq", "drop", "ingress", "--cause", "already-exists", "--why", "test data", "--yes")
    # When it is explained, Then all of that is told, and by whom
    part = told(run, ann)
    assert [(one["outcome"], one["cause"], one["status"], one["attempts"], one["by"]) for one in part["lately"]] == [
        ("dropped", None, None, 0, "ann"),
        ("refused", "already-exists", 500, 2, None),
        ("retried", None, None, 0, "bob"),
        ("refused", "already-exists", 500, 2, None),
    ]
    when = [one["at"].replace("T", " ").removesuffix("Z") for one in part["lately"]]
    why = part["lately"][0]["why"]
    assert why.startswith("5 dead letters (already-exists, until ") and why.endswith("): test data")
    assert part["verdict"] == (
        f"It was given up on {when[0]} UTC by ann; a replay brings it, or its next change; then it would be created."
    )
    lines = run("record", "explain", ann).stdout.splitlines()
    assert lines[lines.index("Lately") + 2 :] == [
        f"{when[0]} UTC  given up by ann: {why}",
        f"{when[1]} UTC  set aside: already-exists (500), at attempt 2",
        f"{when[2]} UTC  retried by bob: 1 dead letter ({ann}): merged",
        f"{when[3]} UTC  set aside: already-exists (500), at attempt 2",
    ]
    # And of one that is gone from Dynamics, too, what is remembered is told
    sandbox.ask("POST", "/dynamics/tables/contact/delete", {"ids": [ann]})
    gone = told(run, ann)
    assert (gone["dynamics"]["there"], gone["lately"][0]["by"]) == (False, "ann")


def test_what_was_retried_and_changed_meanwhile_is_told_with_times_that_can_be(
    run: Run, store: Store, ingress: WorkflowStore, sandbox: Sandbox, ann: str
) -> None:
    # Given a contact that was set aside a while ago, and retried
    generation = run_ingress(store)
    flow(store, ["contact"], write=False)
    queue = ingress.queue("contact")
    long_ago = store.now_ms() - 3_600_000
    waiting = store.redis.hget(queue.keys.records, ann)
    assert isinstance(waiting, bytes)
    version, _, rest = waiting.split(b" ", 2)
    store.redis.hset(queue.keys.records, ann, b"%b %d %b" % (version, long_ago, rest))
    batch = queue.lease(generation, 500, 60_000)
    reason = Reason("already-exists", "Another profile has it.", "campaign")
    queue.settle(batch.number, [Refused(record.id, reason) for record in batch.records])
    assert run("dlq", "retry", "ingress", ann, D365ACS_ACTOR="bob").exit_code == 0
    # When it waits, Then it is as old as it is, and the retry is told
    part = told(run, ann)
    retried = f"since {exact(long_ago)}, retried on {part['waiting']['retried'].replace('T', ' ')[:-1]} UTC by bob"
    assert part["verdict"].startswith(f"It waits on the queue {retried}; when its turn comes, ")
    line = next(line for line in run("record", "explain", ann).stdout.splitlines() if line.startswith("Queue"))
    assert line.endswith(f"it waits for its turn {retried}, among replays and full reads")
    # When it has changed meanwhile, and was written
    changed(sandbox, ann, lastname="Miller-Sanders")
    flow(store, ["contact"])
    # Then what was confirmed is told with the time of that, which is not before the change
    part = told(run, ann)
    when = part["lately"][0]["at"].replace("T", " ").removesuffix("Z")
    assert (part["ledger"]["confirmed"], part["lately"][0]["outcome"]) == (part["lately"][0]["at"], "created")
    assert part["verdict"] == (
        f"Nothing is sent, because Campaign was confirmed to hold exactly this, last on {when} UTC."
    )
    assert exact(long_ago) not in run("record", "explain", ann).stdout
    # And where that is not kept any more, the time since which it had waited is told as what it is
    store.redis.delete(queue.keys.outcomes)
    assert told(run, ann)["verdict"].endswith(f" exactly this, which was read on {exact(long_ago)} or later.")
