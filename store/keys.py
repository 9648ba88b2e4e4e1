"""Spells every Redis key. One hash tag per workflow, so that a workflow's keys share one slot of a cluster."""

from dataclasses import dataclass
from functools import cached_property

PREFIX = "d365acs:"

#: Ledger buckets per stream. 15 million records make about 230 a bucket, still within the compact encoding of a
#: hash (hash-max-listpack-entries 512); one million make 15, so that a bucket's own cost stays small.
LEDGER_BUCKETS = 65_536


@dataclass(frozen=True)
class InstanceKeys:
    """Keys of one instance (production, stage, ...). Instances share nothing."""

    instance: str

    def workflow(self, name: str) -> "WorkflowKeys":
        return WorkflowKeys(self.instance, name)

    def throttle(self, target: str) -> str:
        return f"{PREFIX}{{{self.instance}.target.{target}}}:throttle"

    def shares(self, target: str) -> str:
        return f"{PREFIX}{{{self.instance}.target.{target}}}:shares"

    @property
    def workers(self) -> str:
        return f"{PREFIX}{{{self.instance}}}:workers"

    @property
    def privacy(self) -> str:
        return f"{PREFIX}{{{self.instance}}}:privacy"

    @property
    def requests(self) -> str:
        return f"{PREFIX}{{{self.instance}}}:requests"

    @property
    def last_told(self) -> str:
        return f"{PREFIX}{{{self.instance}}}:last-told"

    def tick_queued(self, workflow: str) -> str:
        return f"{PREFIX}{{{self.instance}}}:tick-queued:{workflow}"

    @property
    def celery(self) -> str:
        """Prefix of everything that Celery itself keeps."""
        return f"{PREFIX}{{{self.instance}.celery}}:"


@dataclass(frozen=True)
class WorkflowKeys:
    instance: str
    workflow: str

    @cached_property
    def prefix(self) -> str:
        return f"{PREFIX}{{{self.instance}.{self.workflow}}}:"

    @cached_property
    def lifecycle(self) -> str:
        return self.prefix + "lifecycle"

    @cached_property
    def log(self) -> str:
        return self.prefix + "log"

    @cached_property
    def revisions(self) -> str:
        return self.prefix + "revisions"

    @cached_property
    def streams(self) -> str:
        return self.prefix + "streams"

    @cached_property
    def starting(self) -> str:
        return self.prefix + "starting"

    @cached_property
    def schemas(self) -> str:
        return self.prefix + "schemas"

    @cached_property
    def comparing_schemas(self) -> str:
        return self.prefix + "comparing-schemas"

    @cached_property
    def ticked(self) -> str:
        return self.prefix + "ticked"

    @cached_property
    def trouble(self) -> str:
        return self.prefix + "trouble"

    @cached_property
    def released(self) -> str:
        return self.prefix + "released"

    @cached_property
    def replays(self) -> str:
        return self.prefix + "replays"

    @cached_property
    def past_replays(self) -> str:
        return self.prefix + "past-replays"

    @cached_property
    def holds(self) -> str:
        return self.prefix + "holds"

    @cached_property
    def doubts(self) -> str:
        return self.prefix + "doubts"

    @cached_property
    def samples(self) -> str:
        return self.prefix + "samples"

    @cached_property
    def engine_calls(self) -> str:
        return self.prefix + "engine-calls"

    @cached_property
    def alerts(self) -> str:
        return self.prefix + "alerts"

    @cached_property
    def alert_outbox(self) -> str:
        return self.prefix + "alert-outbox"

    @cached_property
    def alerting(self) -> str:
        return self.prefix + "alerting"

    @cached_property
    def decisions(self) -> str:
        return self.prefix + "decisions"

    @cached_property
    def open_decisions(self) -> str:
        return self.prefix + "open-decisions"

    @cached_property
    def open_contacts(self) -> str:
        return self.prefix + "open-contacts"

    @cached_property
    def consent_tallies(self) -> str:
        return self.prefix + "consent-tallies"

    @cached_property
    def answered(self) -> str:
        return self.prefix + "answered"

    @cached_property
    def keyless(self) -> str:
        return self.prefix + "keyless"

    @cached_property
    def paired_columns(self) -> str:
        return self.prefix + "paired-columns"

    @cached_property
    def resealing(self) -> str:
        return self.prefix + "resealing"

    @cached_property
    def log_export(self) -> str:
        return self.prefix + "log-export"

    @cached_property
    def exporting_logs(self) -> str:
        return self.prefix + "exporting-logs"

    def log_lines(self, day: str) -> str:
        return f"{self.prefix}log-lines:{day}"

    def answer(self, act: str) -> str:
        return f"{self.prefix}answer:{act}"

    def memories(self, bucket: int) -> str:
        return f"{self.prefix}memories:{bucket:04x}"

    def stream(self, name: str) -> "StreamKeys":
        return StreamKeys(self, name)


class StreamKeys:
    """Keys of one stream, one table of one workflow."""

    def __init__(self, workflow: WorkflowKeys, stream: str) -> None:
        self.workflow = workflow
        self.stream = stream
        self.prefix = prefix = f"{workflow.prefix}{stream}:"
        self.cursor = prefix + "cursor"
        self.caught_up = prefix + "caught-up"
        self.leaving = prefix + "leaving"
        self.following = prefix + "following"
        self.repeats = prefix + "repeats"
        self.settling = prefix + "settling"
        self.hindered = prefix + "hindered"
        self.reading = prefix + "reading"
        self.records = prefix + "records"
        self.ready = prefix + "ready"
        self.replay = prefix + "replay"
        self.delayed = prefix + "delayed"
        self.leases = prefix + "leases"
        self.batches = prefix + "batches"
        self.followed = prefix + "followed"
        self.attempts = prefix + "attempts"
        self.tried = prefix + "tried"
        self.dead = prefix + "dead"
        self.returned = prefix + "returned"
        self.parked = prefix + "parked"
        self.awaits = prefix + "awaits"
        self.by_parent = prefix + "by-parent"
        self.awaited = prefix + "awaited"
        self.counters = prefix + "counters"
        self.pulse = prefix + "pulse"
        self.pages = prefix + "pages"
        self.freshness = prefix + "freshness"
        self.outcomes = prefix + "outcomes"
        self.remembered = prefix + "remembered"
        self.load = prefix + "load"
        self.load_notes = prefix + "load-notes"
        self._answer = prefix + "answer:"
        self._writing = prefix + "writing:"
        self._replay_ids = prefix + "replay-ids:"
        self._load_draft = prefix + "load-draft:"
        self._ledger = prefix + "ledger:"

    def answer(self, act: str) -> str:
        return self._answer + act

    def writing(self, seat: int) -> str:
        return f"{self._writing}{seat}"

    def replay_ids(self, token: str) -> str:
        return self._replay_ids + token

    def load_draft(self, name: str) -> str:
        return self._load_draft + name

    def ledger(self, bucket: int) -> str:
        return f"{self._ledger}{bucket:04x}"
