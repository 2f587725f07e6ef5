"""Headers, the way of a message, and ARC sets, as they are written, and as nobody would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.mail.facts.message import Claim, MessageHop
from seventh.protocols.mail.wire import header
from seventh.protocols.mail.wire.arc import read_chain, verdict
from seventh.protocols.mail.wire.header import MAX_FIELDS, Field, named, read_header
from seventh.protocols.mail.wire.message import Message, domain_of, is_message
from seventh.protocols.mail.wire.received import (
    MAX_CLAIMS,
    MAX_HOPS,
    claims_of,
    client_of,
    hops_of,
)


def test_fields() -> None:
    data = (
        b" lost\r\nA: one\r\n\t two \r\nnone of these\r\n goes with it\r\nb\t : x\ny\rz\r\n: x\r\n"
        b"a b: x\r\n\xe9: x\r\nA:\r\n"
    )
    fields = read_header(data)
    assert [field.raw for field in fields] == [
        b"A: one\r\n\t two \r\n", b"b\t : x\ny\rz\r\n", b"A:\r\n",
    ]  # fmt: skip
    assert [(field.name, field.value, field.text) for field in fields] == [
        ("A", b" one\r\n\t two ", "one two"), ("b", b" x\ny\rz", "x y z"), ("A", b"", ""),
    ]  # fmt: skip
    assert named(fields, "a") == [fields[0], fields[2]]


def test_fields_are_counted() -> None:
    fields = read_header(b"A: 1\r\n" * MAX_FIELDS + b"B: 2\r\n 3\r\n")
    assert fields == (Field(b"A: 1\r\n"),) * MAX_FIELDS
    assert read_header(b"\r\n x\r\n\r\nA: 1\r\n\r\n 2") == (Field(b"A: 1\r\n 2\r\n"),)
    assert Field(b"A: \xff\r\n").text == "\ufffd"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_header(data: bytes) -> None:
    fields = read_header(data)
    hops_of(fields), claims_of(fields), read_chain(fields)
    Message(lambda: iter([data])).addresses("from")
    for name in (b"Received", b"Authentication-Results", b"ARC-Seal", b"From"):
        field = Field(name + b": " + data + b"\r\n")
        hops_of([field]), claims_of([field]), read_chain([field])


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"From: a\r\n", True), (b"from : a\n", True), (b"X-A: 1\nSubject: x\n", True),
        (b"From a Mon Nov 30\nReceived: x\n", True), (b"key: value\n", False),
        (b"Subject x\n", False), (b"\nFrom: a\n", False), (b"", False), (b"From: a", False),
        (b"#!/bin/sh\nFrom: a\n", False),
    ],
)  # fmt: skip
def test_what_begins_like_a_message(head: bytes, known: bool) -> None:
    assert is_message(head) is known


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"A: 1\r\n\r\nx\ny\r\n", b"x\ny\r\n"), (b"A: 1\n\nx\ny\r\nz\rw\n", b"x\r\ny\r\nz\rw\r\n"),
        (b"A: 1\n\nx\r", b"x\r"), (b"A: 1\r\n", b""), (b"A: 1\r\n\r\n", b""),
        (b"A: 1\n\n\n", b"\r\n"),
    ],
)  # fmt: skip
def test_a_body_in_any_pieces(data: bytes, body: bytes) -> None:
    for size in (1, 2, 3, 100):
        message = Message(lambda size=size: (data[i : i + size] for i in range(0, len(data), size)))  # type: ignore[misc]
        assert b"".join(message.body()) == body
        assert message.header_bytes == 8
        assert [field.raw for field in message.fields] == [b"A: 1\r\n"]


@pytest.mark.parametrize(
    ("address", "domain"),
    [("a@Example.ORG.", "example.org"), ("a@b@c.example", "c.example"), ("a", "a"),
     ("a@bücher.example", "xn--bcher-kva.example"), ("a@" + "ü" * 70, ""), ("a@", "")],
)  # fmt: skip
def test_domains(address: str, domain: str) -> None:
    assert domain_of(address) == domain


def test_the_addresses_of_a_message() -> None:
    data = b"From: a@x.example\r\n" * 7 + b"FROM: B <b@y>, none, c\r\nFrom: d@z\r\n\r\n"
    read = Message(lambda: iter([data]))
    assert read.addresses("from") == ["a@x.example"] * 7 + ["b@y"]
    for spaces, found in ((8187, ["a@x"]), (8188, []), (9000, [])):
        field = b"From: " + b"_" * spaces + b" <a@x>\r\n\r\n"
        assert Message(lambda field=field: iter([field])).addresses("from") == found  # type: ignore[misc]


def received(text: str) -> Field:
    return Field(f"Received: {text}\r\n".encode())


DATE = "; Mon, 30 Nov 2026 10:00:0%d +0000"


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("from a.example (b [192.0.2.1]) by c.example",
         MessageHop(by="c.example", client="192.0.2.1", helo="a.example")),
        ("FROM [IPv6:2001:db8::1] ([ipv6:2001:DB8::2]) BY c",
         MessageHop(by="c", client="2001:db8::1", helo="[IPv6:2001:db8::1]")),
        ("by c.example (from [192.0.2.1])", MessageHop(by="c.example")),
        ("from x ([999.0.2.1] [192.0.2.2])", MessageHop(by="", client="192.0.2.2", helo="x")),
        ("nothing", MessageHop(by="")),
    ],
)  # fmt: skip
def test_a_hop(text: str, hop: MessageHop) -> None:
    assert hops_of([received(text)]) == (hop,)


def test_the_first_hops_from_the_top() -> None:
    hops = hops_of([received(f"by {i}" + DATE % (i % 10)) for i in range(MAX_HOPS + 2)])
    assert (len(hops), hops[-1].by, hops[0].by) == (MAX_HOPS, "0", str(MAX_HOPS - 1))
    assert hops[-1].seconds == -1.0


def test_a_date_without_a_zone_is_in_utc() -> None:
    top = received("by b; Mon, 30 Nov 2026 10:00:05 -0000")
    assert hops_of([top, received("by a" + DATE % 3)])[1].seconds == 2.0


@pytest.mark.parametrize(
    ("clients", "chosen"),
    [
        (("192.0.2.1", "192.0.2.2"), "192.0.2.2"), (("192.0.2.1", "10.1.2.3"), "192.0.2.1"),
        (("192.0.2.1", "", "127.0.0.1", "fe80::1", "fd00::1", "::1"), "192.0.2.1"),
        (("100.64.0.1", "172.16.0.1", "192.168.0.1", "169.254.0.1"), None),
        (("100.63.255.255",), "100.63.255.255"), (("172.32.0.1",), "172.32.0.1"), ((), None),
    ],
)  # fmt: skip
def test_the_client_from_outside(clients: tuple[str, ...], chosen: str | None) -> None:
    hop = client_of([MessageHop(by=str(i), client=each) for i, each in enumerate(clients)])
    assert (hop.client if hop is not None else None) == chosen


def test_a_long_field_is_read_to_its_4096th_byte() -> None:
    for spaces, by in ((4089, "abc"), (4090, "ab"), (4092, "")):
        assert hops_of([received(" " * spaces + "by abc")]) == (MessageHop(by=by),)
    for spaces, found in ((4085, ("spf=pass",)), (4086, ("spf=pas",)), (4093, ())):
        assert claims_of([results("a" + ";" + " " * spaces + "spf=pass")]) == (
            Claim(by="a", results=found),
        )
    many = "; ".join(f"x{n:02}=pass" for n in range(17))
    (claim,) = claims_of([results(f"a; {many}")])
    assert claim.results == tuple(f"x{n:02}=pass" for n in range(16))


def results(text: str) -> Field:
    return Field(f"Authentication-Results: {text}\r\n".encode())


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("mx.example 1; spf=pass (a; dkim=pass) smtp.mailfrom=a.example;\r\n\tDKIM=Fail header.d=b",
         Claim(by="mx.example", results=("spf=pass", "dkim=fail"))),
        ("mx.example; none", Claim(by="mx.example")), ("", Claim(by="")),
        ("; dmarc=pass", Claim(by="", results=("dmarc=pass",))),
    ],
)  # fmt: skip
def test_a_claim(text: str, claim: Claim) -> None:
    assert claims_of([results(text)]) == (claim,)
    assert len(claims_of([results(text)] * (MAX_CLAIMS + 1))) == MAX_CLAIMS


def chain(*instances: str, states: tuple[str, ...] = (), seal: str = "") -> list[Field]:
    fields: list[Field] = []
    for number, instance in enumerate(instances):
        state = states[number] if states else "none" if number == 0 else "pass"
        fields += [
            Field(f"ARC-Authentication-Results: i={instance}; mx.example; a=b\r\n".encode()),
            Field(f"ARC-Message-Signature: i={instance}; d=x.example; s=m\r\n".encode()),
            Field(f"ARC-Seal: i={instance}; cv={state}; d=x.example; s=s{seal}\r\n".encode()),
        ]
    return fields


@pytest.mark.parametrize(
    ("fields", "count", "broken"),
    [
        ([], 0, False), (chain("1"), 1, False), (chain("1", "2"), 2, False),
        (chain("1", states=("pass",)), 1, True),
        (chain("1", "2", states=("none", "fail")), 2, True),
        (chain("1", "2", states=("none", "none")), 2, True), (chain("2"), 0, True),
        (chain("1", "3"), 0, True), (chain("1", "1"), 0, True), (chain("0"), 0, True),
        (chain("x"), 0, True), (chain("01"), 1, False), (chain("001"), 0, True),
        (chain("1")[:2], 0, True), (chain("1")[1:], 0, True),
        (chain("1", seal="; h=from"), 1, True),
        ([*chain("1")[:2], Field(b"ARC-Seal: cv=none; i=1; d=x.example; s=s\r\n")], 1, False),
        (chain(*map(str, range(1, 51))), 50, False), (chain(*map(str, range(1, 52))), 0, True),
    ],
)  # fmt: skip
def test_sets(fields: list[Field], count: int, broken: bool) -> None:
    found = read_chain(fields)
    assert (len(found.sets), found.broken) == (count, broken)
    keys = (
        ()
        if broken or not count
        else ("m._domainkey.x.example", *["s._domainkey.x.example"] * count)
    )
    assert found.key_names == keys


@pytest.mark.parametrize(
    ("seals", "signature", "said"),
    [([True], True, "pass"), ([True, False], True, "fail"), ([True], False, "fail"),
     ([None], True, "unknown"), ([True], None, "unknown"), ([None], False, "fail")],
)  # fmt: skip
def test_a_chain(seals: list[bool | None], signature: bool | None, said: str) -> None:
    assert verdict(seals, signature) == said


def test_the_header_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    from seventh.protocols.mail.wire import message
    from seventh.protocols.mail.wire.malformed import MalformedError

    monkeypatch.setattr(message, "MAX_HEADER_BYTES", 100)
    assert header.MAX_HEADER_BYTES == 1 << 20
    Message(lambda: iter([b"A: " + b"x" * 97]))
    with pytest.raises(MalformedError):
        Message(lambda: iter([b"A: " + b"x" * 98]))
