"""Where an origin is said to be served: Alt-Svc fields (RFC 7838), HTTPS records (RFC 9460)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from seventh.protocols.http.facts.alternatives import AltService, ServiceRecord
from seventh.wire.address import is_literal
from seventh.wire.text import printable

MAX_SERVICES = 16
DEFAULT_MAX_AGE = 86400
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_OPTION = rf"\s*;\s*({_NAME})=(\"[^\"\\]*\"|[^;,\"\s]*)"
_ENTRY = re.compile(
    rf"\s*(?P<protocol>{_NAME})=\"(?P<authority>[^\"\\]*)\""
    rf"(?P<options>(?:{_OPTION})*)\s*"
)
_SECONDS = re.compile(r"[0-9]{1,10}")
_PARAMETER = re.compile(r"([a-z0-9-]+)(?:=(\"(?:[^\"\\]|\\.)*\"|\S+))?(?:\s+|$)")
_UNDERSTOOD = frozenset({"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ipv6hint"})
"""The keys that can be obeyed here; hellos are not encrypted (ech)."""


def alt_svc(*values: str) -> tuple[tuple[AltService, ...], bool]:
    """Return the services of Alt-Svc fields, and whether they withdraw all (``clear``).

    What cannot be read ends the list there.
    """
    found: list[AltService] = []
    for value in values:
        if value.strip() == "clear":
            return (), True
        at = 0
        while len(found) < MAX_SERVICES and (entry := _ENTRY.match(value, at)) is not None:
            service = _service(entry)
            if service is not None:
                found.append(service)
            at = entry.end()
            if value[at : at + 1] != ",":
                break
            at += 1
    return tuple(found), False


def _service(entry: re.Match[str]) -> AltService | None:
    host, colon, text = entry["authority"].rpartition(":")
    port = _number(text)
    if not colon or not port:
        return None
    if host and not host.strip("[]."):
        return None
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        return None
    options = {
        name.lower(): value.strip('"') for name, value in re.findall(_OPTION, entry["options"])
    }
    age = options.get("ma", "")
    return AltService(
        # A token cannot hold every name of ALPN, so the rest is percent-encoded (§3).
        protocol=printable(unquote(entry["protocol"], "latin-1"), 32),
        host=printable(host.strip("[]").removesuffix("."), 253).lower(),
        port=port,
        max_age_seconds=int(age) if _SECONDS.fullmatch(age) else DEFAULT_MAX_AGE,
        persist=options.get("persist") == "1",
    )


def _number(text: str) -> int | None:
    """Return a number of 16 bits; None for anything else."""
    number = int(text) if len(text) <= 5 and text.isascii() and text.isdigit() else 1 << 16
    return number if number < 1 << 16 else None


def https_records(answers: tuple[str, ...]) -> tuple[tuple[ServiceRecord, ...], str | None]:
    """Return the records by preference, and the target of an alias instead of them.

    With an alias (priority 0) nothing else counts; the empty one says that there is no service.
    """
    found: list[ServiceRecord] = []
    for text in answers:
        first, _, rest = text.strip().partition(" ")
        target, _, parameters = rest.strip().partition(" ")
        priority = _number(first)
        if priority is None or not target:
            continue
        name = printable(target.removesuffix("."), 253).lower()
        if priority == 0:
            return (), name
        found.append(_record(priority, name, parameters))
    return tuple(sorted(found, key=lambda record: record.priority)), None


def _record(priority: int, target: str, parameters: str) -> ServiceRecord:
    given = {
        name: value.strip('"')
        for name, value in _PARAMETER.findall(parameters[:65536])[: 4 * MAX_SERVICES]
    }
    mandatory = _listed(given, "mandatory")
    return ServiceRecord(
        priority=priority,
        target=target,
        alpn=_listed(given, "alpn"),
        no_default_alpn="no-default-alpn" in given,
        port=_number(given.get("port", "")) or None,
        ipv4_hints=tuple(ip for ip in _listed(given, "ipv4hint") if is_literal(ip)),
        ipv6_hints=tuple(ip for ip in _listed(given, "ipv6hint") if is_literal(ip)),
        ech="ech" in given,
        mandatory=mandatory,
        unusable=_unusable(given, mandatory),
    )


def _listed(given: dict[str, str], name: str) -> tuple[str, ...]:
    values = given.get(name, "").split(",")[:MAX_SERVICES]
    return tuple(dict.fromkeys(printable(value, 64) for value in values if value))


def _unusable(given: dict[str, str], mandatory: tuple[str, ...]) -> str:
    for name in mandatory:
        if name not in given:
            return f"mandatory key {name} is missing"
        if name not in _UNDERSTOOD:
            return f"mandatory key {name} is not supported here"
    if "no-default-alpn" in given and not given.get("alpn"):
        return "no protocol: no-default-alpn without alpn"
    return ""


def record_name(host: str, port: int, scheme: str = "https") -> str:
    """Return the owner name of an origin's record (RFC 9460 §9.1)."""
    usual = (scheme, port) in {("https", 443), ("http", 80)}
    return host if usual else f"_{port}._https.{host}"
