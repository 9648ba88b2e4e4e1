"""d365acs metrics: what Prometheus reads, and who may ask for it."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from config.settings import Settings
from control.errors import ControlError
from control.metrics.server import MetricsServer
from store.client import connect
from store.freshness import FRESHNESS, OPTOUT, Waited
from store.record_queue import Change, Reason, Refused, Written
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import Run

pytestmark = pytest.mark.usefixtures("acknowledged")

#: What cannot be foreseen to the digit.
MOVING = ("_timestamp_seconds", "_age_seconds")


def run_with_everything(run: Run, file: Path, store: Store, ingress: WorkflowStore) -> None:
    """Ingress runs: three contacts were read, one of them is written, one refused, one waits."""
    file.write_text(file.read_text().replace("ingress:\n", "ingress:\n  objectives: {freshness_seconds: 300}\n"))
    assert run("config", "apply", str(file)).exit_code == 0
    assert run("workflow", "start", "ingress").exit_code == 0
    ingress.lifecycle.add_streams(["contact"])
    assert ingress.lifecycle.run(1, "start-up checks", "both systems answer")
    queue = ingress.queue("contact")
    queue.put_page(1, 0, [Change(one, 1, b"{}") for one in "abc"], "", filtered=2)
    batch = queue.lease(1, 2, 60_000)
    queue.settle(batch.number, [Written("a", None), Refused("b", Reason("already-exists", "no"))])
    now_ms = store.now_ms()
    ingress.freshness("contact").add(
        {Waited(FRESHNESS, now_ms - 4000): 2, Waited(FRESHNESS, now_ms - 400_000): 1,
         Waited(OPTOUT["dynamics"], now_ms - 7000): 1},
        now_ms,
    )  # fmt: skip
    ingress.engine_calls.add(3, 2, 1, 9, now_ms)
    store.requests.add({
        ("answer", "campaign", "POST", "201"): 2, ("answer", "campaign", "POST", "none"): 1,
        ("took", "campaign", "3"): 2, ("took", "campaign", "12"): 1, ("took-ms", "campaign"): 40_150,
        ("pause", "campaign"): 1, ("pause-ms", "campaign"): 2500,
    })  # fmt: skip


def lines_of(text: str, *names: str) -> str:
    """The lines of these families, without their descriptions and without what moves."""
    found = [line for line in text.splitlines() if line.startswith(names)]
    return "\n".join(line for line in found if not any(name in line for name in MOVING)) + "\n"


@pytest.mark.usefixtures("answering")
def test_the_metrics_of_a_workflow_are_those_of_its_records(
    run: Run, file: Path, store: Store, ingress: WorkflowStore
) -> None:
    # Given a workflow with records in every place
    run_with_everything(run, file, store, ingress)
    # When metrics are asked for
    result = run("metrics")
    # Then they tell each place, as Prometheus reads it
    assert (result.exit_code, result.stderr) == (0, "")
    of_contact = '{stream="contact",workflow="ingress"}'
    assert lines_of(result.stdout, "d365acs_records_", "d365acs_backlog_", "d365acs_dlq_", "d365acs_retry") == (
        f"d365acs_records_read_total{of_contact} 5.0\n"
        f"d365acs_records_filtered_total{of_contact} 2.0\n"
        f"d365acs_records_written_total{of_contact} 1.0\n"
        f"d365acs_records_unchanged_total{of_contact} 0.0\n"
        f"d365acs_records_rejected_total{of_contact} 1.0\n"
        f"d365acs_retry_total{of_contact} 0.0\n"
        f"d365acs_backlog_records{of_contact} 1.0\n"
        f"d365acs_records_parked{of_contact} 0.0\n"
        f"d365acs_dlq_records{of_contact} 1.0\n"
        'd365acs_dlq_cause_records{reason="already-exists",stream="contact",workflow="ingress"} 1.0\n'
    )
    assert lines_of(result.stdout, 'd365acs_workflow_state{state="RUNNING"', "d365acs_engine", "d365acs_workers") == (
        "d365acs_workers 1.0\n"
        'd365acs_workflow_state{state="RUNNING",workflow="ingress"} 1.0\n'
        'd365acs_workflow_state{state="RUNNING",workflow="egress"} 0.0\n'
        'd365acs_workflow_state{state="RUNNING",workflow="optinout"} 0.0\n'
        'd365acs_engine_calls_total{workflow="ingress"} 8.0\n'
        'd365acs_engine_calls_total{workflow="optinout"} 0.0\n'
    )


def test_histograms_and_objectives_are_told(run: Run, file: Path, store: Store, ingress: WorkflowStore) -> None:
    run_with_everything(run, file, store, ingress)
    text = run("metrics").stdout
    found = {
        (sample.name, sample.labels.get("le", ""), sample.labels.get("to", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    # Then a bucket holds all that took no longer, and the objective is one of the buckets
    name = "d365acs_freshness_seconds"
    assert [found[f"{name}_bucket", le, ""] for le in ("2.0", "5.0", "300.0", "600.0", "+Inf")] == [0, 2, 2, 3, 3]
    assert (found[f"{name}_count", "", ""], found[f"{name}_sum", "", ""]) == (3, 408)
    assert found["d365acs_freshness_objective_seconds", "", ""] == 300
    assert found["d365acs_freshness_objective_ratio", "", ""] == 0.99
    assert found["d365acs_optout_propagation_seconds_count", "", "dynamics"] == 1


def test_requests_of_the_workers_are_told(run: Run, file: Path, store: Store, ingress: WorkflowStore) -> None:
    run_with_everything(run, file, store, ingress)
    told = lines_of(run("metrics").stdout, "d365acs_api_")
    for line in (
        'd365acs_api_requests_total{code="201",method="POST",system="campaign"} 2.0',
        'd365acs_api_requests_total{code="none",method="POST",system="campaign"} 1.0',
        'd365acs_api_request_duration_seconds_bucket{le="0.1",system="campaign"} 2.0',
        'd365acs_api_request_duration_seconds_bucket{le="30.0",system="campaign"} 2.0',
        'd365acs_api_request_duration_seconds_bucket{le="+Inf",system="campaign"} 3.0',
        'd365acs_api_request_duration_seconds_sum{system="campaign"} 40.15',
        'd365acs_api_throttled_total{system="campaign"} 1.0',
        'd365acs_api_retry_after_seconds_total{system="campaign"} 2.5',
    ):
        assert f"{line}\n" in told


def test_what_systems_told_last_is_told_for_as_long_as_it_is_worth_anything(run: Run, store: Store) -> None:
    # Given what answers told just now
    now_ms = store.now_ms()
    ends = now_ms // 1000 + 3000
    budget = {("dynamics", "budget-requests"): 5990.0, ("dynamics", "budget-seconds"): 1199.5}
    rest = {("campaign", "clock"): -60.5, ("campaign", "token-ends"): float(ends)}
    store.last_told.note({**budget, **rest}, now_ms)
    names = ("d365acs_api_budget", "d365acs_clock", "d365acs_credential")
    # Then it is told, with the moment at which a token ends
    told = [line for line in run("metrics").stdout.splitlines() if line.startswith(names)]
    assert told[:3] == [
        'd365acs_api_budget_remaining_requests{system="dynamics"} 5990.0',
        'd365acs_api_budget_remaining_seconds{system="dynamics"} 1199.5',
        'd365acs_clock_skew_seconds{system="campaign"} -60.5',
    ]
    [token] = told[3:]
    name, value = token.rsplit(" ", 1)
    assert name == 'd365acs_credential_expiry_timestamp_seconds{credential="token",system="campaign"}'
    assert float(value) == ends
    # When five minutes have passed, Then what was left then is told no more; after a day nothing is
    store.last_told.note(budget, now_ms - 300_000)
    assert lines_of(run("metrics").stdout, *names) == 'd365acs_clock_skew_seconds{system="campaign"} -60.5\n'
    store.last_told.note({("campaign", "clock"): -60.5, ("campaign", "token-ends"): now_ms / 1000}, now_ms - 86_400_000)
    assert not [line for line in run("metrics").stdout.splitlines() if line.startswith(names)]


def test_no_metric_holds_the_id_of_a_record(run: Run, file: Path, store: Store, ingress: WorkflowStore) -> None:
    run_with_everything(run, file, store, ingress)
    queue = ingress.queue("contact")
    queue.put_page(1, ingress.cursor("contact").number, [Change("an-id-of-a-contact", 1, b'{"name": "Doe"}')], "")
    batch = queue.lease(1, 2, 60_000)
    queue.settle(batch.number, [Refused(record.id, Reason("x", "y")) for record in batch.records])
    text = run("metrics").stdout
    assert 'reason="x"' in text and "an-id-of-a-contact" not in text and "Doe" not in text


def test_workflow_show_tells_the_objective_and_whether_it_is_kept(
    run: Run, file: Path, store: Store, ingress: WorkflowStore
) -> None:
    # Given an objective of 99 % within five minutes, and few changes
    run_with_everything(run, file, store, ingress)
    shown = run("workflow", "show", "ingress").stdout
    assert (
        "Freshness     66.666 % of 3 changes within 5 min in the last hour, too few to judge; the objective is 99 %\n"
        in shown
    )
    # When there are many, too many of them late
    now_ms = store.now_ms()
    ingress.freshness("contact").add({Waited(FRESHNESS, now_ms): 97}, now_ms)
    ingress.freshness("contact").add({Waited(FRESHNESS, now_ms - 900_000): 10}, now_ms)
    # Then it is missed, for programs, too
    shown = run("workflow", "show", "ingress").stdout
    assert "90 % of 110 changes within 5 min in the last hour; the objective is 99 %: missed\n" in shown
    told = run("workflow", "show", "ingress", "-o", "yaml").stdout
    assert (
        "freshness:\n  objective_seconds: 300\n  objective_share: 0.99\n  changes: 110\n  within: 99\n  missed: true\n"
        in told
    )


@contextmanager
def serving(store: Store, settings: Settings) -> Iterator[http.client.HTTPConnection]:
    with MetricsServer("127.0.0.1", 0, store, settings) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
        try:
            yield connection
        finally:
            connection.close()
            server.shutdown()
            thread.join()


def get(connection: http.client.HTTPConnection, path: str, **headers: str) -> tuple[int, str, str]:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read().decode()


def test_the_server_answers_with_the_same_in_the_format_that_is_asked_for(store: Store, settings: Settings) -> None:
    with serving(store, settings) as connection:
        plain = get(connection, "/metrics")
        modern = get(connection, "/metrics?x=1", Accept="application/openmetrics-text; version=1.0.0")
        alive, ready, nothing = get(connection, "/livez"), get(connection, "/readyz"), get(connection, "/")
    # Then both can be read, and the other addresses say what they are for
    assert plain[0] == 200 and plain[1].startswith("text/plain; version=")
    assert 'd365acs_build_info{d365acs_instance="production"' in plain[2]
    assert modern[0] == 200 and modern[1].startswith("application/openmetrics-text") and modern[2].endswith("# EOF\n")
    assert (alive[0], alive[2], ready[0], ready[2]) == (200, "alive\n", 200, "ready\n")
    assert (nothing[0], nothing[2]) == (404, "There are /metrics, /livez and /readyz.\n")


def test_without_redis_the_server_lives_and_says_that_it_is_not_ready(tmp_path: Path) -> None:
    # Given a Redis that is not there
    settings = Settings(redis_url=f"unix://{tmp_path}/nobody.sock", home=tmp_path)
    with connect(settings.effective_redis_url) as silent, serving(Store(silent, "production"), settings) as connection:
        alive, ready, metrics = get(connection, "/livez"), get(connection, "/readyz"), get(connection, "/metrics")
    # Then whoever asks for metrics gets none rather than wrong ones
    assert alive[0] == 200
    sentence = f"Redis does not answer at unix://{tmp_path}/nobody.sock; start it, or correct D365ACS_REDIS_URL.\n"
    assert (ready[0], ready[2]) == (metrics[0], metrics[2]) == (503, sentence)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "metrics.example.com"])
def test_beyond_this_machine_metrics_are_served_only_where_that_is_said(run: Run, address: str) -> None:
    result = run("metrics", "serve", "--address", address)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {address} can be reached from other machines, and metrics have no login; "
        "say --anywhere if the network keeps strangers out.\n"
    )


def test_a_port_that_is_taken_is_one_sentence(run: Run, redis: Redis, settings: Settings) -> None:
    with MetricsServer("127.0.0.1", 0, Store(redis, "production"), settings) as server:
        port = server.server_address[1]
        result = run("metrics", "serve", "--port", str(port))
        assert result.exit_code == 1
        assert result.stderr == (
            f"Error: Nothing can listen at 127.0.0.1:{port}: Address already in use; take another --port.\n"
        )
        with pytest.raises(ControlError):
            MetricsServer("127.0.0.1", port, Store(redis, "production"), settings)
