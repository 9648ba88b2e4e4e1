"""What is known of a workflow right now, without asking the two systems: one reading of the store."""

from dataclasses import dataclass

from config.document import WorkflowDocument
from config.settings import Settings
from control.kinds import Kind, kind_of
from control.opening import workflow_of
from control.status.consent import ConsentStatus, consent_status
from control.status.engine import EngineCalls, engine_calls
from control.status.files import FileStatus, file_status
from control.status.freshness import FreshnessStatus, freshness_status
from control.status.presence import Presence, presence_of
from control.status.progress import Progress, together
from control.status.stream import StreamStatus, Surroundings, stream_status
from control.status.tokens import Token
from control.together import OPTINOUT
from store.lifecycle import Life, State
from store.replays import Replay
from store.store import Store, WorkflowStore
from store.trouble import Trouble
from sync.workflow import document_of
from sync.workflows import NAMES, workflow_named


@dataclass(frozen=True, slots=True)
class WorkflowStatus:
    workflow: str
    instance: str
    at_ms: int  #: when it was looked at, by the clock that all processes share
    state: State
    generation: int
    since_ms: int | None
    by: str
    why: str
    active_revision: int | None
    newest_revision: int  #: 0: nothing saved yet
    troubles: tuple[Trouble, ...]  #: not among them: reading that waits for writing to catch up
    streams: tuple[StreamStatus, ...]
    pending_replays: dict[str, Replay]  #: by stream: what the next stop and start reads and writes again
    engine: EngineCalls | None  #: None: nothing that is written counts as one
    presence: Presence
    consent: ConsentStatus | None = None  #: None: not opt-in/out, or nothing is saved of it
    files: FileStatus | None = None  #: None: no files are read
    freshness: FreshnessStatus | None = None  #: None: nothing is promised

    @property
    def told_troubles(self) -> tuple[Trouble, ...]:
        """Without the reading of tables that are held: why is told by the hold, with the way out."""
        held = {f"{stream.stream}.read" for stream in self.streams if stream.hold} if self.is_on else set()
        return tuple(trouble for trouble in self.troubles if trouble.where not in held)

    @property
    def kind(self) -> Kind:
        return kind_of(self.workflow)

    @property
    def configured(self) -> bool:
        """Whether a configuration was ever saved."""
        return bool(self.newest_revision)

    @property
    def is_on(self) -> bool:
        return self.state in (State.STARTING, State.RUNNING)

    @property
    def unapplied(self) -> bool:
        """Whether saved changes wait for the next stop and start."""
        return self.is_on and self.newest_revision != self.active_revision

    @property
    def backlog(self) -> int:
        return sum(stream.backlog for stream in self.streams)

    @property
    def parked(self) -> int:
        return sum(stream.parked for stream in self.streams)

    @property
    def parked_longest(self) -> str:
        """The id of a record that has been parked longest in its stream; empty if none is."""
        return next((stream.parked_longest for stream in self.streams if stream.parked_longest), "")

    @property
    def dead(self) -> int:
        return sum(stream.dead for stream in self.streams)

    @property
    def refused(self) -> int:
        """Dead letters that are records, not whole files."""
        return self.dead - (self.files.letters if self.files else 0)

    @property
    def refused_mostly(self) -> bool:
        """Whether most of what was read in the last hour was set aside."""
        refused = self.in_the_hour("refused")
        ended = refused + sum(map(self.in_the_hour, ("written", "unchanged", "filtered")))
        return 2 * refused > max(ended, self.in_the_hour("read"))

    @property
    def gets_on(self) -> bool:
        """Whether it runs, and records have reached their end lately."""
        ended = self.in_the_hour("written") + self.in_the_hour("unchanged")
        return self.state is State.RUNNING and not self.absence and ended > 0

    def in_the_hour(self, what: str) -> int:
        """Records of the last hour over all streams, as `rate` has them."""
        return sum(stream.hour.get(what, 0) for stream in self.streams)

    @property
    def oldest_seconds(self) -> float | None:
        return max((s.oldest_seconds for s in self.streams if s.oldest_seconds is not None), default=None)

    @property
    def oldest_token(self) -> Token | None:
        """Of the mapped tables."""
        tokens = [stream.reading.token for stream in self.streams if stream.reading.token and stream.mapped]
        return max(tokens, key=lambda token: token.age_seconds, default=None)

    def rate(self, what: str) -> float:
        """Records per second over all streams; `what` is one of the counts that are kept, such as written."""
        return sum(stream.rates[what] for stream in self.streams)

    def total(self, what: str) -> int:
        return sum(stream.totals[what] for stream in self.streams)

    @property
    def progress(self) -> Progress | None:
        """All full reads and replays that are under way, together."""
        return together(stream.reading.progress for stream in self.streams)

    @property
    def absence(self) -> str | None:
        """Why nothing happens although the workflow is switched on: nobody is there to do it."""
        return self.presence.sentence if self.is_on else None


def status_of(store: Store, settings: Settings, workflow: str) -> WorkflowStatus:
    """Raises UnknownWorkflow."""
    one, kind = workflow_of(store, workflow), kind_of(workflow)
    now_ms = store.now_ms()
    life = one.lifecycle.read()
    document = document_of(one, life.revision)
    noted = one.troubles.all()
    mapped = _mapped_streams(workflow, document)
    replays = one.replays.all()
    around = Surroundings(
        life,
        now_ms,
        kind,
        kind.life_days(one, life, document),
        mapped,
        one.holds.all(life.generation),
        replays,
        frozenset(trouble.where for trouble in noted if trouble.is_none),
    )
    return WorkflowStatus(
        workflow,
        settings.instance,
        now_ms,
        life.state,
        life.generation,
        life.since_ms,
        life.by,
        life.why,
        life.revision,
        one.revisions.newest(),
        tuple(trouble for trouble in noted if not trouble.is_none),
        tuple(stream_status(store, one, name, around) for name in sorted(set(one.lifecycle.streams()) | mapped)),
        {name: replay for name, replay in sorted(replays.items()) if replay.began_ms is None},
        engine_calls(one, now_ms) if kind.calls_engine else None,
        presence_of(store, workflow, settings.tick_seconds, now_ms),
        _consent(store, one, life, document, now_ms),
        file_status(one, document, now_ms),
        freshness_status(one, document, now_ms),
    )


def _consent(
    store: Store, workflow: WorkflowStore, life: Life, active: WorkflowDocument | None, now_ms: int
) -> ConsentStatus | None:
    if workflow.name != OPTINOUT:
        return None
    is_on = life.state in (State.STARTING, State.RUNNING)
    document = active if is_on else document_of(workflow, workflow.revisions.newest())
    return consent_status(store, workflow, document, now_ms) if document and document.optinout else None


def all_statuses(store: Store, settings: Settings) -> list[WorkflowStatus]:
    """Every workflow, in the order in which they are shown."""
    return [status_of(store, settings, name) for name in NAMES]


def _mapped_streams(workflow: str, document: WorkflowDocument | None) -> frozenset[str]:
    return frozenset(workflow_named(workflow).stream_names(document)) if document else frozenset()
