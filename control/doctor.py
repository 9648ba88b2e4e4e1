"""The doctor: looks at everything that must be right, and names cause and remedy where it is not. Changes nothing."""

import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from config.document import WorkflowDocument
from config.secrets import SecretMissing, resolve
from config.settings import BadSettings, Settings
from connectors.errors import ConnectorError, TryAgain
from control.configuration import newest_document
from control.errors import ControlError
from control.opening import address, open_store, silence
from control.status import WorkflowStatus, status_of
from store.store import Store
from sync.mapping import Misfitting
from sync.streams import Stream
from sync.systems import Systems
from sync.workflows import NAMES, connect_streams, read_schemas, stream_names

#: The oldest Redis that Celery's transport and our scripts work with.
OLDEST_REDIS = (6, 2)

#: Milliseconds of one round trip above which Redis slows everything down.
SLOW_MS = 10.0
PINGS = 20

#: The share of memory above which it is time to act.
MUCH_MEMORY = 0.8

#: Seconds that one of the two systems is given to answer, its token included.
SYSTEM_SECONDS = 10.0

#: Told what is being looked at, before it is: a sentence.
Tell = Callable[[str], None]

#: Days of a change token's life (7 by default) after which its age is worth a warning.
OLD_TOKEN_DAYS = 5.0


class Colour(StrEnum):
    GREEN = "green"  # as it should be
    YELLOW = "yellow"  # works, but should be seen to
    RED = "red"  # does not work, or loses data some day


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    colour: Colour
    finding: str
    remedy: str = ""


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
        for name in NAMES:
            checks += workflow_checks(store, settings, name, tell)
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


