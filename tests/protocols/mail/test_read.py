"""Messages read as a whole, with the records of a name server."""

from __future__ import annotations

import io
from collections.abc import Mapping

import dkim
import pytest

from seventh.engine.read import Wanted, read
from seventh.labkit.names import name_server
from seventh.model.failure import UsageError
from seventh.model.report import Report
from seventh.model.severity import Status
from seventh.protocols.mail.facts.message import Claim, MessageFacts, MessageHop, Signed
from seventh.protocols.mail.facts.received import ReceivedFacts
from tests.options import options_with
from tests.protocols.mail.dkim_keys import p, pem, rsa_key
from tests.reports import facts, found

PLAIN = (
    b"Received: from out.example.org (out.example.org [192.0.2.7])\r\n"
    b"\tby mx.example.net (Postfix) with ESMTPS; Mon, 30 Nov 2026 10:00:09 +0000\r\n"
    b"Received: from [127.0.0.1] (localhost [127.0.0.1]) by out.example.org;\r\n"
    b"\tMon, 30 Nov 2026 10:00:02 +0000\r\n"
    b"From: Anna <anna@example.org>\r\nTo: bob@example.net\r\nSubject: Tea\r\n\r\nTea?\r\n"
)
TOP = b"Return-Path: <anna@example.org>\r\n"
KEY = f'"v=DKIM1; k=rsa;" " p={p(rsa_key(1024)).decode()}"'
SPF, DMARC = '"v=spf1 ip4:192.0.2.7 -all"', '"v=DMARC1; p=reject"'
ZONE: dict[str, dict[str, tuple[str, ...]]] = {
    "example.org": {"TXT": (SPF,)},
    "s1._domainkey.example.org": {"TXT": (KEY,)},
    "_dmarc.example.org": {"TXT": (DMARC,)},
}
PASS = Signed(
    domain="example.org", selector="s1", algorithm="rsa-sha256", outcome="pass", key_bits=1024,
    header_intact=True,
)  # fmt: skip
HOPS = (
    MessageHop(by="out.example.org", client="127.0.0.1", helo="[127.0.0.1]"),
    MessageHop(by="mx.example.net", client="192.0.2.7", helo="out.example.org", seconds=7.0),
)


def signed(data: bytes = PLAIN, domain: bytes = b"example.org", *, length: bool = False) -> bytes:
    made: bytes = dkim.sign(
        data, b"s1", domain, pem(rsa_key(1024)), include_headers=[b"from", b"to", b"subject"],
        canonicalize=(b"relaxed", b"relaxed"), length=length,
    )  # fmt: skip
    return made + data


async def report(
    data: bytes, zone: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    servfail: tuple[str, ...] = (), *, offline: bool = False,
) -> Report:  # fmt: skip
    async with name_server(ZONE if zone is None else zone, servfail=frozenset(servfail)) as at:
        wanted = Wanted(options=options_with(resolver=at, timeout_seconds=5.0), offline=offline)
        return await read("m.eml", io.BytesIO(data), wanted)


async def judged(data: bytes, *more: object, **others: object) -> MessageFacts:
    made = facts(await report(data, *more, **others), ReceivedFacts)  # type: ignore[arg-type]
    assert made.message is not None
    return made.message


async def test_a_right_message() -> None:
    data = TOP + signed()
    made = await report(data)
    assert facts(made, ReceivedFacts) == ReceivedFacts(
        kind="message",
        message=MessageFacts(
            from_domain="example.org", froms=1, size_bytes=len(data), signatures=(PASS,),
            arc="none", hops=HOPS, client="192.0.2.7", spf_domain="example.org", spf="pass",
            policy="reject", aligned_by=("dkim", "spf"), dmarc="pass",
        ),
    )  # fmt: skip
    assert made.findings == ()
    assert (made.status, made.undecided) == (Status.OK, ())
    assert set(made.passed) == {"DKIM-SIG-FAIL", "DKIM-SIG-LTAG", "DMARC-ALIGN"}
    assert made.target == "file:m.eml"


