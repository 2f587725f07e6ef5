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
