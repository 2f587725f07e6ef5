"""MySQL and PostgreSQL before TLS: what is sent, each limit, each answer in full."""

from __future__ import annotations

import pytest

from seventh.model.failure import Reason
from seventh.protocols.tls.wire.dialogue import Go, Greeting
from tests.protocols.tls.wire.test_starttls import Heard, failure, my_greeting, my_packet, pg_error

NO_MYSQL = (
    "MySQL without TLS: the server's capabilities do not include CLIENT_SSL. To enable it in the "
    "section [mysqld]: ssl_cert and ssl_key"
)
LOG = "; its log has the cause"


def test_the_requests_are_those_of_the_documentation() -> None:
    """Protocol::SSLRequest: capabilities, 16 MiB, utf8, 23 zeros; PostgreSQL's is 80877103."""
    assert Heard("mysql", my_greeting()).sent == bytes.fromhex(
        "20000001 018a0800 00000001 21" + "00" * 23
    )
    assert Heard("postgres").sent == bytes.fromhex("00000008") + (80877103).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (my_greeting(0xFFFF & ~0x800), Reason.STARTTLS_NOT_OFFERED, NO_MYSQL),
        (my_greeting(protocol=9), Reason.STARTTLS_NOT_OFFERED, NO_MYSQL),
        (my_greeting(protocol=11), Reason.PROTOCOL_MISMATCH, ""),
        # the first packet has the number 0, and from 1 to 16384 bytes
        (b"\x01\0\0\x01\x0a", Reason.PROTOCOL_MISMATCH, ""),
        (b"\0\0\0\0", Reason.PROTOCOL_MISMATCH, ""),
        (b"\x01\x40\0\0", Reason.PROTOCOL_MISMATCH, ""),
        (my_packet(b"\xff\x15\x04#28000Denied"), Reason.STARTTLS_REFUSED,
         f"the server refused the connection: '1045 Denied'{LOG}"),
        (my_packet(b"\xff\x15\x04Denied"), Reason.STARTTLS_REFUSED,
         f"the server refused the connection: '1045 Denied'{LOG}"),
        (my_packet(b"\xff\x10\x04#08004Too many connections"), Reason.STARTTLS_REFUSED,
         ("the server refused the connection: 1040 'Too many connections': raise max_connections "
          "or close connections")),
        (my_packet(b"\xff\x69\x04Blocked"), Reason.STARTTLS_REFUSED,
         ("the server refused the connection: 1129 'Blocked': too many connections of this host "
         "ended before login; run FLUSH HOSTS, and raise max_connect_errors")),
        (my_packet(b"\xff\x6a\x04Host"), Reason.STARTTLS_REFUSED,
         ("the server refused the connection: 1130 'Host': the server accepts no user from this "
         "host: CREATE USER 'name'@'this host'")),
    ],
)  # fmt: skip
def test_mysql_without_a_go_ahead(data: bytes, reason: Reason, detail: str) -> None:
    failed = failure("mysql", data)
    assert failed.reason is reason
    assert detail in ("", failed.detail)


@pytest.mark.parametrize("size", [1, 16384])
def test_mysql_s_greeting_has_up_to_16_kib(size: int) -> None:
    data = my_packet(b"\x0a5.7\0" + bytes(12) + b"\0\xff\xff" + bytes(size))
    heard = Heard("mysql", data if size == 1 else size.to_bytes(3, "little") + data[3 : size + 4])
    assert heard.events[0] == Greeting("5.7")
    assert heard.events[-1] == Go()
    assert Heard("mysql", my_greeting(0x800)).events[-1] == Go()


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"N", Reason.STARTTLS_NOT_OFFERED,
         ("PostgreSQL without TLS: SSLRequest is answered by N. To enable it in postgresql.conf: "
         "ssl = on, with ssl_cert_file and ssl_key_file")),
        (pg_error(b"SFATAL", b"C53300", b"Mtoo many"), Reason.STARTTLS_REFUSED,
         f"the server refused SSLRequest: 'too many (SQLSTATE 53300)'{LOG}"),
        (pg_error(b"C", b"Mno state"), Reason.STARTTLS_REFUSED,
         f"the server refused SSLRequest: 'no state'{LOG}"),
        (b"E\0\0\0\x08M\0\0\0", Reason.STARTTLS_REFUSED, f"the server refused SSLRequest: ''{LOG}"),
        # what cannot be a length is the text of an error of protocol 2
        (b"E\0\0\0\x07abc\n\0", Reason.STARTTLS_REFUSED,
         f"the server refused SSLRequest: '\\x00\\x00\\x00\\x07abc'{LOG}"),
        (b"E\0\0\x75\x31abc\n\0", Reason.STARTTLS_REFUSED,
         f"the server refused SSLRequest: '\\x00\\x00u1abc'{LOG}"),
        (b"EFATAL:  no\n\0", Reason.STARTTLS_REFUSED,
         f"the server refused SSLRequest: 'FATAL:  no'{LOG}"),
        (pg_error(b"SFATAL"), Reason.PROTOCOL_VIOLATION, "an ErrorResponse has no message"),
        (b"E\0\0\x75\x30Mlong\0" + bytes(29990), Reason.STARTTLS_REFUSED,
         f"the server refused SSLRequest: 'long'{LOG}"),
    ],
)  # fmt: skip
def test_postgresql_without_a_go_ahead(data: bytes, reason: Reason, detail: str) -> None:
    failed = failure("postgres", data)
    assert (failed.reason, failed.detail) == (reason, detail)