async def test_offline_nothing_is_verified_and_nothing_fails() -> None:
    made = await report(TOP + signed(), offline=True)
    message = facts(made, ReceivedFacts).message
    assert message is not None
    assert (message.signatures[0].outcome, message.signatures[0].cause) == ("unknown", "not-asked")
    assert (message.spf, message.dmarc, message.policy) == (None, "unknown", None)
    assert facts(made, ReceivedFacts).unknown == {"DNS": "--offline was given"}
    assert made.findings == ()
    assert made.status is Status.UNKNOWN
    assert made.undecided == ("DMARC not verified: --offline was given",)
    assert {one.id for one in made.skipped} == {"DKIM-SIG-FAIL", "DMARC-ALIGN", "SMTP-TLS-FAILRATE"}


async def test_a_resolver_that_fails_proves_nothing() -> None:
    made = await report(TOP + signed(), None, ("TXT",))
    message = facts(made, ReceivedFacts).message
    assert message is not None
    assert (message.signatures[0].outcome, message.signatures[0].cause) == ("unknown", "lookup")
    assert (message.spf, message.dmarc) == ("temperror", "unknown")
    assert made.findings == ()
    assert made.status is Status.UNKNOWN
    why = "the resolver 127.0.0.1 answered SERVFAIL"
    assert facts(made, ReceivedFacts).unknown == {"DNS": why}
    assert made.undecided == (f"DMARC not verified: {why}",)


async def test_a_message_without_anything_to_verify_is_unknown() -> None:
    made = await report(b"From: a@example.org\r\n\r\nTea\r\n")
    assert made.status is Status.UNKNOWN
    assert made.undecided == (
        "DMARC not verified: neither a signature nor a client's address to verify",
    )


async def test_a_finding_is_worse_than_unknown() -> None:
    data = TOP + signed(length=True) + b"Footer\r\n"
    made = await report(data, offline=True)
    assert (found(made), made.status) == ({"DKIM-SIG-LTAG"}, Status.CRITICAL)
    assert made.undecided == ("DMARC not verified: --offline was given",)


@pytest.mark.parametrize(
    ("data", "zone", "aligned", "dmarc", "fired"),
    [
        (TOP + signed() + b"Footer\r\n", {}, ("spf",), "pass", {"DKIM-SIG-FAIL"}),
        (b"Return-Path: <b@mailer.example>\r\n" + signed(domain=b"mailer.example"),
         {"s1._domainkey.mailer.example": {"TXT": (KEY,)},
          "mailer.example": {"TXT": (SPF,)}}, (), "fail", {"DMARC-ALIGN"}),
        (TOP + PLAIN, {"example.org": {"TXT": ('"v=spf1 -all"',)}}, (), "fail", {"DMARC-ALIGN"}),
        # The bounce's domain is below: relaxed alignment counts it, strict does not.
        (b"Return-Path: <x@bounce.example.org>\r\n" + PLAIN,
         {"bounce.example.org": {"TXT": (SPF,)}}, ("spf",), "pass", set()),
        (b"Return-Path: <x@bounce.example.org>\r\n" + PLAIN,
         {"bounce.example.org": {"TXT": (SPF,)},
          "_dmarc.example.org": {"TXT": ('"v=DMARC1; p=reject; aspf=s"',)}},
         (), "fail", {"DMARC-ALIGN"}),
        (TOP + signed(), {"_dmarc.example.org": {}}, (), "none", set()),
        (TOP + signed(PLAIN.replace(b"From: ", b"From: eve@example.net, ")), {}, (), "fail",
         {"DMARC-ALIGN"}),
        # Who sent it is unknown, and so is SPF.
        (b"From: a@example.org\r\n\r\nTea\r\n", {}, (), "unknown", set()),
        # An empty sender: the name of HELO counts.
        (b"Return-Path: <>\r\n" + PLAIN, {"out.example.org": {"TXT": (SPF,)}}, ("spf",), "pass",
         set()),
    ],
    ids=["footer", "other-domain", "spf-fails", "below", "strict", "no-policy", "two-froms",
         "no-client", "bounce"],
)  # fmt: skip
async def test_alignment(
    data: bytes, zone: dict[str, dict[str, tuple[str, ...]]], aligned: tuple[str, ...],
    dmarc: str, fired: set[str],
) -> None:  # fmt: skip
    made = await report(data, ZONE | zone)
    message = facts(made, ReceivedFacts).message
    assert message is not None
    assert (message.aligned_by, message.dmarc) == (aligned, dmarc)
    assert {finding.id for finding in made.findings} == fired


