"""Which protocol answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.wire.identify import identify


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"<!DOCTYPE html>", "HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "HTTP/2"),
        (b"220 mx.example ESMTP Postfix\r\n", "SMTP"),
        (b"220 ProFTPD FTP Server\r\n", "FTP"),
        (b"220 hello\r\n", "SMTP or FTP"),
        (b"* OK [CAPABILITY IMAP4rev1]", "IMAP"),
        (b"+OK Dovecot ready.\r\n", "POP3"),
        (b"RFB 003.008\n", "VNC"),
        (b"J\x00\x00\x00\x0a8.0.36\x00", "MySQL"),
        (b"\x17\x00\x00\x00\xff\x10\x04Too many connections", "MySQL"),
        (b"200 news.example InterNetNews NNRP server\r\n", "NNTP"),
        (b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n', "ManageSieve"),
        (b"<?xml version='1.0'?><stream:stream id='1'>", "XMPP"),
        (b'INFO {"server_id"', "NATS"),
        (b"-ERR unknown command", "Redis"),
        (b"AMQP\x00\x00\x09\x01", "AMQP"),
    ],
)
def test_known_greetings(first: bytes, name: str) -> None:
    assert identify(first) == name


def test_silence_and_noise_are_nobody() -> None:
    assert identify(b"") is None
    assert identify(b"\x00\x01\x02") is None


@given(st.binary(max_size=64))
def test_any_bytes_have_a_name_or_none(data: bytes) -> None:
    assert identify(data) is None or isinstance(identify(data), str)


@pytest.mark.parametrize(
    ("first", "name"),
    [
        # RFC 4253 §4.2, RFC 9112 §4, RFC 9113 §3.4 and §4.1
        (b"SSH-1.99-x", "SSH"), (b"SSH-x", None), (b" SSH-2.0", None), (b"HTTP/2 ", "HTTP"),
        (b"HTTP/x", None), (b"<HTML>", "HTTP"), (b"<doctype html>", None),
        (b"PRI * HTTP/2.0", "HTTP/2"), (b"\0\0\x12\4\0\0\0\0\1", None),
        (b"\0\0\x12\3\0\0\0\0\0", None), (b"\0\0\n\4\0\0\0\0\0", "HTTP/2"),
        # RFC 8446 §5.1: content types 20 to 23, versions SSLv3 to TLS 1.3
        (b"\x14\3\0", "TLS"), (b"\x17\3\4", "TLS"), (b"\x13\3\3", None), (b"\x18\3\3", None),
        (b"\x16\3\5", None), (b"\x16\2\0", None),
        # RFC 9051 §7.1, RFC 1939 §3
        (b"* PREAUTH ", "IMAP"), (b"* BYE ", "IMAP"), (b"* NO ", None), (b"* ok", None),
        (b"+OK", "POP3"), (b"+ok", None),
        # RFC 5321 §4.2, RFC 959 §4.2, RFC 3977 §5.1
        (b"220-mx esmtp", "SMTP"), (b"421 x SMTP", "SMTP"), (b"554 x smtp", "SMTP"),
        (b"220 x Mail", "SMTP"), (b"220 x Exim", "SMTP"), (b"220 x Postfix", "SMTP"),
        (b"421 x FTP", "FTP"), (b"554 x FTP", None), (b"220-FileZilla", "FTP"),
        (b"220-x", "SMTP or FTP"), (b"421 x", None), (b"220x", None),
        (b"220 a\r\n220 ESMTP", "SMTP or FTP"), (b"200 NNTP", "NNTP"), (b"201-news", "NNTP"),
        (b"202 NNTP", None), (b"200 x", None),
        # RFC 5804 §1.6, RFC 6120 §4.2, RFC 6143 §7.1.1
        (b'"implementation"', "ManageSieve"), (b"<stream:stream ", "XMPP"), (b"<stream>", "XMPP"),
        (b"<?xml version='1.0'?>\n<stream ", "XMPP"), (b"<streams>", None), (b"<?xml ?>", None),
        (b"RFB 003.3", None), (b"RFB 003.003\n", "VNC"),
        # MySQL's handshake (protocol 10) and error packets, with any size and error
        (b"\n\0\0\0\x0a5.7", "MySQL"), (b"J\0\0\0\x095.7", None), (b"J\0\0\1\x0a5.7", None),
        (b"J\0\0\0\x0a5", None), (b"\n\0\0\0\xff\n\x04", "MySQL"), (b"\n\0\0\0\xff\x10\5", None),
        (b"\n\0\0\0\xfe\x10\4", None),
        (b"INFO {", "NATS"), (b"INFO x", None), (b"-NOAUTH", "Redis"), (b"+PONG", "Redis"),
        (b"-DENIED", "Redis"), (b"-NO", None), (b"AMQ", None),
        # X.224 in TPKT, CONNACK (MQTT), IAC WILL to DONT (RFC 854)
        (b"\3\0\0\x13", "RDP"), (b"\3\0\1", None), (b"\x20\2\0\0", "MQTT"), (b"\x20\3", None),
        (b"\xff\xfb", "Telnet"), (b"\xff\xfe", "Telnet"), (b"\xff\xfa", None),
        (b"\xff\xff", None),
    ],
)  # fmt: skip
def test_each_sign(first: bytes, name: str | None) -> None:
    assert identify(first) == name
