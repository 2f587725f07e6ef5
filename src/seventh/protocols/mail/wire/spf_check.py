"""SPF's ``check_host()`` (RFC 7208 §4 and §5): what a receiver concludes for one sender.

It is a generator: it yields questions and receives answers, one at a time and no more than a
receiver would ask.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Generator

import msgspec

from seventh.protocols.mail.facts.answer import Answer, Question
from seventh.protocols.mail.facts.spf import MAX_LOOKUPS, MAX_VOIDS, SpfResult, SpfVerdict
from seventh.protocols.mail.wire import spf, spf_macros
from seventh.protocols.mail.wire.spf import Mechanism, Record
from seventh.protocols.mail.wire.spf_macros import IN_EXPLANATIONS, MacroError, Part
from seventh.wire.text import printable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MOST = 10
"""How many MX records ``mx``, and how many names ``ptr`` may look up (§4.6.4)."""


def address_of(text: str) -> Address:
    """Return an address; an IPv4 address within IPv6 is one of IPv4. Raises ValueError."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends a message, as a receiver sees it."""

    address: Address
    domain: str
    """Of the envelope's sender, or the HELO name where the sender is empty."""
    local: str = "postmaster"
    helo: str = ""
    """Empty: the domain."""
    receiver: str = "unknown"
    unix_seconds: int = 0

    def values(self, domain: str) -> dict[str, str]:
        """Return the macros' values in the record of ``domain``, all but ``p``."""
        return {
            "s": f"{self.local}@{self.domain}", "l": self.local, "o": self.domain, "d": domain,
            "h": self.helo or self.domain, "r": self.receiver, "t": str(self.unix_seconds),
            **spf_macros.address_values(self.address),
        }  # fmt: skip


def check_host(sender: Sender) -> Generator[Question, Answer, SpfVerdict]:
    """Return the verdict on ``sender``."""
    check = _Check(sender)
    try:
        result = yield from check.evaluate(sender.domain)
    except _StopError as stop:
        result = stop.result
    verdict = SpfVerdict(
        ip=str(sender.address), result=result, path=tuple(check.path), at=check.at,
        lookups=check.lookups, voids=check.voids,
    )  # fmt: skip
    if result == "fail" and check.record is not None:
        explanation = yield from check.explain(check.record, check.at)
        return msgspec.structs.replace(verdict, explanation=explanation)
    return verdict


class _StopError(Exception):
    """An error that ends the evaluation of all records."""

    def __init__(self, result: SpfResult) -> None:
        super().__init__(result)
        self.result: SpfResult = result


_Asking = Generator[Question, Answer, bool]


