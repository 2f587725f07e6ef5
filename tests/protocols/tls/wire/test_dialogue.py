"""What all dialogues before TLS share: limits, what is quoted, and who is who."""

from __future__ import annotations

import pytest

from seventh.model.failure import Reason
from seventh.protocols.tls.wire.dialogue import Go, Greeting
from seventh.protocols.tls.wire.starttls import PROTOCOLS, named, usual_at
from tests.protocols.tls.wire.test_starttls import Heard, dialogue, failure


@pytest.mark.parametrize(
    ("name", "ports"),
    [
        # IANA's, and what servers use besides: 2525, 3268 (global catalogue), 6432 (PgBouncer)
        ("smtp", (25, 587, 2525)), ("imap", (143,)), ("pop3", (110,)), ("ldap", (389, 3268)),
        ("postgres", (5432, 6432)), ("mysql", (3306,)), ("xmpp", (5222, 5269)), ("ftp", (21,)),
        ("nntp", (119,)), ("sieve", (4190,)),
    ],
)  # fmt: skip
def test_the_usual_ports(name: str, ports: tuple[int, ...]) -> None:
    assert {usual_at(port) for port in ports} == {name}
    assert [port for port in range(1, 10000) if usual_at(port) == name] == list(ports)


@pytest.mark.parametrize(
    ("served", "names"),
    [
        ("SMTP", ("smtp",)), ("IMAP", ("imap",)), ("POP3", ("pop3",)), ("LDAP", ("ldap",)),
        ("PostgreSQL", ("postgres",)), ("MySQL", ("mysql",)), ("XMPP", ("xmpp",)),
        ("FTP", ("ftp",)), ("NNTP", ("nntp",)), ("ManageSieve", ("sieve",)),
        ("SMTP or FTP", ("smtp", "ftp")), ("HTTP", ()),
    ],
)  # fmt: skip
def test_what_was_recognised_by_its_option(served: str, names: tuple[str, ...]) -> None:
    assert named(served) == names


def test_a_line_has_up_to_8192_bytes_and_all_up_to_64_kib() -> None:
    text = b"x" * (8192 - 6)
    assert Heard("nntp", b"200 " + text + b"\r\n382 go\r\n").events[-1] == Go()
    long = failure("nntp", b"200 " + text + b"x\r\n382 go\r\n")
    assert (long.reason, long.detail) == (
        Reason.PROTOCOL_VIOLATION, "more than 8192 bytes without the end of a line",
    )  # fmt: skip
    line = b"200-" + b"x" * 4090 + b"\r\n"
    whole = line * 15 + b"200 " + b"x" * 4086 + b"\r\n"
    assert len(whole) + 4 == 65536
    assert Heard("nntp", whole + b"382\n").events[-1] == Go()
    much = failure("nntp", whole + b"382\r\n")
    assert (much.reason, much.detail) == (
        Reason.PROTOCOL_VIOLATION, "more than 65536 bytes before TLS could start",
    )  # fmt: skip


def test_what_is_shown_is_cut() -> None:
    assert Heard("nntp", b"200 " + b"x" * 200 + b"\r\n").events == [Greeting("x" * 200)] + [
        event for event in Heard("nntp", b"200 x\r\n").events if not isinstance(event, Greeting)
    ]
    assert Heard("nntp", b"200 " + b"x" * 201 + b"\r\n").events[0] == Greeting("x" * 200 + "…")
    refused = failure("nntp", b"400 " + b"x" * 197 + b"\r\n").detail
    assert refused.startswith(f"the server refused the connection: '400 {'x' * 196}…'; its log")
    other = failure("nntp", b"?" * 61 + b"\r\n").detail
    assert other == f"the first bytes are not NNTP: '{'?' * 60}…'"


def test_what_was_heard_and_what_came_after_the_go_ahead() -> None:
    talk = dialogue("postgres")
    talk.begin()
    assert (talk.heard, talk.done, talk.rest) == (False, False, b"")
    assert talk.receive(b"Sab") == [Go()]
    assert (talk.heard, talk.done, talk.rest) == (True, True, b"ab")
    assert talk.receive(b"cd") == []
    assert talk.rest == b"abcd"
    assert {name for name, each in PROTOCOLS.items() if not each.greets} == {
        "ldap", "postgres", "xmpp",
    }  # fmt: skip
