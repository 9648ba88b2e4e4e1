"""The doctor: looks at everything that must be right, and names cause and remedy where it is not. Changes nothing."""

from collections.abc import Iterator

from redis.exceptions import RedisError

from config.settings import BadSettings, Settings
from control.configuration import newest_document
from control.doctor.checks import Check, Colour, Tell, file_check
from control.doctor.keys import key_checks
from control.doctor.redis import redis_checks
from control.doctor.systems import system_checks
from control.errors import ControlError
from control.opening import address, open_store, silence
from control.status.notes import stale_files
from control.status.tokens import Alarm
from control.status.workflow import WorkflowStatus, status_of
from control.words import ago, duration, finished
from store.lifecycle import State
from store.store import Store
from sync.workflows import NAMES


def examine(settings: Settings, tell: Tell = lambda sentence: None) -> list[Check]:
    """All checks, in the order in which they depend on each other."""
    checks = [*_settings_checks(settings)]
    tell(f"Asking Redis at {address(settings)}.")
    try:
        store = open_store(settings)
    except ControlError as error:
        return [*checks, Check("Redis", Colour.RED, str(error))]
    try:
        checks += redis_checks(store, settings)
        documents = {name: found for name in NAMES if (found := newest_document(store.workflow(name)))}
        # What nobody uses is nothing to worry about; before anything is configured one stands for all.
        used = list(documents) or list(NAMES[:1])
        statuses = [status_of(store, settings, name) for name in used]
        checks.append(privacy_check(store, used[0]))
        checks.append(beat_check(statuses[0]))
        for status in statuses:
            checks += workflow_checks(status)
        checks += key_checks(store, settings)
        checks += system_checks(store, documents, tell)
    except RedisError as error:
        checks.append(Check("Redis", Colour.RED, silence(settings, error)))
    finally:
        store.redis.close()
    return checks


def _settings_checks(settings: Settings) -> Iterator[Check]:
    try:
        keys = len(settings.sealing_keys())
    except BadSettings as error:
        yield Check("payload keys", Colour.RED, str(error))
    else:
        if keys:
            yield Check("payload keys", Colour.GREEN, "Queued records are encrypted.")
        else:
            yield Check(
                "payload keys",
                Colour.YELLOW,
                "Queued records are not encrypted.",
                "Set D365ACS_PAYLOAD_KEYS_FILE to a file made with: openssl rand -base64 32",
            )
    if settings.payload_keys_file is not None:
        yield file_check("payload keys file", settings.payload_keys_file)


def workflow_checks(status: WorkflowStatus) -> Iterator[Check]:
    """One workflow: its state, who serves it, whether its configuration is applied, how its streams are."""
    if status.configured:
        yield state_check(status)
    yield worker_check(status)
    yield change_check(status)
    if status.configured:
        yield from hold_checks(status)
        yield from token_checks(status)
        yield from event_checks(status)
        yield from file_checks(status)
        yield from refusal_checks(status)


def worker_check(status: WorkflowStatus) -> Check:
    name, presence = f"{status.workflow} workers", status.presence
    if presence.answers and not presence.unserved:
        finding = f"{presence.workers} alive with {presence.slots} slots; the last tick was answered "
        return Check(name, Colour.GREEN, f"{finding}{presence.ticked_seconds or 0:.0f} s ago.")
    return Check(name, Colour.RED, str(presence.missing), presence.remedy)


def beat_check(status: WorkflowStatus) -> Check:
    beats = status.presence.beats
    if beats:
        return Check("beat", Colour.GREEN, f"{beats} alive.")
    return Check("beat", Colour.RED, "No beat is alive.", "Start one with: celery -A workers.app beat")


def state_check(status: WorkflowStatus) -> Check:
    name = f"{status.workflow} state"
    if status.state is State.FAILED:
        return Check(
            name,
            Colour.RED,
            f"It failed {ago(status.since_ms, status.at_ms)}: {finished(status.why)}",
            f"When that is mended, start it: d365acs workflow start {status.workflow}",
        )
    lasts = "" if status.since_ms is None else f" for {duration(max(0, status.at_ms - status.since_ms) / 1000)}"
    return Check(name, Colour.GREEN, f"{status.state}{lasts}.")


