"""What is learnt of a domain's SPF record (RFC 7208)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import msgspec

from seventh.model.drawing import Drawing, Span

SpfResult = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
ErrorCode = Literal[
    "bad-character",
    "unknown-mechanism",
    "no-domain",
    "bad-domain",
    "bad-macro",
    "bad-address",
    "bad-prefix",
    "argument",
    "repeated",
    "modifier",
]
"""``argument``: one where the mechanism takes none. ``modifier``: a mechanism written with ``=``,
which receivers ignore as an unknown modifier; the only code that is no permanent error."""
Family = Literal["ipv4", "ipv6"]
RecordState = Literal["found", "none", "several", "unknown", "loop", "sender", "limit"]
"""``sender``: its name depends on the sender. ``limit``: not looked up, as the check has limits."""
MAX_LOOKUPS = 10
"""Terms that ask DNS, in one evaluation (§4.6.4)."""
MAX_VOIDS = 2
"""Look-ups without a record, in one evaluation (§4.6.4)."""


class SpfError(msgspec.Struct, frozen=True, kw_only=True):
    """A term that is wrong."""

    SHOWN: ClassVar = ("term", "code", "instead")

    code: ErrorCode
    position: int
    """Of the term's first character in the record; the record's first is 1."""
    term: str
    instead: str = ""
    """What to write in its place; empty where that is not certain."""


class SpfRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one name, and those that it includes or redirects to."""

    SHOWN: ClassVar = ("name", "state", "lookups")

    name: str
    term: str = ""
    """The term that leads to it; empty for the domain's own."""
    state: RecordState
    text: str = ""
    """The record, made printable."""
    size: int | None = None
    """In bytes."""
    lookups: int = 0
    """Terms that ask DNS, with those of the records below; none matches."""
    voids: tuple[int, int] = (0, 0)
    """Look-ups without a record, for a sender with IPv4 and for one with IPv6."""
    otherwise: SpfResult | None = None
    """The result if nothing but ``all`` matches; None if that depends on the sender."""
    errors: tuple[SpfError, ...] = ()
    crowded: tuple[str, ...] = ()
    """Names that ``mx`` cannot be evaluated for, as they have more than ten MX records."""
    uses_ptr: bool = False
    depends: tuple[str, ...] = ()
    """Terms, other than includes, whose name depends on the sender."""
    useless: tuple[str, ...] = ()
    """Terms that never decide anything: after ``all``, repeated, or without an address."""
    detail: str = ""
    """Why it is not known."""
    records: tuple[SpfRecord, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, SpfRecord]]:
        """Yield this record and all below it, each with its depth."""
        yield depth, self
        for record in self.records:
            yield from record.walk(depth + 1)


class SpfVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver concludes for one sending address."""

    SHOWN: ClassVar = ("ip", "result", "path")

    ip: str
    result: SpfResult
    path: tuple[str, ...] = ()
    """The term that decided or caused the error, after the terms that led to its record."""
    at: str = ""
    """The name of its record."""
    lookups: int = 0
    voids: int = 0
    explanation: str = ""
    """What the domain wants to be told to a rejected sender; text of a stranger."""


class SpfFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a domain, evaluated as receivers do."""

    SHOWN: ClassVar = ("record", "verdict")

    record: SpfRecord | None = None
    several: tuple[str, ...] = ()
    """All records, where there are several."""
    similar: tuple[str, ...] = ()
    """TXT records that look like SPF and are not."""
    type99: Literal["found", "none", "unknown"] = "unknown"
    """Whether the retired record type SPF is published."""
    addresses: int | None = None
    """How many IPv4 addresses pass."""
    own_addresses: int | None = None
    """How many of them by networks in records of the domain itself."""
    ipv6: bool = False
    """Whether an IPv6 address passes."""
    late: tuple[Family, ...] = ()
    """The families of which an address passes only after too many void look-ups."""
    complete: bool = False
    """Whether all that the record refers to is known, so that counts are not just lower limits."""
    verdict: SpfVerdict | None = None
    """For ``--sender-ip``."""
    proposed: str = ""
    """A record that repairs what can be repaired, evaluated before; empty where there is none."""

    def drawings(self) -> tuple[Drawing, ...]:
        """Return the tree of records, with a bar of the look-ups of each."""
        if self.record is None or self.record.state != "found":
            return ()
        title = f"SPF look-ups of each record with those below it (limit {MAX_LOOKUPS}), its size, "
        title += "and the result if no term but `all` matches"
        return (Drawing(title=title, spans=tuple(_span(*each) for each in self.record.walk())),)


def _span(depth: int, record: SpfRecord) -> Span:
    label = "  " * depth + (record.term or record.name)
    if record.size is None:
        value = f"{record.state}: {record.detail}" if record.detail else record.state
        return Span(label=label, low=0, high=0, value=value, empty=True)
    parts = (
        str(record.lookups), f"{record.size} B",
        record.otherwise or "", *_voids(*record.voids),
    )  # fmt: skip
    value = ", ".join(part for part in parts if part)
    return Span(label=label, low=0, high=record.lookups, value=value, empty=not record.lookups)


def _voids(ipv4: int, ipv6: int) -> tuple[str, ...]:
    if ipv4 == ipv6:
        return (f"{ipv4} void",) if ipv4 else ()
    counts = {"IPv4": ipv4, "IPv6": ipv6}
    return tuple(f"{count} void ({family})" for family, count in counts.items() if count)
