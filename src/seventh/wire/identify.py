"""Recognition of protocols by the first bytes that they send."""

from __future__ import annotations

import re

_SIGNS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"SSH-\d"), "SSH"),
    (re.compile(rb"HTTP/\d"), "HTTP"),
    (re.compile(rb"(?i)<(!doctype|html)"), "HTTP"),
    (re.compile(rb"PRI \* HTTP/2"), "HTTP/2"),
    (re.compile(rb"\x00\x00.\x04\x00\x00\x00\x00\x00", re.DOTALL), "HTTP/2"),
    (re.compile(rb"[\x14-\x17]\x03[\x00-\x04]"), "TLS"),
    (re.compile(rb"\* (OK|PREAUTH|BYE)"), "IMAP"),
    (re.compile(rb"\+OK"), "POP3"),
    (re.compile(rb"(?i)(220|421|554)[ -][^\r\n]*(E?SMTP|mail|postfix|exim)"), "SMTP"),
    (re.compile(rb"(?i)(220|421)[ -][^\r\n]*(FTP|filezilla)"), "FTP"),
    (re.compile(rb"220[ -]"), "SMTP or FTP"),
    (re.compile(rb"(?i)20[01][ -][^\r\n]*(NNTP|NNRP|news)"), "NNTP"),
    (re.compile(rb'(?i)"IMPLEMENTATION"'), "ManageSieve"),
    (re.compile(rb"(<\?xml[^>]*\?>\s*)?<(\w+:)?stream\b"), "XMPP"),
    (re.compile(rb"RFB \d{3}\.\d{3}"), "VNC"),
    (re.compile(rb".{3}\x00\x0a\d+\.\d+", re.DOTALL), "MySQL"),
    (re.compile(rb".{2}\x00\x00\xff.\x04", re.DOTALL), "MySQL"),
    (re.compile(rb"INFO \{"), "NATS"),
    (re.compile(rb"(-ERR|-NOAUTH|\+PONG|-DENIED)"), "Redis"),
    (re.compile(rb"AMQP"), "AMQP"),
    (re.compile(rb"\x03\x00\x00"), "RDP"),
    (re.compile(rb"\x20\x02"), "MQTT"),
    (re.compile(rb"\xff[\xfb-\xfe]"), "Telnet"),
)


def identify(first: bytes) -> str | None:
    """Return the protocol's name, or None."""
    for pattern, name in _SIGNS:
        if pattern.match(first):
            return name
    return None
