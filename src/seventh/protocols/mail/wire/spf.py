"""SPF records (RFC 7208 §4.5, §4.6 and §12): read with every error, and written."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Literal

import msgspec

from seventh.protocols.mail.facts.spf import ErrorCode, SpfError, SpfResult
from seventh.protocols.mail.wire import spf_macros
from seventh.protocols.mail.wire.spf_macros import IN_DOMAINS, IN_EXPLANATIONS, MacroError, Part
from seventh.wire.text import printable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Qualifier = Literal["+", "-", "~", "?"]
RESULTS: dict[str, SpfResult] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
ASKING = frozenset({"include", "a", "mx", "ptr", "exists"})
"""The mechanisms that ask DNS."""
MECHANISMS = ASKING | {"all", "ip4", "ip6"}
VERSION = "v=spf1"
MAX_BYTES = 8192
"""The largest record that is evaluated; receivers get none that is larger than a UDP packet."""
MAX_TERMS = 1000
"""How many terms are evaluated, of a record and of all that it includes."""
_VERSION = re.compile(rb"v=spf1(?= |\Z)", re.IGNORECASE)
_SIMILAR = re.compile(rb"v?=?spf[v.]?[12]", re.IGNORECASE)
_BLANKS_AND_QUOTES = b" \t\r\n\"'"
_MECHANISM = re.compile(r"([-+~?]?)([A-Za-z][A-Za-z0-9_-]*)(.*)", re.DOTALL)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL)
_PREFIXES = re.compile(r"(?:/([0-9]+))?(?://([0-9]+))?\Z")
_NUMBER = re.compile(r"0|[1-9][0-9]*")


class Mechanism(msgspec.Struct, frozen=True, kw_only=True):
    """A mechanism with its qualifier."""

    name: str
    """In lower case."""
    qualifier: Qualifier = "+"
    domain: tuple[Part, ...] = ()
    """Empty: the domain of the record."""
    prefix4: int = 32
    prefix6: int = 128
    network: Network | None = None

    def __str__(self) -> str:
        qualifier = self.qualifier.replace("+", "")
        if self.network is not None:
            whole = self.network.prefixlen == self.network.max_prefixlen
            return (
                f"{qualifier}{self.name}:{self.network.network_address if whole else self.network}"
            )
        domain = ":" + "".join(map(str, self.domain)) if self.domain else ""
        four = f"/{self.prefix4}" if self.prefix4 != 32 else ""
        six = f"//{self.prefix6}" if self.prefix6 != 128 else ""
        return f"{qualifier}{self.name}{domain}{four}{six}"


class Modifier(msgspec.Struct, frozen=True):
    """A modifier; all but ``redirect`` and ``exp`` are ignored."""

    name: str
    """In lower case."""
    value: tuple[Part, ...]

    def __str__(self) -> str:
        return f"{self.name}={''.join(map(str, self.value))}"


Term = Mechanism | Modifier


class Record(msgspec.Struct, frozen=True):
    """A record: its terms that are right, and an error for each of the others."""

    terms: tuple[Term, ...] = ()
    errors: tuple[SpfError, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether a receiver's result is a permanent error."""
        return any(error.code != "modifier" for error in self.errors)

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """The mechanisms, in their order."""
        return tuple(term for term in self.terms if isinstance(term, Mechanism))

    def modifier(self, name: str) -> Modifier | None:
        """Return the modifier of that name."""
        return next(
            (t for t in self.terms if isinstance(t, Modifier) and t.name == name), None
        )  # fmt: skip

    @property
    def redirect(self) -> Modifier | None:
        """The redirect, unless an ``all`` makes it useless (§6.1)."""
        has_all = any(mechanism.name == "all" for mechanism in self.mechanisms)
        return None if has_all else self.modifier("redirect")


def records_of(texts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the SPF records among TXT records: those with the version, in any case."""
    return tuple(text for text in texts if _VERSION.match(text))


def similar_to(texts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the TXT records that look as if they were meant to be SPF records and are not."""
    others = (text for text in texts if not _VERSION.match(text))
    starts = (
        (text, text[:_LONGEST_MISTAKE].translate(None, _BLANKS_AND_QUOTES)) for text in others
    )
    return tuple(text for text, start in starts if _SIMILAR.match(start))


def write(terms: Iterable[Term]) -> str:
    """Return a record of ``terms``."""
    return " ".join([VERSION, *map(str, terms)])


@lru_cache(maxsize=64)
def read(record: bytes) -> Record:
    """Read a record that has the version, up to its thousandth term; never raises."""
    text = record.decode("latin-1")
    terms: list[Term] = []
    errors: list[SpfError] = []
    seen: set[str] = set()
    for found in islice(re.finditer(r"[^ ]+", text[len(VERSION) :]), MAX_TERMS):
        try:
            term = _term(found[0])
            if isinstance(term, Modifier) and term.name in {"redirect", "exp"}:
                if term.name in seen:
                    raise _TermError("repeated")
                seen.add(term.name)
            if isinstance(term, Modifier) and term.name in MECHANISMS:
                raise _TermError("modifier")
            terms.append(term)
        except _TermError as wrong:
            errors.append(
                SpfError(
                    code=wrong.code, position=len(VERSION) + found.start() + 1,
                    term=printable(found[0].encode("latin-1"), 100),
                    instead=_instead(found[0], wrong.code),
                )
            )  # fmt: skip
    return Record(tuple(terms), tuple(errors))


class _TermError(Exception):
    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code)
        self.code: ErrorCode = code


