"""How a storm is judged: by what both systems hold in the end, and by the sandbox's journals.

The judges are those of `tests/end_to_end`: they read the sandbox, know the configuration as plain data, and share
nothing with the product. What the product must say of itself (nothing waits, nothing is held, who was set aside and
why) is read at its end, too.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from redis import Redis

from store.client import text
from store.lifecycle import State
from store.record_queue import DeadLetter
from tests.end_to_end import consent_histories
from tests.end_to_end.consent_histories import Rest
from tests.end_to_end.consent_truth import Row
from tests.end_to_end.installation import Installation
from tests.end_to_end.truth import outdated, regressions
from tests.storm.town import PAIRS, Town

#: Keys of Redis that are there while somebody holds records.
_HOLDING = ("leases", "batches", "followed", "load")
#: Where records wait beside those that are ready, and where they are while somebody holds them.
_LISTS = ("replay", "delayed", "leases", "parked")
#: What is in here is for Campaign's imports, or tells what became of them.
_IMPORTS = "d365_loads/imports/"


class Verdict(NamedTuple):
    violations: list[str]
    work: dict[str, int]  #: what was done, so that nobody passes who did nothing


def judge(town: Town, begun: Mapping[str, Row]) -> Verdict:
    """`begun`: both sides of consent before anything happened."""
    tables, events, consent = town.tables, town.events, town.consent
    journal = town.journal()
    found = [f"{name} has failed: {why}" for name, why in town.failures.items()]
    found += [f"{stage.name} is {stage.life.state}" for stage in town.stages if not _runs(stage)]
    found += [f"records: {one}" for one in tables.differences()]
    found += [f"lost: {one}" for one in lost(town.tables.store.redis)]
    found += [f"order: {one}" for one in regressions(journal)]
    found += [f"configuration: {one}" for one in outdated(journal, town.seen_running)]
    found += [f"families: {one}" for one in tables.orphans()]
    found += [f"events: {one}" for one in events.differences()]
    flags = _judged_consent(town, begun)
    found += [f"consent: {one}" for one in flags.wrong]
    found += [f"dead letters: {one}" for one in _dead_letters(town)]
    found += [f"left behind: {one}" for one in _left_behind(town)]
    work = {
        "writes": len(journal),
        "rows imported": town.imported(),
        "replays": sum(_replays(stage) for stage in (tables, consent)),
        "replays and full reads": sum(entry["kind"] == "query" for entry in town.admin.get("/reads")),
        "activities": events.writes(),
        "flags written": len(consent.written()),
        "flags certain": flags.certain,
        "minds changed": len(consent.changes()),
        "dead letters": sum(len(tables.letters(name)) for name in tables.streams) + len(events.letters()),
    }
    return Verdict(found, work)


def _replays(stage: Installation) -> int:
    """How many have begun."""
    replays = stage.workflow.replays
    return len(replays.both()[1]) + len(replays.past())


def _runs(stage: Installation) -> bool:
    return stage.life.state is State.RUNNING


def _judged_consent(town: Town, begun: Mapping[str, Row]) -> consent_histories.Judgement:
    consent = town.consent
    decisions = consent.decisions()
    uncertain = {one["contact"] for one in decisions
                 if one["written_to"] == "dynamics" and one["confirmed"] != "answer"}  # fmt: skip
    pasts = consent_histories.histories(PAIRS, consent.changes(), consent.made(), consent.made_profiles())
    rests = [Rest(consent.seq(), consent.rows())]
    people = {id_: row for id_, row in begun.items() if id_ in town.people}
    return consent_histories.judge(PAIRS, people, town.demanded, rests, pasts, uncertain)


def _dead_letters(town: Town) -> Iterable[str]:
    """Refused contacts, and events of nobody: each set aside with its reason, and nothing else."""
    for table in town.tables.streams:
        wanted = {*town.refused} if table == "contact" else set()
        yield from _wrong_letters(table, town.tables.letters(table), wanted, "refused")
    contacts = town.admin.contacts()
    nobodys = {one["id"] for one in town.events.truth() if one["contact"] not in contacts and one["failure"] != "soft"}
    letters = town.events.letters()
    if len(letters) != len(nobodys):  # what the ids of activities are is the product's business
        yield f"{len(letters)} events, but {len(nobodys)} are nobody's"
    yield from _wrong_letters("events", letters, letters.keys(), "related-missing")
    consent = {id_: letter for id_, letter in town.consent.letters().items() if id_ in contacts}
    yield from _wrong_letters("consent", consent, set(), "")


def _wrong_letters(
    stream: str, letters: Mapping[str, DeadLetter], wanted: Collection[str], reason: str
) -> Iterable[str]:
    yield from (f"{stream} {id_} is not among them" for id_ in {*wanted} - letters.keys())
    for id_, letter in letters.items():
        if id_ not in wanted or letter.reason.kind != reason or not letter.reason.sentence:
            yield f"{stream} {id_} is among them: {letter.reason}"


def lost(redis: Redis) -> Iterable[str]:
    """Records that wait and stand in no list of their queue: nobody takes them. Read at one moment each, without the
    product."""
    for key in sorted(map(text, redis.scan_iter("*:records"))):
        stream = key.rpartition(":")[0]
        with redis.pipeline(transaction=True) as look:
            look.hkeys(key)
            look.lrange(f"{stream}:ready", 0, -1)
            for name in _LISTS:
                look.zrange(f"{stream}:{name}", 0, -1)
            waiting, *lists = look.execute()
        yield from (f"{text(id_)} waits in {key}, and nobody takes it" for id_ in {*waiting}.difference(*lists))


def _left_behind(town: Town) -> Iterable[str]:
    """What Redis and the SFTP server hold of records, read without the product."""
    redis, contacts = town.tables.store.redis, town.admin.contacts()
    for key in sorted(map(text, redis.scan_iter("*"))):
        name = key.rpartition(":")[2]
        if name in _HOLDING:
            yield f"{key} is there"
        elif name == "records":
            # Who was deleted, and who is refused, has no profile that one could compare.
            of_consent = "optinout" in key
            for id_ in map(text, redis.hkeys(key)):
                if not of_consent or (id_ in contacts and id_ not in town.refused):
                    yield f"{id_} waits in {key}"
    yield from (f"{path} is on the SFTP server" for path in files_of_imports(town))
    stats = town.consent.workflow.consent.stats()
    if stats.open:
        yield f"{stats.open} decisions are open"


def files_of_imports(town: Town) -> list[str]:
    """What lies on the SFTP server for imports, or tells what became of them, also where a crash has left it."""
    return [path for file in town.admin.get("/sftp/files")["value"] if (path := file["path"]).startswith(_IMPORTS)]


def unsettled(town: Town) -> list[str]:
    """What is still to come, as far as one can see; empty: then it is judged, for good or bad."""
    tables, events, consent = town.tables, town.events, town.consent
    return unfinished(town) or [
        *tables.differences(), *events.differences(), *consent.differences(), *_dead_letters(town)
    ]  # fmt: skip


def unfinished(town: Town) -> list[str]:
    """What the product is still at."""
    tables, events, consent = town.tables, town.events, town.consent
    found = [f"{stage.name} is {stage.life.state}" for stage in town.stages if not _runs(stage)]
    for stage in (tables, events):
        if not stage.is_idle():
            backlogs = {name: stage.queue_of(name).backlog() for name in stage.streams}
            troubles = stage.workflow.troubles.all()
            found.append(f"{stage.name} has a backlog: {backlogs}, {troubles}")
    loads = {name: load for name in tables.streams if (load := tables.workflow.loads(name).read())}
    found += [f"an import of {name} goes on: {load.name}" for name, load in loads.items()]
    if not consent.is_idle(but_for_parked=True) or consent.workflow.consent.stats().open:
        found.append("optinout has a backlog")
    for workflow in (tables.workflow, consent.workflow):
        # What it is still to read would be put on the queue later. One that is asked for begins with the next start.
        begun = workflow.replays.both()[1]
        unread = [name for name, one in begun.items() if one.over_ms is None and one.ended_ms is None]
        found += [f"a replay of {name} goes on" for name in unread]
    found += [f"{path} is left" for path in files_of_imports(town)]
    if consent.left():
        found.append("people change their minds")
    return found
