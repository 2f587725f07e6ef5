"""Where an origin is said to be served: Alt-Svc fields (RFC 7838), HTTPS records (RFC 9460)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from seventh.protocols.http.facts.alternatives import AltService, ServiceRecord
from seventh.wire.address import is_literal
from seventh.wire.text import printable

MAX_SERVICES = 16
DEFAULT_MAX_AGE = 86400
_ENTRY = re.compile(
    r"\s*(?P<protocol>[!#$%&'*+.^_`|~0-9A-Za-z-]+)=\"(?P<authority>[^\"\\]*)\""
    r"(?P<parameters>(?:\s*;\s*[!#$&'*+.^_`|~0-9A-Za-z-]+=(?:\"[^\"\\]*\"|[^;,\"\s]*))*)\s*"
)
_MAX_AGE = re.compile(r";\s*ma=\"?(\d{1,10})\"?(?![^;\s])", re.IGNORECASE)
_PERSIST = re.compile(r";\s*persist=\"?1\"?(?![^;\s])", re.IGNORECASE)
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
    host, colon, port = entry["authority"].rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 < int(port[:6]) < 65536:
        return None
    if host and not host.strip("[]."):
        return None
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        return None
    age = _MAX_AGE.search(entry["parameters"])
    return AltService(
        # A token cannot hold every name of ALPN, so the rest is percent-encoded (§3).
        protocol=printable(unquote(entry["protocol"], "latin-1"), 32),
        host=printable(host.strip("[]").rstrip("."), 253).lower(),
        port=int(port),
        max_age_seconds=int(age[1]) if age is not None else DEFAULT_MAX_AGE,
        persist=_PERSIST.search(entry["parameters"]) is not None,
    )


def https_records(answers: tuple[str, ...]) -> tuple[tuple[ServiceRecord, ...], str | None]:
    """Return the records by preference, and the target of an alias instead of them.

    With an alias (priority 0) nothing else counts; the empty one says that there is no service.
    """
    found: list[ServiceRecord] = []
    for text in answers:
        priority, _, rest = text.strip().partition(" ")
        target, _, parameters = rest.strip().partition(" ")
        if not (priority.isascii() and priority.isdigit()) or not target:
            continue
        name = printable(target.rstrip("."), 253).lower()
        if int(priority[:6]) == 0:
            return (), name
        found.append(_record(int(priority[:6]), name, parameters))
    return tuple(sorted(found, key=lambda record: record.priority)), None


def _record(priority: int, target: str, parameters: str) -> ServiceRecord:
    given = {
        name: value.strip('"')[:4096]
        for name, value in _PARAMETER.findall(parameters[:65536])[: 4 * MAX_SERVICES]
    }
    port = given.get("port", "")
    sound = port.isascii() and port.isdigit() and int(port[:6]) < 65536
    mandatory = _listed(given, "mandatory")
    return ServiceRecord(
        priority=priority,
        target=target,
        alpn=_listed(given, "alpn"),
        no_default_alpn="no-default-alpn" in given,
        port=int(port) if sound and int(port) else None,
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
