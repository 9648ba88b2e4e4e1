"""What one configuration file holds, and how two of them differ."""

import difflib
import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import yaml
from pydantic import Field, ModelWrapValidatorHandler, model_validator

from config.connections import Connections
from config.egress import EgressConfig, FileEvents
from config.file_import import FileImport
from config.ingress import IngressConfig
from config.model import Model, Place, part, parts, whole, with_relations, written
from config.optinout import READING, ConsentFiles, OptinoutConfig, WireFlag, flag_named
from config.sftp_connection import LogExport


class _Configured(Model):
    @model_validator(mode="wrap")
    @classmethod
    def _parts_agree(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Any:
        return with_relations(value, handler, _mistakes)


class WorkflowDocument(_Configured):
    """One workflow's part of a configuration, with the connections it uses: what a revision keeps."""

    connections: Connections = Field(description="How the systems are reached.")
    ingress: IngressConfig | None = Field(
        default=None,
        description="What flows from Dynamics to Campaign, if this is the ingress workflow's part.",
    )
    egress: EgressConfig | None = Field(
        default=None,
        description="What flows from Campaign to Dynamics, if this is the egress workflow's part.",
    )
    optinout: OptinoutConfig | None = Field(
        default=None,
        description="Which way consent flows, if this is the opt-in/out workflow's part.",
    )


class Document(_Configured):
    """The configuration of one instance, as one YAML file holds it."""

    connections: Connections = Field(description="How the systems are reached.")
    ingress: IngressConfig | None = Field(
        default=None, description="What flows from Dynamics to Campaign. Left out: that workflow is not used."
    )
    egress: EgressConfig | None = Field(
        default=None,
        description="Which email events flow from Campaign to Dynamics; {} takes all defaults. "
        "Left out: that workflow is not used.",
    )
    optinout: OptinoutConfig | None = Field(
        default=None,
        description="Which way opt-ins and opt-outs flow. Left out: that workflow is not used.",
    )

    def workflows(self) -> dict[str, WorkflowDocument]:
        """The workflows that this file configures, by name, each with the connections."""
        found: dict[str, WorkflowDocument] = {}
        if self.ingress is not None:
            found["ingress"] = WorkflowDocument(connections=self.connections, ingress=self.ingress)
        if self.egress is not None:
            found["egress"] = WorkflowDocument(connections=self.connections, egress=self.egress)
        if self.optinout is not None:
            found["optinout"] = WorkflowDocument(connections=self.connections, optinout=self.optinout)
        return found


#: Source of egress -> the connection that it is read through, and the other source.
_SOURCES = {"journal": ("journal", "files"), "files": ("sftp", "journal")}


def _mistakes(value: object) -> Iterator[tuple[Place, str]]:
    connections = part(value, "connections")
    if isinstance(connections, dict | Model):
        yield from _unconnected(value, connections)
        yield from _read_and_exported(value, connections)
    yield from written_by_both(part(value, "ingress"), part(value, "optinout"))


def _unconnected(value: object, connections: object) -> Iterator[tuple[Place, str]]:
    """Sources that a workflow reads, and for which no connection is given."""
    egress, optinout = part(value, "egress"), part(value, "optinout")
    if egress is not None:
        source = written(egress, "source") or EgressConfig.model_fields["source"].default
        connection, other = _SOURCES.get(source, ("", ""))
        if connection and part(connections, connection) is None:
            yield ("egress", "source"), f"{source} needs connections.{connection}: add it, or say source: {other}"
    reads = part(optinout, "direction") in READING and part(optinout, "files") is not None
    if reads and part(connections, "sftp") is None:
        yield ("optinout", "files"), "needs connections.sftp: add it, or say files: null, and consent is polled alone"
    for index, table in enumerate(parts(part(value, "ingress"), "tables")):
        if part(table, "file_import") is not None and part(connections, "sftp") is None:
            yield (
                ("ingress", "tables", index, "file_import"),
                "needs connections.sftp: add it, or take this away, and records are written singly",
            )


def _read_and_exported(value: object, connections: object) -> Iterator[tuple[Place, str]]:
    """A folder into which logs are exported, or import files are left, and from which a workflow reads files."""
    egress, optinout = part(value, "egress"), part(value, "optinout")
    read: dict[str, str] = {}
    if written(egress, "source") == "files":
        read[_folder_of(part(egress, "files"), FileEvents)] = "egress.files.folder"
    if part(optinout, "direction") in READING and part(optinout, "files") is not None:
        read[_folder_of(part(optinout, "files"), ConsentFiles)] = "optinout.files.folder"
    logs = part(part(connections, "sftp"), "logs")
    if isinstance(logs, dict | Model) and (reader := read.get(_folder_of(logs, LogExport))):
        yield ("connections", "sftp", "logs", "folder"), f"must be another folder than {reader}, where files are read"
    for index, table in enumerate(parts(part(value, "ingress"), "tables")):
        loads = part(table, "file_import")
        for name in ("folder", "results_folder") if isinstance(loads, dict | Model) else ():
            if reader := read.get(_folder_of(loads, FileImport, name)):
                place = ("ingress", "tables", index, "file_import", name)
                yield place, f"must be another folder than {reader}, where files are read"


def _folder_of(item: object, model: type[Model], name: str = "folder") -> str:
    """The folder that is written there, in one spelling, or the default."""
    return posixpath.normpath(written(item, name) or model.model_fields[name].default)


class WrittenTwice(NamedTuple):
    """A flag that ingress would write over the decisions of optinout."""

    flag: WireFlag
    pair: int  #: its place among those of optinout
    table: str  #: of the mapping
    column: str


def written_by_both(ingress: object, optinout: object) -> Iterator[tuple[Place, str]]:
    """What `written_twice` finds, as mistakes with their places in a document, at the pair."""
    for flag, pair, table, column in written_twice(ingress, optinout):
        yield (
            ("optinout", "flags", pair, "campaign"),
            f"{flag} is written by ingress, too, from {column} of {table}, and would be overwritten there: "
            f"remove that field from the mapping of {table}, or this pair from optinout",
        )


def written_twice(ingress: object, optinout: object) -> Iterator[WrittenTwice]:
    """In the order of the pairs. Both parts are models, or as they were written."""
    if part(optinout, "direction") not in READING:
        return
    written_there: dict[str, tuple[str, str]] = {}
    for table in parts(ingress, "tables"):
        if written(table, "resource") != "profile":
            continue
        for field in parts(table, "fields"):
            if flag := flag_named(written(field, "to", "target")):
                written_there[flag] = written(table, "table") or "", written(field, "from", "source") or ""
    for index, pair in enumerate(parts(optinout, "flags")):
        flag = flag_named(written(pair, "campaign"))
        if flag in written_there:
            yield WrittenTwice(flag, index, *written_there[flag])


def plain(document: Model) -> dict[str, object]:
    """The document as plain mappings and lists, by the keys of a file. Defaults are written out, but not what is
    empty by default: no value, no list, no group."""
    found: dict[str, object] = {}
    for name, field in type(document).model_fields.items():
        value = getattr(document, name)
        empty = value is None or value in ((), {})
        if not empty or field.is_required() or value != field.default:
            found[field.serialization_alias or name] = _plain(value)
    return found


def _plain(value: object) -> object:
    if isinstance(value, Model):
        return plain(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return whole(value)


class _Writer(yaml.SafeDumper):
    """Writes a list's items indented, and what is short on one line: - {from: emailaddress1, to: email}."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def check_simple_key(self) -> bool:
        # PyYAML would write an empty key on a line of its own, behind a question mark.
        empty = isinstance(self.event, yaml.ScalarEvent) and self.event.value == ""
        return empty or bool(super().check_simple_key())

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # Nothing is written "", as people do. Unicode's own line breaks would be folded to spaces without quotes.
        quoted = not data or not _BREAKS.isdisjoint(data)
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"' if quoted else None)

    def represent_list(self, items: Any) -> yaml.SequenceNode:
        node = super().represent_list(items)
        for item in node.value:
            if isinstance(item, yaml.MappingNode):
                item.flow_style = not any(_holds_groups(value) for _, value in item.value)
        node.flow_style = all(isinstance(item, yaml.ScalarNode) for item in node.value)
        return node

    def represent_dict(self, data: Any) -> yaml.MappingNode:
        node = super().represent_dict(data)
        for key, value in node.value:
            # Keys are text for us whatever YAML takes them for: 1 reads better than '1'.
            if _FLAG.fullmatch(key.value) or _NUMBER.fullmatch(key.value):
                key.tag = f"tag:yaml.org,2002:{'bool' if _FLAG.fullmatch(key.value) else 'int'}"
            if key.value == "replace" and isinstance(value, yaml.MappingNode):
                value.flow_style = True
        return node


_Writer.add_representer(str, _Writer.represent_str)
_Writer.add_representer(list, _Writer.represent_list)
_Writer.add_representer(dict, _Writer.represent_dict)

_BREAKS = frozenset("\x85\u2028\u2029")
_NUMBER = re.compile(r"0|-?[1-9][0-9]*")
_FLAG = re.compile("true|false")


def _holds_groups(node: yaml.Node) -> bool:
    """Whether this is more than a value or a list of values."""
    if isinstance(node, yaml.SequenceNode):
        return not all(isinstance(item, yaml.ScalarNode) for item in node.value)
    return isinstance(node, yaml.MappingNode)


def dump(document: Model) -> str:
    """The document, or a part of it, as YAML that reads back as an equal one; defaults are written out."""
    return yaml.dump(plain(document), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=115)


def diff(old: Model | None, new: Model) -> str:
    """A unified diff of the two documents' YAML, empty if they are equal; without an old one all lines are new."""
    before = dump(old).splitlines(keepends=True) if old is not None else []
    return "".join(difflib.unified_diff(before, dump(new).splitlines(keepends=True), "old", "new"))
