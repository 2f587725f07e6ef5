"""The rule for the dialogue in clear before TLS."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.model.tlsfacts import Starttls, TlsFacts
from seventh.protocols.tls.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule


@rule(
    "TLS-STARTTLS-INJECT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Unencrypted data after the STARTTLS go-ahead",
    evidence="{count} bytes in clear after the go-ahead of {protocol}: {line}",
    why="After the go-ahead, nothing may follow before the TLS handshake. A client that keeps what "
    "it has read treats these bytes as if they had come encrypted, so an attacker on the path can "
    "insert responses or capabilities. A correct server never sends them: either something on the "
    "path inserts them, or the server answers commands that were injected before TLS.",
    fix={
        "any": "Run the same check on the server itself, by a loopback address. If it passes, a "
        "device on the path inserts the data: find it by checking from other networks. If not, "
        "update the server. Until then use the port where TLS starts with the connection "
        "(465, 993, 995, 636).",
    },
    references=("RFC 3207 §4.2", "RFC 9051 §6.2.1", "CVE-2011-0411", "CVE-2021-23222"),
    good=GOOD.learn(starttls=Starttls(protocol="imap", injected_bytes=0)),
    bad=GOOD.learn(starttls=Starttls(protocol="imap", injected_bytes=13, injected="* OK injected")),
    seed=(),
)
def starttls_inject(tls: TlsFacts) -> Verdict:
    """Report data that came in clear between the go-ahead and the handshake."""
    found = tls.starttls
    if found is None:
        if tls.version is None:
            return Skip("no handshake succeeded")
        return not_applicable("TLS starts with the connection")
    if found.injected_bytes is None:
        return Skip("the server gave no go-ahead for TLS")
    if not found.injected_bytes:
        return None
    return Hit(count=found.injected_bytes, protocol=found.protocol, line=found.injected)
