"""DMARC aggregate reports, read as they come: XML of any size in the memory of its sources.

Both forms, that of RFC 9990 with its namespace and that of RFC 7489, have the elements that are
read here. A document type is refused, and with it every entity.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from xml.parsers import expat

import msgspec

from seventh.protocols.mail.facts.aggregate import AggregateReport, MailSource, SourceKind
from seventh.protocols.mail.wire.malformed import MalformedError
from seventh.wire.text import printable

MAX_SOURCES = 10_000
"""Addresses that are counted one by one; those beyond are counted together."""
MAX_SHOWN = 200
MAX_TEXT = 1024
MAX_DEPTH = 16
MAX_RESULTS = 32
"""Results of one record that are read; a message with more signatures is rare."""
_META = frozenset(
    [("report_metadata", "org_name"), ("report_metadata", "report_id"),
     ("report_metadata", "date_range", "begin"), ("report_metadata", "date_range", "end"),
     *(("policy_published", name) for name in ("domain", "p", "adkim", "aspf"))]
)  # fmt: skip
_MAX_COUNT = 1 << 53
_FEW = 8
_MAX_BEYOND = 1 << 18
PASSING = frozenset({"aligned", "dkim-only"})
"""The kinds of messages that pass DMARC."""


class _Record:
    """What is read of one ``<record>``."""

    __slots__ = (
        "_result", "address", "count", "disposition", "dkim", "from_", "policy", "reasons", "spf",
    )  # fmt: skip

    def __init__(self) -> None:
        self.address, self.from_, self.disposition, self.count = "", "", "", 0
        self.policy = {"dkim": "", "spf": ""}
        self.dkim: list[dict[str, str]] = []
        self.spf: list[dict[str, str]] = []
        self.reasons: list[str] = []
        self._result: dict[str, str] = {}

    def take(self, path: tuple[str, ...], text: str) -> None:
        """Take the text of the element at ``path`` below the record."""
        match path:
            case ("row", "source_ip"):
                self.address = _address(text)
            case ("row", "count"):
                self.count = _count(text, 0) or 0
            case ("row", "policy_evaluated", "disposition"):
                self.disposition = text.lower()
            case ("row", "policy_evaluated", ("dkim" | "spf") as name):
                self.policy[name] = text.lower()
            case ("row", "policy_evaluated", "reason", "type"):
                self.reasons.append(printable(text, 32))
            case ("identifiers", "header_from"):
                self.from_ = printable(text, 253).lower().rstrip(".")
            case ("auth_results", "dkim" | "spf", ("domain" | "result") as name):
                self._result[name] = printable(text, 253).lower().rstrip(".")
            case ("auth_results", ("dkim" | "spf") as name):
                results = self.dkim if name == "dkim" else self.spf
                if len(results) < MAX_RESULTS:
                    results.append(self._result)
                self._result = {}

    @property
    def kind(self) -> SourceKind:
        """What the record shows."""
        if self.policy["spf"] == "pass":
            return "aligned"
        if self.policy["dkim"] == "pass":
            return "dkim-only"
        results = [*self.dkim, *self.spf]
        passed = [one.get("domain", "") for one in results if one.get("result") == "pass"]
        if any(_related(domain, self.from_) for domain in passed):
            return "own-unaligned"
        if any(
            _related(one.get("domain", ""), self.from_) and one.get("result") != "none"
            for one in self.dkim
        ):
            return "broken-signature"
        return "other-domain" if passed else "unauthenticated"

    @property
    def others(self) -> tuple[str, ...]:
        """The domains of results that passed."""
        results = [*self.dkim, *self.spf]
        return tuple(one.get("domain", "") for one in results if one.get("result") == "pass")


class _Source(msgspec.Struct):
    """The sums of one address."""

    kinds: Counter[SourceKind]
    failed: int = 0
    quarantined: int = 0
    rejected: int = 0
    domains: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class AggregateReader:
    """Takes a report in pieces; ``finish`` gives what it says. Raises MalformedError."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._path: list[str] = []
        self._words: list[str] = []
        self._size = 0
        self._record = _Record()
        self._meta: dict[str, str] = {}
        self._records = 0
        self._kinds: Counter[SourceKind] = Counter()
        self._sources: dict[str, _Source] = {}
        self._beyond: set[int] = set()

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        self._parse(data, final=False)

    def _parse(self, data: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            text = expat.ErrorString(error.code)
            raise MalformedError(f"line {error.lineno}: not well-formed XML: {text}") from None
        except (LookupError, ValueError) as error:
            if isinstance(error, MalformedError):
                raise
            raise MalformedError("XML in an encoding that is not supported") from None

    def finish(self) -> AggregateReport:
        """Return what the report says."""
        self._parse(b"", final=True)
        if not self._records:
            raise MalformedError("a DMARC report without any record")
        failing = sum(self._kinds[kind] for kind in self._kinds if kind not in PASSING)
        ordered = sorted(
            self._sources.items(),
            key=lambda each: (-each[1].failed, -each[1].kinds.total(), each[0]),
        )
        return AggregateReport(
            organisation=self._meta.get("org_name", ""),
            report_id=self._meta.get("report_id", ""),
            domain=self._meta.get("domain", "").lower(),
            begin_timestamp_seconds=_count(self._meta.get("begin", ""), None),
            end_timestamp_seconds=_count(self._meta.get("end", ""), None),
            policy=self._meta.get("p", "").lower(),
            adkim=self._meta.get("adkim", "").lower(),
            aspf=self._meta.get("aspf", "").lower(),
            records=self._records,
            messages=self._kinds.total(),
            failed=failing,
            kinds=dict(self._kinds.most_common()),
            sources=tuple(_source(address, source) for address, source in ordered[:MAX_SHOWN]),
            more_sources=max(0, len(ordered) - MAX_SHOWN) + len(self._beyond),
        )

    # -- the parser's events ------------------------------------------------------------------

    def _doctype(self, *_: object) -> None:
        raise MalformedError(
            f"line {self._parser.CurrentLineNumber}: a document type is not accepted"
        )

    def _start(self, name: str, _: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self._path and name != "feedback":
            raise MalformedError(
                f"XML whose first element is <{printable(name, 40)}>: not a DMARC report"
            )
        if len(self._path) >= MAX_DEPTH:
            raise MalformedError(
                f"line {self._parser.CurrentLineNumber}: elements nested too deeply"
            )
        self._path.append(name)
        self._words, self._size = [], 0
        if self._path[1:] == ["record"]:
            self._record = _Record()

    def _text(self, text: str) -> None:
        if self._size < MAX_TEXT:
            self._words.append(text[: MAX_TEXT - self._size])
            self._size += len(text)

    def _end(self, _: str) -> None:
        text = "".join(self._words).strip()
        path = tuple(self._path[1:])
        self._words, self._size = [], 0
        self._path.pop()
        if path in _META:
            self._meta.setdefault(path[-1], printable(text, 255))
        elif path == ("record",):
            self._add(self._record)
        elif path[:1] == ("record",):
            self._record.take(path[1:], text)

    def _add(self, record: _Record) -> None:
        self._records += 1
        kind = record.kind
        self._kinds[kind] += record.count
        source = self._sources.get(record.address)
        if source is None:
            if len(self._sources) >= MAX_SOURCES:
                if len(self._beyond) < _MAX_BEYOND:
                    self._beyond.add(hash(record.address))
                return
            source = self._sources[record.address] = _Source(Counter())
        source.kinds[kind] += record.count
        if kind not in PASSING:
            source.failed += record.count
            source.domains = _few(source.domains, record.others)
        source.quarantined += record.count * (record.disposition == "quarantine")
        source.rejected += record.count * (record.disposition == "reject")
        source.reasons = _few(source.reasons, record.reasons)


def _source(address: str, source: _Source) -> MailSource:
    return MailSource(
        address=address, messages=source.kinds.total(), kind=source.kinds.most_common(1)[0][0],
        failed=source.failed, quarantined=source.quarantined, rejected=source.rejected,
        domains=source.domains, reasons=source.reasons,
    )  # fmt: skip


def _few(before: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*before, *filter(None, more)]))[:_FEW]


def _related(one: str, other: str) -> bool:
    """Return whether one domain is the other, or above or below it."""
    return bool(one and other) and (
        f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")
    )


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return printable(text, 45)


def _count(text: str, default: int | None) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 16:
        return default
    return min(int(text), _MAX_COUNT)
