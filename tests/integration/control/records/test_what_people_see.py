"""d365acs record explain as people see it: the verdict first, values only on record, and where to ask instead."""

from control.words import exact
from store.outcomes import Reason, Refused, Written
from store.records import Change, Lane
from store.store import WorkflowStore
from tests.integration.control.conftest import Run


def test_people_see_the_verdict_first_and_unknown_ids_are_said(run: Run, ann: str) -> None:
    lines = run("record", "explain", ann).stdout.splitlines()
    assert lines[:4] == [
        f"Record {ann}",
        "",
        "ingress, contact",
        "It was not read yet; ingress is STOPPED; once it runs, it would be created.",
    ]
    assert [line.split("  ")[0] for line in lines[5:10]] == ["Workflow", "Queue", "Ledger", "Dynamics", "Campaign"]
    stranger = "5d6c7f1e-0f0b-4b0e-9a58-00000000ffff"
    unknown = run("record", "explain", stranger)
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        f"Error: Nothing is known of {stranger}: it is neither kept here nor in 4 mapped tables of Dynamics; looked "
        "for in contact, new_membership, new_invoice and new_invoiceline.\n",
    )
    consent = run("record", "explain", stranger, "--workflow", "optinout")
    assert consent.stderr == f"Error: optinout knows nothing of {stranger}: it has seen no change of its consent.\n"
    assert run("record", "explain", stranger, "--workflow", "egress").stderr.startswith(
        "Error: egress has no configuration yet;"
    )
    wrong = run("record", "explain", "nonsense", "--system", "campaign")
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("Error: nonsense is not the id of a record;")


def test_values_are_shown_only_on_record(run: Run, ingress: WorkflowStore, ann: str) -> None:
    masked = run("record", "explain", ann)
    assert "Sanders" not in masked.stdout
    assert masked.stderr == "See the values with --reveal, which is entered into the history.\n"
    assert not [act for act in ingress.acts.newest() if act.action == "reveal"]
    revealed = run("record", "explain", ann, "--reveal")
    assert "Sanders" in revealed.stdout
    [act] = [act for act in ingress.acts.newest() if act.action == "reveal"]
    assert (act.by, act.stream, act.why) == ("ann", "contact", f"explained {ann}")


def test_its_consent_is_told_in_a_sentence_and_has_a_command_of_its_own(
    run: Run, optinout: WorkflowStore, ann: str
) -> None:
    # Given a change of a contact's consent that waits
    assert optinout.lifecycle.start("ann", "", 1)
    generation = optinout.lifecycle.read().generation
    optinout.lifecycle.add_streams(["consent"])
    assert optinout.lifecycle.run(generation, "start-up checks", "both systems answer")
    queue = optinout.queue("consent")
    queue.feed(generation, [Change(ann, 1, b"{}")], Lane.LIVE)
    own = f". Consent has a command of its own, which says what was decided and why: d365acs consent explain {ann}"

    def consent() -> str:
        told_ = run("record", "explain", ann, "--workflow", "optinout")
        assert told_.exit_code == 0
        *_, line = told_.stdout.splitlines()
        return line.removesuffix(own)

    # When it is explained, Then that is said
    assert consent().startswith("optinout, consent: it waits on the queue since ")
    # And once it was set aside, that
    batch = queue.lease(generation, 500, 60_000)
    queue.settle(batch.number, [Refused(ann, Reason("unmappable", "It has no time."))])
    assert consent().startswith("optinout, consent: it was set aside on ")
    assert consent().endswith(" (unmappable): It has no time")
    # And once it was written, when
    queue.drop({ann: queue.set_aside_of([ann])[0].dead_ms})
    log = optinout.outcomes("consent")
    log.note([Written(ann, None)])
    written = f"it was written on {exact(log.of(ann)[0].at_ms)}"
    assert consent() == f"optinout, consent: nothing of it waits, and nothing was set aside; {written}"


def test_a_pkey_is_no_id_of_dynamics(run: Run) -> None:
    result = run("record", "explain", "@UiBKnwFGiJ3dpFLX", "--system", "dynamics")
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        "Error: @UiBKnwFGiJ3dpFLX begins with @, as PKeys of Campaign do, and no id of Dynamics; leave --system "
        "dynamics out.\n",
    )