class _Check:
    """One evaluation, with what it has used of its limits."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.lookups = 0
        self.voids = 0
        self.path: list[str] = []
        """The terms that are being evaluated, each within the one before it."""
        self.at = sender.domain
        """The name of the record that was evaluated last."""
        self.record: Record | None = None
        """That record; None where it could not be read."""
        self._validated: tuple[str, ...] | None = None

    def evaluate(self, domain: str) -> Generator[Question, Answer, SpfResult]:
        """Return the result of the record of ``domain``. Raises _StopError for an error."""
        name = spf_macros.as_name(domain)
        if name is None or "." not in name:
            return "none"
        answer = yield name, "TXT"
        if not answer.known:
            raise _StopError("temperror")
        found = spf.records_of(answer.texts)
        if not found:
            return "none"
        self.at = name
        if len(found) > 1:
            raise _StopError("permerror")
        if len(found[0]) > spf.MAX_BYTES:
            raise _StopError("temperror")
        record = spf.read(found[0])
        depth = len(self.path)
        if record.wrong:
            self.path.append(next(e.term for e in record.errors if e.code != "modifier"))
            raise _StopError("permerror")
        for mechanism in record.mechanisms:
            self.path.append(printable(str(mechanism), 200))
            if (yield from self._matches(mechanism, name)):
                self.record, self.at = record, name
                return spf.RESULTS[mechanism.qualifier]
            del self.path[depth:]
            self.at = name
        self.record = record
        return (yield from self._redirected(record, name))

    def _redirected(self, record: Record, name: str) -> Generator[Question, Answer, SpfResult]:
        redirect = record.redirect
        if redirect is None:
            return "neutral"
        self.path.append(printable(str(redirect), 200))
        self._count()
        result = yield from self.evaluate((yield from self._expand(redirect.value, name)))
        if result == "none":
            raise _StopError("permerror")
        return result

    def _matches(self, mechanism: Mechanism, domain: str) -> _Asking:
        if mechanism.name == "all":
            return True
        if mechanism.network is not None:
            return self.sender.address in mechanism.network
        self._count()
        target = (yield from self._expand(mechanism.domain, domain)) if mechanism.domain else domain
        if mechanism.name == "include":
            return (yield from self._included(target))
        name = spf_macros.as_name(target)
        if name is None:
            return False
        match mechanism.name:
            case "a":
                return (yield from self._has_address(name, mechanism))
            case "mx":
                return (yield from self._has_exchanger(name, mechanism))
            case "exists":
                answer = yield from self._ask(name, "A")
                return answer.outcome == "ok"
            case _:
                validated = yield from self._names_of_sender()
                return any(each == name or each.endswith(f".{name}") for each in validated)

    def _included(self, target: str) -> _Asking:
        """Return whether the included record passes (§5.2)."""
        result = yield from self.evaluate(target)
        if result == "none":
            raise _StopError("permerror")
        return result == "pass"

    def _has_address(self, name: str, mechanism: Mechanism) -> _Asking:
        answer = yield from self._ask(name, self._family)
        prefix = mechanism.prefix4 if self._family == "A" else mechanism.prefix6
        return any(
            self.sender.address in ipaddress.ip_network((ip, prefix), strict=False)
            for ip in answer.names
        )

    def _has_exchanger(self, name: str, mechanism: Mechanism) -> _Asking:
        answer = yield from self._ask(name, "MX")
        if len(answer.exchangers) > MOST:
            raise _StopError("permerror")
        for exchanger in answer.exchangers:
            host = spf_macros.as_name(exchanger.host)
            if host is not None and (yield from self._has_address(host, mechanism)):
                return True
        return False

    def _names_of_sender(self) -> Generator[Question, Answer, tuple[str, ...]]:
        """Return the sender's names that lead back to its address (§5.5); errors are no names."""
        if self._validated is None:
            names = (yield self.sender.address.reverse_pointer, "PTR").names
            validated = []
            for name in names[:MOST]:
                answer = yield name, self._family
                if any(address_of(ip) == self.sender.address for ip in answer.names):
                    validated.append(name)
            self._validated = tuple(validated)
        return self._validated

    def _expand(self, parts: tuple[Part, ...], domain: str) -> Generator[Question, Answer, str]:
        values = self.sender.values(domain)
        if "p" in spf_macros.letters(parts):
            names = yield from self._names_of_sender()
            ranked = sorted(names, key=lambda n: (n != domain, not n.endswith(f".{domain}")))
            values["p"] = ranked[0] if ranked else "unknown"
        return spf_macros.expand(parts, values) or ""

    @property
    def _family(self) -> str:
        return "A" if self.sender.address.version == 4 else "AAAA"

    def _ask(self, name: str, rtype: str) -> Generator[Question, Answer, Answer]:
        """Ask for what a mechanism needs; an answer without records counts as void."""
        answer = yield name, rtype
        if not answer.known:
            raise _StopError("temperror")
        if answer.empty:
            self.voids += 1
            if self.voids > MAX_VOIDS:
                raise _StopError("permerror")
        return answer

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            raise _StopError("permerror")

    def explain(self, record: Record, domain: str) -> Generator[Question, Answer, str]:
        """Return the explanation of a fail (§6.2); nothing where anything of it is wrong."""
        modifier = record.modifier("exp")
        if modifier is None:
            return ""
        name = spf_macros.as_name((yield from self._expand(modifier.value, domain)))
        texts = (yield name, "TXT").texts if name is not None else ()
        if len(texts) != 1 or not texts[0].isascii():
            return ""
        try:
            parts = spf_macros.parse(texts[0].decode("ascii"), IN_EXPLANATIONS)
        except MacroError:
            return ""
        return printable((yield from self._expand(parts, domain)))
