"""What counts as the response to a question, whatever a datagram contains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import Failed, Reason
from seventh.net import dns_query
from seventh.net.dns_query import _query, _response

QUERY = _query("a.test", "A", checking_disabled=False)


def answered(*records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    made = dns.message.make_response(QUERY, recursion_available=True)
    made.set_rcode(rcode)
    for line in records:
        name, rtype, data = line.split(" ", 2)
        made.answer.append(dns.rrset.from_text(name, 60, "IN", rtype, data))
    made.authority.append(dns.rrset.from_text("test.", 60, "IN", "SOA", "a. b. 1 2 3 4 5"))
    return made.to_wire(max_size=65535)


ANSWER = answered("a.test. CNAME b.test.", "b.test. A 192.0.2.1")


@pytest.mark.parametrize(
    "change",
    [
        lambda wire: wire[:11],
        lambda wire: bytes((wire[0] ^ 1,)) + wire[1:],
        lambda wire: wire[:2] + bytes((wire[2] & 0x7F,)) + wire[3:],
        lambda wire: wire.replace(b"\1a\4test", b"\1c\4test", 1),
        lambda wire: wire[:4] + b"\0\0" + wire[6:12],
        lambda wire: wire[:-1],
        lambda wire: wire.replace(b"\4test", b"\xc0\x0c\0\0\0", 1),
    ],
    ids=["short", "id", "query", "name", "no-question", "cut", "pointer"],
)
def test_what_is_no_response(change: Callable[[bytes], bytes]) -> None:
    assert _response(ANSWER, QUERY) is not None
    assert _response(change(ANSWER), QUERY) is None


def test_a_question_in_other_letters_is_the_same() -> None:
    wire = ANSWER.replace(b"\1a\4test", b"\1A\4TesT")
    assert wire != ANSWER
    assert _response(wire, QUERY) is not None


@pytest.mark.parametrize("code", [dns.rcode.FORMERR, dns.rcode.REFUSED, dns.rcode.NOTIMP])
def test_an_error_may_come_without_the_question(code: dns.rcode.Rcode) -> None:
    wire = QUERY.to_wire()[:2] + bytes((0x80, code)) + b"\0" * 8
    found = _response(wire, QUERY)
    assert found is not None
    assert found.rcode() == code


def test_a_response_may_be_cut_off_anywhere() -> None:
    wire = ANSWER[:2] + bytes((ANSWER[2] | 2,)) + ANSWER[3:]
    found = _response(wire[:-20], QUERY)
    assert found is not None
    assert found.flags & dns.flags.TC


@pytest.mark.parametrize(
    ("records", "answers", "authority"),
    [((), 0, 0), (("a.test. CNAME b.test.",), 1, 1)],
)
def test_of_a_name_that_does_not_exist_only_aliases_are_read(
    records: tuple[str, ...], answers: int, authority: int
) -> None:
    found = _response(answered(*records, rcode=dns.rcode.NXDOMAIN), QUERY)
    assert found is not None
    assert (found.rcode(), len(found.answer), len(found.authority)) == (
        dns.rcode.NXDOMAIN, answers, authority
    )  # fmt: skip


@given(st.binary(max_size=100), st.integers(0, 15))
def test_any_bytes_are_a_response_or_not(tail: bytes, code: int) -> None:
    wire = QUERY.to_wire()
    head = wire[:2] + bytes((0x80, code)) + b"\0\1\0\2\0\1\0\0" + wire[12:24]
    found = _response(head + tail, QUERY)
    assert found is None or found.rcode() == code


@pytest.mark.parametrize(
    ("text", "ips"),
    [
        ("nameserver 192.0.2.1\n", ("192.0.2.1",)),
        (
            "# x\nnameserver\nnameserver here\n nameserver fe80::1%eth0 # y\n"
            + "".join(f"nameserver {ip}\n" for ip in ("2001:db8::1", "192.0.2.1", "192.0.2.2")),
            ("fe80::1%eth0", "2001:db8::1", "192.0.2.1"),
        ),
    ],
)
def test_the_systems_resolvers(
    text: str, ips: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text)
    monkeypatch.setattr(dns_query, "_CONFIGURATION", file)
    assert dns_query.servers_of(None) == dns_query.Servers(ips, 53)


@pytest.mark.parametrize("text", ["", "search a.test\n", None])
def test_no_resolver_is_configured(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "resolv.conf"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(dns_query, "_CONFIGURATION", file)
    with pytest.raises(Failed) as raised:
        dns_query.servers_of(None)
    assert raised.value.reason is Reason.RESOLVE_FAILED
