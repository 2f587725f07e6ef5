"""The dialogues before TLS, from bytes to events."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.model.failure import Failed, Reason
from seventh.model.starttls import StarttlsName
from seventh.protocols.tls.wire import ldap, mysql, postgresql
from seventh.protocols.tls.wire.dialogue import (
    MAX_BYTES,
    MAX_LINE,
    Dialogue,
    Event,
    Go,
    Greeting,
    Send,
)
from seventh.protocols.tls.wire.mailbox import imap, pop3, sieve
from seventh.protocols.tls.wire.replies import ftp, nntp, smtp
from seventh.protocols.tls.wire.starttls import PROTOCOLS, named, usual_at
from seventh.protocols.tls.wire.xmpp import xmpp

NAMES: tuple[StarttlsName, ...] = get_args(StarttlsName)
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
STREAM = b"<?xml version='1.0'?><stream:stream id='a>b' version='1.0'>"
FEATURES = b"<stream:features><starttls xmlns='x'><required/></starttls></stream:features>"


def my_packet(payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + b"\0" + payload


def my_greeting(capabilities: int = 0xFFFF, protocol: int = 10) -> bytes:
    lower = capabilities.to_bytes(2, "little")
    return my_packet(
        bytes([protocol]) + b"11.4.2-MariaDB\0" + bytes(4) + b"12345678\0" + lower + bytes(30)
    )


def extended(code: int, text: bytes = b"", number: int = 1) -> bytes:
    result = ldap.ber(0x0A, bytes([code])) + ldap.ber(4, b"") + ldap.ber(4, text)
    return ldap.ber(0x30, ldap.ber(2, bytes([number])) + ldap.ber(0x78, result))


def pg_error(*fields: bytes) -> bytes:
    body = b"".join(field + b"\0" for field in fields) + b"\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


GOOD: dict[StarttlsName, bytes] = {
    "smtp": b"220-mx.example ESMTP Postfix\r\n220 welcome\r\n"
    b"250-mx.example\r\n250-SIZE\r\n250 starttls\r\n220 go\r\n",
    "imap": b"* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\na2 OK Begin\r\n",
    "pop3": b"+OK Dovecot ready.\r\n+OK\r\nUIDL\r\nSTLS\r\n.\r\n+OK Begin\r\n",
    "ldap": extended(0),
    "postgres": b"S",
    "mysql": my_greeting(),
    "xmpp": STREAM + FEATURES + b"<proceed xmlns='x'/>",
    "ftp": b"120 soon\r\n220-ProFTPD\r\n220no end\r\n 220 neither\r\n220 ready\r\n234 go\r\n",
    "nntp": b"201 INN NNTP ready\r\n382 go\r\n",
    "sieve": b'"IMPLEMENTATION" {7+}\r\nDovecot\r\n{8}\r\nSTARTTLS\r\nOK (TAG {3}\r\na"b) "x"\r\n'
    b'OK "go"\r\n',
}
GREETINGS = {
    "smtp": "mx.example ESMTP Postfix", "imap": "Dovecot ready.", "pop3": "Dovecot ready.",
    "mysql": "11.4.2-MariaDB", "ftp": "ProFTPD", "nntp": "INN NNTP ready", "sieve": "Dovecot",
}  # fmt: skip
SENT = {
    "smtp": b"EHLO us.example\r\nSTARTTLS\r\n", "imap": b"a2 STARTTLS\r\n",
    "pop3": b"CAPA\r\nSTLS\r\n", "ldap": ldap.REQUEST, "postgres": postgresql.REQUEST,
    "mysql": mysql.REQUEST, "ftp": b"AUTH TLS\r\n", "nntp": b"STARTTLS\r\n",
    "sieve": b"STARTTLS\r\n",
}  # fmt: skip


def dialogue(name: StarttlsName, port: int = 1, server_name: str = "host.example") -> Dialogue:
    return Dialogue(PROTOCOLS[name], us="us.example", server_name=server_name, port=port)


class Heard:
    """What a dialogue made of some bytes."""

    def __init__(self, name: StarttlsName, *pieces: bytes, port: int = 1) -> None:
        talk = dialogue(name, port)
        self.events: list[Event] = talk.begin()
        for piece in pieces:
            if not self.failed:
                self.events += talk.receive(piece)
        self.rest = talk.rest
        self.sent = b"".join(event.data for event in self.events if isinstance(event, Send))

    @property
    def failed(self) -> Failed | None:
        last = self.events[-1] if self.events else None
        return last if isinstance(last, Failed) else None

    @property
    def outcome(self) -> tuple[list[Event], bytes, Reason | None]:
        told: list[Event] = [event for event in self.events if not isinstance(event, Failed)]
        return told, self.rest, self.failed.reason if self.failed else None


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def failure(name: StarttlsName, data: bytes, port: int = 1) -> Failed:
    """The failure, the same in one piece and byte by byte."""
    whole, parts = Heard(name, data, port=port), Heard(name, *bytewise(data), port=port)
    assert whole.outcome == parts.outcome
    assert whole.failed is not None, whole.events
    assert Go() not in whole.events
    return whole.failed


# -- up to the go-ahead ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_each_dialogue_ends_with_the_go_ahead_and_keeps_what_follows(name: StarttlsName) -> None:
    for pieces in ([GOOD[name] + b"more"], bytewise(GOOD[name] + b"more")):
        heard = Heard(name, *pieces)
        assert heard.failed is None, heard.failed
        assert heard.events[-1] == Go()
        assert heard.rest == b"more"
        greetings = [event.text for event in heard.events if isinstance(event, Greeting)]
        assert greetings == ([GREETINGS[name]] if name in GREETINGS else [])
        assert name == "xmpp" or heard.sent == SENT[name]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_less_is_a_go_ahead(name: StarttlsName) -> None:
    for end in range(len(GOOD[name])):
        heard = Heard(name, GOOD[name][:end])
        assert heard.failed is None
        assert Go() not in heard.events
        assert heard.rest == b""


def test_every_protocol_has_a_script_and_a_greeting_where_it_greets() -> None:
    scripts = {protocol.script for protocol in PROTOCOLS.values()}
    assert tuple(PROTOCOLS) == NAMES
    assert {smtp, ftp, nntp, imap, pop3, sieve, xmpp, ldap.ldap, mysql.mysql} < scripts
    assert {name for name in NAMES if PROTOCOLS[name].greets} == set(GREETINGS)


def test_a_protocol_is_proposed_by_its_bytes_or_its_port() -> None:
    assert named("MySQL") == ("mysql",)
    assert named("SMTP or FTP") == ("smtp", "ftp")
    assert named("SSH") == named("") == ()
    assert usual_at(5432) == "postgres"
    assert usual_at(443) is None


def test_xmpp_names_the_domain_and_on_5269_a_server() -> None:
    client = Heard("xmpp", GOOD["xmpp"])
    assert b" to='host.example' xmlns='jabber:client' " in client.sent
    assert client.sent.endswith(f"<starttls xmlns='{TLS}'/>".encode())
    assert b"xmlns='jabber:server'" in Heard("xmpp", port=5269).sent
    (opening,) = dialogue("xmpp", server_name="a'b<&c").begin()
    assert isinstance(opening, Send)
    assert b"to='a&apos;b&lt;&amp;c'" in opening.data
    (opening,) = dialogue("xmpp", server_name="a\udcff").begin()
    assert isinstance(opening, Send)
    assert b"to='a?'" in opening.data


def test_capabilities_are_asked_for_where_the_greeting_does_not_list_starttls() -> None:
    heard = Heard("imap", b"* OK hello\r\n* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\na2 ok\r\n")
    assert heard.events == [
        Greeting("hello"), Send(b"a1 CAPABILITY\r\n"), Send(b"a2 STARTTLS\r\n"), Go()
    ]  # fmt: skip


def test_ftp_falls_back_to_ssl() -> None:
    for code in (b"234", b"334"):
        heard = Heard("ftp", b"220 x\r\n504 no such mechanism\r\n" + code + b" go\r\n")
        assert heard.sent == b"AUTH TLS\r\nAUTH SSL\r\n"
        assert heard.events[-1] == Go()
    assert failure("ftp", b"220 x\r\n334 more\r\n").reason is Reason.STARTTLS_REFUSED


def test_pop3_without_capa_is_asked_all_the_same() -> None:
    assert Heard("pop3", b"+OK\r\n-ERR what\r\n+OK\r\n").events[-1] == Go()


def test_a_bare_line_feed_ends_a_line() -> None:
    assert Heard("nntp", b"200 hello\n382 go\n").events[-1] == Go()


# -- not offered, refused, another protocol --------------------------------------------------------

NOT_OFFERED: list[tuple[StarttlsName, bytes, str]] = [
    ("smtp", b"220 x\r\n250-x\r\n250-SIZE 1\r\n250 DSN\r\n", "lists SIZE, DSN, and not STARTTLS"),
    ("smtp", b"220 x\r\n250 x\r\n", "lists nothing"),
    ("smtp", b"220 x\r\n502 what?\r\n", "EHLO is answered by '502 what?'"),
    ("smtp", b"220 x\r\n250-x\r\n250 XXXXXXXA\r\n", "a firewall masks STARTTLS"),
    ("imap", b"* PREAUTH hello\r\n", "PREAUTH"),
    ("imap", b"* OK x\r\n* CAPABILITY LOGINDISABLED\r\na1 OK\r\n", "refuses logins in clear"),
    ("pop3", b"+OK\r\n+OK\r\nUIDL\r\n.\r\n", "CAPA does not list STLS"),
    ("pop3", b"+OK\r\n-ERR\r\n-ERR what\r\n", "STLS is answered by '-ERR what'"),
    ("ldap", extended(2, b"unsupported"), "protocolError (2) unsupported"),
    ("postgres", b"N", "SSLRequest is answered by N"),
    ("mysql", my_greeting(0xF7FF), "CLIENT_SSL"),
    ("mysql", my_greeting(protocol=9), "CLIENT_SSL"),
    ("xmpp", STREAM + b"<stream:features><sm/></stream:features>", "do not list starttls"),
    ("xmpp", STREAM + b"<stream:features/>", "do not list starttls"),
    # Only in the features is it one.
    ("xmpp", STREAM + b"<stream:features><a><starttls/></a></stream:features>", "do not list"),
    ("ftp", b"220 x\r\n500 AUTH not understood\r\n", "'500 AUTH not understood'"),
    ("ftp", b"220 (vsFTPd 3.0.3)\r\n530 Please login with USER and PASS.\r\n", "530"),
    ("nntp", b"200 x\r\n500 what\r\n", "'500 what'"),
    ("sieve", b'"SIEVE" "x"\r\nOK\r\n', "does not list STARTTLS"),
]


@pytest.mark.parametrize(("name", "data", "said"), NOT_OFFERED)
def test_a_server_without_starttls_is_told_what_to_set(
    name: StarttlsName, data: bytes, said: str
) -> None:
    failed = failure(name, data)
    assert failed.reason is Reason.STARTTLS_NOT_OFFERED
    assert said in failed.detail
    assert PROTOCOLS[name].enable in failed.detail


REFUSED: list[tuple[StarttlsName, bytes, str]] = [
    ("smtp", b"554 no\r\n", "the connection: '554 no'"),
    ("smtp", b"220 x\r\n421 too many\r\n", "EHLO: '421 too many'"),
    ("smtp", b"220 x\r\n250-x\r\n250 STARTTLS\r\n454 no TLS\r\n", "STARTTLS: '454 no TLS'"),
    ("imap", b"* BYE full\r\n", "the connection: 'full'"),
    ("imap", b"* OK [CAPABILITY STARTTLS]\r\na2 NO x\r\n", "STARTTLS: 'NO x'"),
    ("imap", b"* OK [CAPABILITY STARTTLS]\r\n* BYE x\r\n", "STARTTLS: 'BYE x'"),
    ("pop3", b"-ERR busy\r\n", "the connection"),
    ("pop3", b"+OK\r\n+OK\r\nSTLS\r\n.\r\n-ERR no\r\n", "STLS: '-ERR no'"),
    ("ldap", extended(52, b"no certificate"), "StartTLS: 'unavailable (52) no certificate'"),
    ("ldap", extended(0, b"bye", number=0), "the connection"),
    ("ldap", extended(77), "result (77)"),
    ("postgres", pg_error(b"SFATAL", b"C53300", b"Mtoo many"), "'too many (SQLSTATE 53300)'"),
    ("postgres", pg_error(b"Mtoo many"), "'too many'"),
    ("postgres", b"Eunsupported frontend\n\0", "'unsupported frontend'"),
    ("mysql", my_packet(b"\xff\x10\x04#08004Too many connections"), "raise max_connections"),
    ("mysql", my_packet(b"\xff\x69\x04Host '192.0.2.1' is blocked"), "FLUSH HOSTS"),
    ("mysql", my_packet(b"\xff\x01\x04Other"), "'1025 Other'"),
    ("xmpp", STREAM + FEATURES + b"<failure xmlns='x'/>", "starttls"),
    ("xmpp", STREAM + b"<stream:error><host-unknown xmlns='x'/>", "--server-name sets the domain"),
    ("xmpp", STREAM + FEATURES + b"<stream:error><conflict/>", "'conflict'"),
    ("xmpp", STREAM + b"</stream:stream>", "end of the stream"),
    ("ftp", b"421 too many users\r\n", "the connection"),
    ("ftp", b"220 x\r\n431 no\r\n", "AUTH TLS: '431 no'"),
    ("nntp", b"502 not you\r\n", "the connection"),
    ("nntp", b"200 x\r\n580 no\r\n", "STARTTLS: '580 no'"),
    ("sieve", b'BYE "full"\r\n', "the connection"),
    ("sieve", b'"STARTTLS"\r\nOK\r\nNO "x"\r\n', "STARTTLS"),
]


@pytest.mark.parametrize(("name", "data", "said"), REFUSED)
def test_a_refusal_is_quoted(name: StarttlsName, data: bytes, said: str) -> None:
    failed = failure(name, data)
    assert failed.reason is Reason.STARTTLS_REFUSED
    assert said in failed.detail


OTHER: list[tuple[StarttlsName, bytes, str]] = [
    ("smtp", b"* OK IMAP4rev1\r\n", "IMAP"),
    ("smtp", b"200 INN NNTP\r\n", "NNTP"),
    ("smtp", b"220 ProFTPD\r\n530 please log in\r\n", "FTP"),
    ("smtp", b"SSH-2.0-x\r\n", "SSH"),
    ("ftp", b"220 x ESMTP\r\n502 what\r\n", "SMTP"),
    ("imap", b"+OK\r\n", "POP3"),
    ("pop3", b"220 x ESMTP\r\n", "SMTP"),
    ("nntp", b"+OK\r\n", "POP3"),
    ("sieve", b"+OK\r\n", "POP3"),
    ("sieve", b"OK\r\n", ""),
    ("mysql", b"220 x", "SMTP or FTP"),
    ("mysql", my_packet(b"\x0a without an end"), ""),
    ("mysql", my_packet(b"?11.4\0"), ""),
    ("postgres", b"\x15", ""),
    ("ldap", b"2", ""),
    ("xmpp", b"<html>", "HTTP"),
    ("xmpp", b"\r\n220 ready", ""),
    ("nntp", b"\xff\r\n", ""),
]


@pytest.mark.parametrize(("name", "data", "served"), OTHER)
def test_another_protocol_is_named(name: StarttlsName, data: bytes, served: str) -> None:
    failed = failure(name, data)
    assert failed.reason is Reason.PROTOCOL_MISMATCH
    assert failed.served == served
    assert PROTOCOLS[name].title in failed.detail


def test_tls_in_reply_to_a_request_in_clear_is_recognised() -> None:
    heard = Heard("ldap", b"\x15\x03\x01\x00\x02\x02\x46")
    assert heard.failed is not None
    assert heard.failed.served == "TLS"


# -- what no server may send -----------------------------------------------------------------------

BAD: list[tuple[StarttlsName, bytes]] = [
    ("smtp", b"220-x\r\n250 y\r\n"),
    ("smtp", b"220-" + b"x" * MAX_LINE),
    ("smtp", b"220-" + b"x" * MAX_LINE + b"\r\n"),
    ("smtp", b"220-x\r\n" * (MAX_BYTES // 7 + 1)),
    ("ftp", b"220-x\r\n" + b"\r\n" * (MAX_BYTES // 2)),
    ("imap", b"* OK x\r\n* OK x\r\nb1 OK\r\n"),
    ("imap", b"* OK\r\n" + b"* OK\r\n" * (MAX_BYTES // 6)),
    ("pop3", b"+OK\r\nwhat\r\n"),
    ("pop3", b"+OK\r\n+OK\r\n" + b"x\r\n" * (MAX_BYTES // 3)),
    ("sieve", b'"x" {99999}\r\n'),
    ("sieve", b'"x" {5000}\r\n' + b"y" * 5000 + b" {5000}\r\n" + b"y" * 5000 + b"\r\n"),
    ("postgres", pg_error(b"SFATAL")),
    ("postgres", b"Exxxx" + b"x" * MAX_LINE),
    ("ldap", b"\x30\x80"),
    ("ldap", b"\x30\x85\0\0\0\0\1"),
    ("ldap", b"\x30\x84\x7f\xff\xff\xff"),
    ("ldap", extended(0, number=2)),
    ("ldap", ldap.ber(0x30, b"\x02\x01\x01\x61\x00")),
    ("ldap", ldap.ber(0x30, b"\x02\x85\x01")),
    ("ldap", ldap.ber(0x30, b"\x02\x01")),
    ("xmpp", STREAM + b"<!DOCTYPE lolz [<!ENTITY a 'b'>]>"),
    ("xmpp", STREAM + b"<!-- x -->"),
    ("xmpp", STREAM + b"<a>" * 16),
    ("xmpp", STREAM + b"<a></b>"),
    ("xmpp", STREAM + b"<a x='" + b">" * 5000),
    ("xmpp", STREAM + b"<a/>" * (MAX_BYTES // 4)),
]


@pytest.mark.parametrize(("name", "data"), BAD)
def test_what_breaks_the_grammar_or_a_limit_ends_it(name: StarttlsName, data: bytes) -> None:
    assert failure(name, data).reason is Reason.PROTOCOL_VIOLATION


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NAMES), st.binary(max_size=200), st.data())
def test_arbitrary_bytes_give_events_or_a_failure_however_they_are_cut(
    name: StarttlsName, noise: bytes, draw: st.DataObject
) -> None:
    """A good dialogue with noise at any place: never another exception, and no cut matters."""
    at = draw.draw(st.integers(0, len(GOOD[name])))
    until = draw.draw(st.integers(at, len(GOOD[name])))
    data = GOOD[name][:at] + noise + GOOD[name][until:]
    cut = draw.draw(st.integers(0, len(data)))
    whole = Heard(name, data)
    assert whole.outcome == Heard(name, data[:cut], data[cut:]).outcome
    assert whole.outcome == Heard(name, *bytewise(data)).outcome
    allowed = {Reason.STARTTLS_NOT_OFFERED, Reason.STARTTLS_REFUSED, Reason.PROTOCOL_MISMATCH,
               Reason.PROTOCOL_VIOLATION, None}  # fmt: skip
    assert whole.outcome[2] in allowed
