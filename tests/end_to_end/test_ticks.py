"""Any number of beats and ticks: rights decide who works, so nothing is read or written twice."""

from collections import Counter

from celery import Celery

from tests.end_to_end.conftest import CONTACTS, OpenStage
from workers.app import celery_settings


def test_two_beats_and_a_flood_of_doubled_nudges_make_nobody_work_twice(open_stage: OpenStage) -> None:
    # Given two workers and two beats, slow systems, and small pages
    stage = open_stage(read_page_size=50, slice_seconds=1)
    slow = {"latency_ms": 40}
    stage.admin.put("/faults", {"dynamics": slow, "campaign": slow})
    stage.run("worker", "worker", "beat", "beat")
    stage.wait_until(lambda: len(stage.store.heartbeats.alive()) == 4, "two workers and two beats are known")

    # When the workflow runs, while every tick and every nudge arrives ten times over
    stage.start()
    generation = stage.life.generation
    nudge = {"workflow": "ingress", "stream": "contact", "generation": generation}
    app = Celery("flood", set_as_current=False)
    app.conf.update(celery_settings(stage.settings))

    def flood() -> None:
        for _ in range(10):
            app.send_task("tick", kwargs={"workflow": "ingress"}, queue="control", expires=2)
            app.send_task("read", kwargs=nudge, queue="ingress.read", expires=2)
            app.send_task("write", kwargs={**nudge, "seat": 0}, queue="ingress.write", expires=2)

    with app:
        for part in (0, CONTACTS // 3, 2 * CONTACTS // 3):
            stage.wait_for_writes(part)
            flood()
        stage.wait_until_settled()
        written = Counter(entry["key"] for entry in stage.admin.get("/journal"))
        changed = stage.admin.post("/dynamics/change", {"count": 60, "seed": 1})["ids"]
        flood()
        stage.wait_until_settled()

    # Then no page was read by two at the same time
    reads = stage.admin.get("/reads")
    assert len(reads) > CONTACTS / 50
    assert not [entry for entry in reads if entry["overlapped"]]

    # And the first run read each page once, and wrote each contact once; each change was written once
    pages = Counter(entry["link"] for entry in reads if entry["kind"] == "full")
    assert set(pages.values()) == {1}
    assert set(written.values()) == {1} and len(written) == CONTACTS
    written_again = Counter(entry["key"] for entry in stage.admin.get("/journal")) - written
    assert written_again == Counter(changed)