def _term(text: str) -> Term:
    """Return a term. Raises _TermError."""
    if not (text.isascii() and text.isprintable()):
        raise _TermError("bad-character")
    if found := _MODIFIER.fullmatch(text):
        name = found[1].lower()
        try:
            value = spf_macros.parse(
                found[2],
                IN_DOMAINS if name in {"redirect", "exp"} else IN_EXPLANATIONS,
            )
        except MacroError:
            raise _TermError("bad-macro") from None
        if name in {"redirect", "exp"} and not spf_macros.is_domain(value):
            raise _TermError("bad-domain" if value else "no-domain")
        return Modifier(name, value)
    found = _MECHANISM.fullmatch(text)
    if found is None or found[2].lower() not in MECHANISMS:
        raise _TermError("unknown-mechanism")
    qualifier, name, rest = found.groups()
    name = name.lower()
    if rest and rest[0] not in ":/":
        raise _TermError("argument" if name == "all" else "unknown-mechanism")
    return _mechanism(name, qualifier or "+", rest)  # type: ignore[arg-type]  # by the expression


def _mechanism(name: str, qualifier: Qualifier, rest: str) -> Mechanism:
    if name == "all":
        if rest:
            raise _TermError("argument")
        return Mechanism(name=name, qualifier=qualifier)
    if name in {"ip4", "ip6"}:
        return Mechanism(name=name, qualifier=qualifier, network=_network(name, rest[1:]))
    prefix4, prefix6 = 32, 128
    found = _PREFIXES.search(rest)
    assert found is not None  # noqa: S101 - the expression matches an empty end
    if name in {"a", "mx"} and found[0]:
        rest = rest[: found.start()]
        prefix4, prefix6 = _prefix(found[1], 32), _prefix(found[2], 128)
    if rest.startswith("/"):
        raise _TermError("bad-prefix" if name in {"a", "mx"} else "argument")
    domain = _domain(rest[1:]) if rest else ()
    if not domain and (rest or name in {"include", "exists"}):
        raise _TermError("no-domain")
    return Mechanism(
        name=name, qualifier=qualifier, domain=domain, prefix4=prefix4, prefix6=prefix6
    )


def _domain(text: str) -> tuple[Part, ...]:
    try:
        parts = spf_macros.parse(text)
    except MacroError:
        raise _TermError("bad-macro") from None
    if parts and not spf_macros.is_domain(parts):
        raise _TermError("bad-domain")
    return parts


def _prefix(text: str | None, most: int) -> int:
    if text is None:
        return most
    if _NUMBER.fullmatch(text) is None or len(text) > 3 or int(text) > most:
        raise _TermError("bad-prefix")
    return int(text)


def _network(name: str, text: str) -> Network:
    """Return the network of an ``ip4`` or ``ip6``; bits beyond the prefix are ignored."""
    address, slash, prefix = text.partition("/")
    kind = ipaddress.IPv4Address if name == "ip4" else ipaddress.IPv6Address
    try:
        if "%" in address:
            raise _TermError("bad-address")
        parsed = kind(address)
    except ValueError:
        raise _TermError("bad-address") from None
    length = _prefix(prefix if slash else None, parsed.max_prefixlen)
    return ipaddress.ip_network((parsed, length), strict=False)


_KNOWN_MISTAKES = (
    (re.compile(r"[\u2010-\u2015\u2212]"), "-"),
    (re.compile(r"^([-+~?]?)ipv?([46])[:=]", re.IGNORECASE), r"\1ip\2:"),
    (re.compile(r"^([-+~?]?)ip[:=](?=[0-9.]+(/|$))", re.IGNORECASE), r"\1ip4:"),
    (re.compile(r"^([-+~?]?)ip[46]?[:=](?=[0-9a-f]*:[0-9a-f:]+(/|$))", re.IGNORECASE), r"\1ip6:"),
    (re.compile(r"^([-+~?]?)(?:ip6|a|mx)[:=](?=[0-9]+(\.[0-9]+){3}(/|$))", re.IGNORECASE),
     r"\1ip4:"),
    (re.compile(r"^([-+~?]?)(?:a|mx)[:=](?=[0-9a-f]*:[0-9a-f:]+(/|$))", re.IGNORECASE), r"\1ip6:"),
    (re.compile(r"^([-+~?]?)ip[46][:=](?=[a-z][a-z0-9-]*\.)", re.IGNORECASE), r"\1a:"),
    (re.compile(r"^([-+~?]?)(?:includes?|inlcude|inculde)[:=]", re.IGNORECASE), r"\1include:"),
    (re.compile(r"^([-+~?]?)(a|mx|exists|ptr)=", re.IGNORECASE), r"\1\2:"),
    (re.compile(r"^[-+~?]?(redirect|exp)[:=]", re.IGNORECASE), r"\1="),
    (re.compile(r"^([-+~?]?)(all|a|mx|ptr)[:=]$", re.IGNORECASE), r"\1\2"),
    (re.compile(r"^([-+~?])[-+~?]+"), r"\1"),
    (re.compile(r"[,;.\"']+$"), ""),
)  # fmt: skip
"""What people write, and what they meant."""
_LONGEST_MISTAKE = 300


def _instead(term: str, code: ErrorCode) -> str:
    """Return the term without a known mistake, or nothing; what is returned is right."""
    if code == "repeated" or len(term) > _LONGEST_MISTAKE:
        return ""
    text = term
    if not text.isascii():
        try:
            text = text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return ""
    for mistake, meant in _KNOWN_MISTAKES:
        text = mistake.sub(meant, text)
    try:
        made = _term(text)
    except _TermError:
        return ""
    if text == term or (isinstance(made, Modifier) and made.name not in {"redirect", "exp"}):
        return ""
    return str(made)
