"""Where HTTP/3 is announced: the Alt-Svc field (RFC 7838) and the HTTPS record (RFC 9460)."""

from __future__ import annotations

import re

import msgspec

from seventh.protocols.http.facts_versions import AltService
from seventh.wire.text import printable

MAX_SERVICES = 16
DEFAULT_MAX_AGE = 86400
_ENTRY = re.compile(
    r"\s*(?P<protocol>[!#$%&'*+.^_`|~0-9A-Za-z-]+)=\"(?P<authority>[^\"\\]*)\""
    r"(?P<parameters>(?:\s*;\s*[!#$&'*+.^_`|~0-9A-Za-z-]+=(?:\"[^\"\\]*\"|[^;,\"\s]*))*)\s*"
)
_MAX_AGE = re.compile(r";\s*ma=\"?(\d{1,10})\"?", re.IGNORECASE)
_PARAMETER = re.compile(r"([a-z0-9-]+)(?:=(\"[^\"]*\"|\S+))?")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTPS record in service mode."""

    priority: int
    target: str
    """``.`` for the owner's own name."""
    alpn: tuple[str, ...] = ()
    port: int | None = None
    no_default_alpn: bool = False

    @property
    def protocols(self) -> tuple[str, ...]:
        """All that it stands for: http/1.1 is meant unless it says otherwise (§7.1.2)."""
        return self.alpn if self.no_default_alpn else tuple(dict.fromkeys((*self.alpn, "http/1.1")))


def alt_svc(*values: str) -> tuple[tuple[AltService, ...], bool]:
    """The services that Alt-Svc fields name, and whether they take all back (``clear``).

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
    age = _MAX_AGE.search(entry["parameters"])
    return AltService(
        protocol=printable(entry["protocol"], 32),
        host=printable(host, 253),
        port=int(port),
        max_age_seconds=int(age[1]) if age is not None else DEFAULT_MAX_AGE,
    )


def https_record(text: str) -> Record | None:
    """A record in presentation form, such as ``1 . alpn="h2,h3" port="8443"``; None for no such.

    An alias (priority 0) says nothing of protocols and gives None.
    """
    priority, _, rest = text.strip().partition(" ")
    target, _, parameters = rest.partition(" ")
    if not (priority.isascii() and priority.isdigit()) or int(priority[:6]) == 0 or not target:
        return None
    alpn: tuple[str, ...] = ()
    port: int | None = None
    plain = False
    for name, value in _PARAMETER.findall(parameters):
        value = value.strip('"')
        if name == "alpn":
            alpn = tuple(printable(p, 32) for p in value.split(",")[:MAX_SERVICES] if p)
        elif name == "port" and value.isascii() and value.isdigit():
            port = int(value[:6])
        elif name == "no-default-alpn":
            plain = True
    return Record(
        priority=int(priority[:6]), target=printable(target, 253), alpn=alpn,
        port=port if port and port < 65536 else None, no_default_alpn=plain,
    )  # fmt: skip


def record_name(host: str, port: int, scheme: str = "https") -> str:
    """Where the record of an origin stands (RFC 9460 §9.1)."""
    usual = (scheme, port) in {("https", 443), ("http", 80)}
    return host if usual else f"_{port}._https.{host}"
