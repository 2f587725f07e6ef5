"""``seventh grpc diff``: what changed between two schemas, and what it does to messages."""

from __future__ import annotations

import argparse
import sys

import msgspec

from seventh.cli.parser import Parser
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.schema import Change, Effect, Kind
from seventh.protocols.grpc.rules.schema import schema_drift
from seventh.protocols.grpc.schema.difference import difference
from seventh.protocols.grpc.schema.source import load
from seventh.rules.rule import Hit

_DESCRIPTION = (
    "Compares two schemas of gRPC services: what breaks binary messages, JSON or calls. What was "
    "only added is not listed."
)
WORDS = {
    Kind.PACKAGE: "package {old} is now {new}: services and types have other names",
    Kind.SERVICE_REMOVED: "service removed: its calls fail with UNIMPLEMENTED",
    Kind.METHOD_REMOVED: "method removed: its calls fail with UNIMPLEMENTED",
    Kind.METHOD_STREAMING: "{old} is now {new}",
    Kind.METHOD_TYPE: "{old} is now {new}",
    Kind.MESSAGE_REMOVED: "message removed",
    Kind.ENUM_REMOVED: "enum removed",
    Kind.FIELD_REMOVED: "{old} removed",
    Kind.FIELD_NUMBER: "number {old} is now {new}",
    Kind.FIELD_NAME: "{old} is now {new}",
    Kind.FIELD_JSON_NAME: "JSON name {old} is now {new}",
    Kind.FIELD_TYPE: "{old} is now {new}",
    Kind.FIELD_CARDINALITY: "{old} is now {new}",
    Kind.FIELD_PRESENCE: "{old} is now {new}",
    Kind.FIELD_ONEOF: "oneof {old} is now {new}",
    Kind.FIELD_REQUIRED: "{old} is now {new}",
    Kind.RESERVED_NUMBER: "takes the reserved number {new}",
    Kind.RESERVED_NAME: "takes the reserved name {new}",
    Kind.VALUE_REMOVED: "value {old} removed",
    Kind.VALUE_NUMBER: "number {old} is now {new}",
    Kind.VALUE_NAME: "{old} is now {new}",
}
_EFFECTS = {Effect.SAME: "compatible", Effect.LOSSY: "some values lost", Effect.BREAKS: "breaks"}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of the verb."""

    schema: str = "seventh.grpc-diff/1"
    old: str
    new: str
    breaks: bool
    rule: str = schema_drift.id
    """Which ``seventh explain`` explains."""
    changes: tuple[Change, ...]


def parse(words: list[str]) -> argparse.Namespace:
    """Read the words after ``grpc diff``. Raises UsageError."""
    parser = Parser(
        prog="seventh grpc diff", description=_DESCRIPTION,
        epilog="Exit code: 0 compatible, 1 something breaks, 3 usage.",
    )  # fmt: skip
    what = "descriptor set (protoc --include_imports --descriptor_set_out), .proto file, or folder"
    parser.add_argument("old", metavar="OLD", help=f"schema that is in use: {what}")
    parser.add_argument("new", metavar="NEW", help="schema that is to replace it")
    parser.add_argument(
        "-I", "--proto-path", metavar="DIR", action="append", default=[],
        help="folder in which .proto files look for what they import",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="output format (default: text)"
    )
    parsed = parser.read(words)
    parsed.verb = run
    return parsed


def run(parsed: argparse.Namespace) -> int:
    """Compare; return 1 if something breaks. Raises UsageError."""
    old, new = (load(name, parsed.proto_path) for name in (parsed.old, parsed.new))
    changes = difference(old, new)
    breaks = isinstance(schema_drift(GrpcFacts(drift=changes)), Hit)
    if parsed.format == "json":
        made = Difference(old=parsed.old, new=parsed.new, breaks=breaks, changes=changes)
        sys.stdout.write(f"{msgspec.json.encode(made).decode()}\n")
    else:
        lines = [as_text(change) for change in changes] or ["no incompatible change"]
        if breaks:
            lines.append(f"{schema_drift.id}: {schema_drift.words.title} "
                         f"(`seventh explain {schema_drift.id}`)")  # fmt: skip
        sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if breaks else 0


def as_text(change: Change) -> str:
    """Return a change as a line: what it is, then what it does in binary form and in JSON."""
    words = WORDS[change.kind].format(old=change.old or "none", new=change.new or "none")
    binary, json = _EFFECTS[change.wire], _EFFECTS[change.json]
    effect = f"binary and JSON: {binary}" if binary == json else f"binary: {binary}; JSON: {json}"
    unreserved = "" if change.reserved else "; its number is not reserved"
    return f"{change.where}: {words}{unreserved} ({effect})"