def change_check(status: WorkflowStatus) -> Check:
    name = f"{status.workflow} configuration"
    if not status.configured:
        return Check(name, Colour.YELLOW, "Nothing is saved yet.", "Save one with: d365acs config apply FILE")
    if status.unapplied:
        return Check(
            name,
            Colour.YELLOW,
            f"Revision {status.newest_revision} is saved, but revision {status.active_revision} runs.",
            f"Apply it with: d365acs workflow restart {status.workflow}",
        )
    return Check(name, Colour.GREEN, f"Revision {status.newest_revision}; nothing waits to be applied.")


def hold_checks(status: WorkflowStatus) -> Iterator[Check]:
    """Streams whose writing waits because a live schema has changed."""
    for stream in status.streams:
        if stream.hold and status.is_on:
            yield Check(
                f"{status.workflow} {stream.stream}",
                Colour.RED,
                f"Held, its {status.kind.noun}s wait: {stream.hold.sentence.rstrip('.')}.",
                f"Fix it with: {status.kind.mend.format(stream=stream.stream)}; "
                f"then: d365acs workflow restart {status.workflow}",
            )


def token_checks(status: WorkflowStatus) -> Iterator[Check]:
    for stream in status.streams:
        token = stream.reading.token
        if token is None or not stream.mapped:
            continue
        name = f"{status.workflow} {stream.stream} token"
        sentence = token.sentence(stream.stream, status.workflow)
        if sentence:
            yield _late(status, name, sentence, token.alarm)
        else:
            age = duration(token.age_seconds)
            yield Check(name, Colour.GREEN, f"The change token is {age} old; it lives for {token.life_days:g} days.")


def _late(status: WorkflowStatus, name: str, sentence: str, alarm: Alarm) -> Check:
    remedy = "" if status.is_on else f"Start it: d365acs workflow start {status.workflow}"
    return Check(name, Colour.YELLOW if alarm < Alarm.DEAD else Colour.RED, sentence, remedy)


def event_checks(status: WorkflowStatus) -> Iterator[Check]:
    """Whether events are read before their source forgets them."""
    for stream in status.streams:
        unread, name = stream.reading.unread, f"{status.workflow} reading"
        if unread is None:
            continue
        if sentence := unread.sentence(status.workflow):
            yield _late(status, name, sentence, unread.alarm)
        else:
            age = duration(unread.age_seconds)
            kept = f"the journal keeps them for {unread.life_days:g} days"
            yield Check(name, Colour.GREEN, f"Events were last read {age} ago; {kept}.")


def file_checks(status: WorkflowStatus) -> Iterator[Check]:
    """Whether files come, and whether they can be read."""
    files, name = status.files, f"{status.workflow} files"
    if files is None:
        return
    if files.aside:
        yield Check(
            name,
            Colour.RED,
            finished(files.aside_sentence),
            f"Correct the configuration (d365acs workflow edit {status.workflow}) and restart, or upload it anew.",
        )
    if status.is_on and (sentence := stale_files(status)):
        yield Check(name, Colour.YELLOW, sentence)
    elif not files.aside:
        yield Check(name, Colour.GREEN, finished(files.sentence))


def refusal_checks(status: WorkflowStatus) -> Iterator[Check]:
    """Whether what is read gets anywhere."""
    if status.refused_mostly:
        refused, read = status.in_the_hour("refused"), status.in_the_hour("read")
        yield Check(
            f"{status.workflow} refused",
            Colour.YELLOW,
            f"Most of what was read in the last hour was set aside: {refused:,} of {max(refused, read):,}.",
            f"See why with: d365acs dlq stats {status.workflow}",
        )


def privacy_check(store: Store, workflow: str) -> Check:
    found = store.privacy.read()
    if found is None:
        return Check(
            "privacy",
            Colour.YELLOW,
            "Nobody has acknowledged yet that privacy requests are to be made in both systems.",
            f"The first start asks for it: d365acs workflow start {workflow}",
        )
    return Check("privacy", Colour.GREEN, f"Acknowledged {ago(found.at_ms, store.now_ms())} by {found.by}.")