def file_check(name: str, path: Path) -> Check:
    """Whether a secret file can be read by its owner alone."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return Check(name, Colour.RED, f"{path} cannot be looked at: {error.strerror}.", "Put the file there.")
    if mode & 0o077:
        return Check(name, Colour.YELLOW, f"{path} can be read by others (mode {mode:04o}).", f"Run: chmod 600 {path}")
    return Check(name, Colour.GREEN, f"{path} can be read by its owner alone.")


def redis_checks(store: Store, settings: Settings) -> Iterator[Check]:
    """The server itself: does it answer quickly, is it new enough, does it keep what it is given."""
    millis = latency_ms(store)
    where = address(settings)
    if millis > SLOW_MS:
        yield Check(
            "Redis",
            Colour.YELLOW,
            f"{where} answers in {millis:.1f} ms.",
            "Move Redis nearer to the workers, or find what keeps it busy: redis-cli --latency",
        )
    else:
        yield Check("Redis", Colour.GREEN, f"{where} answers in {millis:.1f} ms.")
    info: dict[str, Any] = store.redis.info()
    yield version_check(info)
    yield persistence_check(info)
    yield policy_check(info)
    yield memory_check(info)


def latency_ms(store: Store) -> float:
    """The median round trip."""
    trips = []
    for _ in range(PINGS):
        began = time.perf_counter()
        store.redis.ping()
        trips.append((time.perf_counter() - began) * 1000)
    return sorted(trips)[PINGS // 2]


def version_check(info: dict[str, Any]) -> Check:
    version = str(info.get("redis_version", "0"))
    product = "Valkey" if "valkey_version" in info else "Redis"
    shown = f"{product} {info.get('valkey_version', version)}"
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        oldest = ".".join(map(str, OLDEST_REDIS))
        return Check("Redis version", Colour.RED, f"{shown} is too old.", f"Use Redis {oldest} or newer, or Valkey.")
    return Check("Redis version", Colour.GREEN, f"{shown}.")


def persistence_check(info: dict[str, Any]) -> Check:
    name = "Redis persistence"
    if not info.get("aof_enabled"):
        return Check(
            name,
            Colour.RED,
            "The append-only file is off: a crash of Redis loses queued records and the reading position.",
            "Set appendonly yes and appendfsync everysec on the server.",
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        return Check(
            name, Colour.RED, "The last write of the append-only file failed.", "Look at the server's log and disk."
        )
    return Check(name, Colour.GREEN, "The append-only file is on.")


def policy_check(info: dict[str, Any]) -> Check:
    policy = str(info.get("maxmemory_policy", "unknown"))
    if policy != "noeviction":
        return Check(
            "Redis eviction",
            Colour.RED,
            f"maxmemory-policy is {policy}: when memory runs short, queued records disappear.",
            "Set maxmemory-policy noeviction on the server.",
        )
    return Check("Redis eviction", Colour.GREEN, "Nothing is ever evicted (noeviction).")


def memory_check(info: dict[str, Any]) -> Check:
    used = int(info.get("used_memory", 0))
    limit = int(info.get("maxmemory", 0)) or int(info.get("total_system_memory", 0))
    of = "its limit" if info.get("maxmemory") else "the machine's memory"
    if not limit:
        return Check("Redis memory", Colour.GREEN, f"{_mib(used)} used.")
    finding = f"{_mib(used)} used, {used / limit:.0%} of {of} ({_mib(limit)})."
    if used / limit > MUCH_MEMORY:
        return Check(
            "Redis memory",
            Colour.YELLOW,
            finding,
            "Raise maxmemory, or lower D365ACS_HIGH_WATER so that less waits on the queue.",
        )
    return Check("Redis memory", Colour.GREEN, finding)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def workflow_checks(store: Store, settings: Settings, workflow: str, tell: Tell) -> Iterator[Check]:
    """One workflow: who serves it, whether its configuration is good, whether both systems let it work."""
    status = status_of(store, settings, workflow)
    yield from process_checks(status)
    document = newest_document(store.workflow(workflow))
    if document is None:
        yield Check(
            f"{workflow} configuration",
            Colour.YELLOW,
            "Nothing is saved yet.",
            "Save one with: d365acs config apply FILE",
        )
        return
    yield change_check(status)
    yield from token_checks(status)
    secrets = list(secret_checks(document))
    yield from secrets
    if all(check.colour is not Colour.RED for check in secrets) and not _unset(document):
        yield from system_checks(store, settings, workflow, document, tell)


def process_checks(status: WorkflowStatus) -> Iterator[Check]:
    name, presence = f"{status.workflow} workers", status.presence
    if presence.answers and not presence.unserved:
        finding = f"{presence.workers} alive with {presence.slots} slots; the last tick was answered "
        yield Check(name, Colour.GREEN, f"{finding}{presence.ticked_seconds or 0:.0f} s ago.")
    else:
        yield Check(name, Colour.RED, str(presence.sentence))
    if presence.beats:
        yield Check("beat", Colour.GREEN, f"{presence.beats} alive.")
    else:
        yield Check("beat", Colour.RED, "No beat is alive.", "Start one with: celery -A workers.app beat")


def change_check(status: WorkflowStatus) -> Check:
    name = f"{status.workflow} configuration"
    if status.unapplied:
        return Check(
            name,
            Colour.YELLOW,
            f"Revision {status.newest_revision} is saved, but revision {status.active_revision} runs.",
            f"Apply it with: d365acs workflow restart {status.workflow}",
        )
    return Check(name, Colour.GREEN, f"Revision {status.newest_revision}; nothing waits to be applied.")


def token_checks(status: WorkflowStatus) -> Iterator[Check]:
    for stream in status.streams:
        if stream.token_age_seconds is None or not stream.mapped:
            continue
        name, days = f"{status.workflow} {stream.stream} token", stream.token_age_seconds / 86_400
        if days > OLD_TOKEN_DAYS:
            yield Check(
                name,
                Colour.YELLOW,
                f"The change token is {days:.1f} days old; Dynamics keeps it for 7 days unless told otherwise.",
                f"Start the workflow before it expires: d365acs workflow start {status.workflow}",
            )
        else:
            yield Check(
                name, Colour.GREEN, f"The change token is {f'{days:.0f} days' if days >= 2 else 'a day or less'} old."
            )


def _references(document: WorkflowDocument) -> dict[str, str]:
    connections = document.connections
    return {"Dynamics": connections.dynamics.client_secret, "Campaign": connections.campaign.client_secret}


def _unset(document: WorkflowDocument) -> dict[str, str]:
    """Systems whose secret this process cannot read from its environment, with the reason."""
    found = {}
    for system, reference in _references(document).items():
        if not reference.startswith("${file:"):
            try:
                resolve(reference)
            except SecretMissing as error:
                found[system] = str(error)
    return found


def secret_checks(document: WorkflowDocument) -> Iterator[Check]:
    """Secrets in files: whether others can read them. Those in the environment: whether this shell has them too."""
    for system, reference in _references(document).items():
        if reference.startswith("${file:"):
            yield file_check(f"{system} secret", Path(reference.removeprefix("${file:").removesuffix("}")))
    for system, reason in _unset(document).items():
        yield Check(
            f"{system} secret",
            Colour.YELLOW,
            f"{reason} The workers may have it; without it neither system is asked from here.",
            "Set it in this shell too, or keep the secret in a file: ${file:/path}",
        )


def system_checks(
    store: Store, settings: Settings, workflow: str, document: WorkflowDocument, tell: Tell
) -> Iterator[Check]:
    """Both systems: a token and one read each; then whether the mapping fits their schemas."""
    systems = Systems(document.connections, store)
    try:
        answers = [
            _asked("Dynamics", lambda: systems.dynamics.who_am_i(SYSTEM_SECONDS), tell),
            _asked("Campaign", lambda: systems.campaign.ping(SYSTEM_SECONDS), tell),
        ]
        yield from answers
        if all(answer.colour is Colour.GREEN for answer in answers) and stream_names(document):
            tell(f"Holding the mapping of {workflow} against both schemas.")
            yield from _mapping_checks(workflow, lambda: _connected(document, systems, settings))
    finally:
        systems.close()


def _connected(document: WorkflowDocument, systems: Systems, settings: Settings) -> list[Stream]:
    return connect_streams(document, read_schemas(document, systems), systems, settings.read_page_size)


def _asked(system: str, ask: Callable[[], object], tell: Tell) -> Check:
    tell(f"Asking {system}, for {SYSTEM_SECONDS:g} s at most.")
    began = time.perf_counter()
    try:
        ask()
    except TryAgain as error:
        return Check(system, Colour.RED, _finished(error.sentence), "Look at the network between here and there.")
    except (ConnectorError, SecretMissing) as error:
        return Check(system, Colour.RED, _finished(str(error)))
    return Check(system, Colour.GREEN, f"Token and one read are good, in {time.perf_counter() - began:.1f} s.")


def _mapping_checks(workflow: str, connect: Callable[[], Iterable[object]]) -> Iterator[Check]:
    name = f"{workflow} mapping"
    try:
        count = len(list(connect()))
    except Misfitting as error:
        for sentence in error.sentences:
            yield Check(name, Colour.RED, sentence)
    except (ConnectorError, SecretMissing) as error:
        yield Check(name, Colour.RED, _finished(str(error)))
    else:
        tables = f"{count} tables fit" if count != 1 else "The table fits"
        yield Check(name, Colour.GREEN, f"{tables} both schemas.")


def _finished(sentence: str) -> str:
    return f"{sentence.rstrip('.')}."