def sealed(data: bytes, state: bytes = b"none") -> bytes:
    """``data`` with one more set, sealed by dkimpy, which reads the chain's state from a claim."""
    claim = b"Authentication-Results: mx.example.org; arc=%s (so far); spf=pass\r\n"
    data = claim % state + data.replace(claim % b"none", b"")
    fields = dkim.arc_sign(
        data, b"s1", b"example.org", pem(rsa_key(1024)), b"mx.example.org",
        include_headers=[b"from", b"to", b"subject"],
    )  # fmt: skip
    return b"".join(fields) + data


async def test_arc_chains() -> None:
    once = sealed(PLAIN)
    assert (await judged(once)).arc == "pass"
    made = await judged(once)
    assert (made.arc_sets, made.arc_sealers) == (1, ("example.org",))
    assert made.claims == (Claim(by="mx.example.org", results=("arc=none", "spf=pass")),)
    twice = sealed(once, b"pass")
    assert (await judged(twice)).arc == "pass"
    # The seal covers the sets below, but only the last message signature has to hold.
    assert (
        await judged(twice.replace(b"arc=none;\r\n spf=pass", b"arc=none;\r\n spf=fail"))
    ).arc == "fail"
    assert (await judged(once + b"more\r\n")).arc == "fail"
    assert (await judged(once.replace(b"cv=none", b"cv=pass"))).arc == "fail"
    assert (await judged(once.replace(b"ARC-Seal: i=1", b"ARC-Seal: i=2"))).arc == "fail"
    assert (await judged(once, None, ("TXT",))).arc == "unknown"
    assert (await judged(PLAIN)).arc == "none"


async def test_a_hop_with_a_wrong_clock_and_one_without_a_date() -> None:
    data = (
        b"Received: by c.example; Mon, 30 Nov 2026 10:00:00 +0000\r\n"
        b"Received: by b.example; no date\r\n"
        b"Received: from x (y [IPv6:2001:DB8::1]) by a.example; Mon, 30 Nov 2026 11:00:10 +0100\r\n"
        b"Received: by first.example; Mon, 30 Nov 2026 10:00:30 +0000\r\n"
        b"From: a@example.org\r\n\r\n"
    )
    assert (await judged(data)).hops == (
        MessageHop(by="first.example"),
        MessageHop(by="a.example", client="2001:db8::1", helo="x", seconds=-20.0),
        MessageHop(by="b.example"),
        MessageHop(by="c.example"),
    )


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", ("m.eml: empty; not a message (RFC 5322), a DMARC aggregate report (XML), a TLS "
              "report (JSON)")),
        (b"\0\1\2 garbage\n", ("m.eml: not a message (RFC 5322), a DMARC aggregate report (XML), a "
                              "TLS report (JSON)")),
        (b"key: value\nother: thing\n", (
            "m.eml: not a message (RFC 5322), a DMARC aggregate report "
                                        "(XML), a TLS report (JSON)")),
        (b"From: a@example.org\r\nX: " + b"x" * (1 << 20), "m.eml: a header of more than 1 MiB"),
        (b"\x1f\x8b not gzip", "m.eml: compressed content that is damaged"),
        (b"PK\x03\x04", "m.eml: a zip archive that is cut off"),
        (b"<html></html>", "m.eml: XML whose first element is <html>: not a DMARC report"),
        (b"{}", "m.eml: not a TLS report: Object missing required field `policies`"),
    ],
)  # fmt: skip
async def test_garbage_is_one_line(data: bytes, error: str) -> None:
    with pytest.raises(UsageError) as raised:
        await read("m.eml", io.BytesIO(data), Wanted(offline=True))
    assert str(raised.value) == error
