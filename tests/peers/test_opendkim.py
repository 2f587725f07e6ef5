"""OpenDKIM signs what we verify, and agrees on what does not verify."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.labkit.serve import Kit
from seventh.protocols.mail.facts import ReceivedFacts
from seventh.protocols.mail.facts.answer import Answer
from tests.peers.opendkim import milter, results, sign
from tests.peers.test_roundtrip import mail_host
from tests.protocols.mail import rfc8463
from tests.protocols.mail.dkim_keys import p, pem, rsa_key
from tests.protocols.mail.wire.test_verify import (
    CANONS,
    FOOTER,
    NAME,
    PASS,
    PLAIN,
    changed,
    signed,
    verdict,
    verdicts,
)
from tests.reports import facts, found

pytestmark = pytest.mark.peer
RECORD = b"v=DKIM1; p=" + p(rsa_key())
MESSAGES = [
    *(signed(canon) for canon in CANONS[:4]), signed(length=True), signed(length=True) + FOOTER,
    signed() + FOOTER, signed("simple/simple") + b"\r\n\r\n", signed("simple/simple") + b" \r\n",
    changed(b"Subject: An", b"Subject: [tea] An"), changed(b"Subject: An", b"SUBJECT :  An"),
    changed(b"Subject: An", b"SUBJECT: An", signed("simple/simple")),
    changed(b"\r\n\r\nGood", b"\r\nTo: more@example.net\r\n\r\nGood"),
    changed(b"\r\n\r\nGood", b"\r\nX-New: field\r\n\r\nGood"),
    changed(b"Good  tea, ", b"Good tea,"), changed(b"Good  tea", b"Goodtea"),
    changed(b"i=@example.org", b"i=a@example.net"),
    changed(b"i=@example.org", b"i=a@x.example.org"),
]  # fmt: skip


def test_both_agree_on_messages(tmp_path: Path) -> None:
    theirs = results(tmp_path, MESSAGES, {NAME: RECORD})
    ours = [tuple(one.outcome for one in verdicts(message)) for message in MESSAGES]
    # OpenDKIM calls a signature whose i= is of another domain a permanent error.
    assert ours == [tuple("fail" if one == "permerror" else one for one in each) for each in theirs]
    assert {one for each in ours for one in each} == {"pass", "fail"}


@pytest.mark.parametrize(
    ("record", "accepts"),
    [
        (b"v=DKIM1; p=", False), (b"v=DKIM1; k=rsa; t=y:s; p=" + p(rsa_key()), True),
        (b"p=" + p(rsa_key()), True), (b"v=DKIM1; h=sha1; p=" + p(rsa_key()), False),
        (b"v=DKIM1; s=other; p=" + p(rsa_key()), False), (b"v=DKIM2; p=" + p(rsa_key()), False),
        (b"v=DKIM1; k=dsa; p=" + p(rsa_key()), False), (b"v=DKIM1; p=AAAA", False),
        (b"v=DKIM1; p=" + p(rsa_key(1024)), False),
    ],
)  # fmt: skip
def test_both_agree_on_keys(record: bytes, accepts: bool, tmp_path: Path) -> None:
    ((theirs,),) = results(tmp_path, [signed()], {NAME: record})
    answer = Answer(name=NAME, rtype="TXT", outcome="ok", texts=(record,))
    assert ((theirs == "pass"), verdict(signed(), answer).outcome == "pass") == (accepts, accepts)


def test_the_rsa_signature_of_the_standard(tmp_path: Path) -> None:
    """This build of OpenDKIM has no Ed25519; of the two signatures it verifies the other."""
    (theirs,) = results(tmp_path, [rfc8463.MESSAGE], rfc8463.RECORDS)
    assert "pass" in theirs


@pytest.mark.parametrize("canon", CANONS[:4])
def test_what_opendkim_signs_verifies(canon: str, tmp_path: Path) -> None:
    assert verdict(sign(tmp_path, PLAIN, pem(rsa_key()), canon)) == PASS


async def test_postfix_with_opendkim_signs_a_round_trip(kit: Kit, tmp_path: Path) -> None:
    """One milter signs all of the message, the other only as many bytes as there are."""
    zone = {
        f"{name}._domainkey.lab.test": {"TXT": (f'"v=DKIM1;" " p={p(key).decode()}"',)}
        for name, key in (("s1", rsa_key(1024)), ("s2", rsa_key(1024)))
    }
    private = pem(rsa_key(1024))
    async with (
        milter(tmp_path, "s1", private) as one,
        milter(tmp_path, "s2", private, "BodyLengthDB csl:*\n") as other,
        mail_host(
            kit, f"smtpd_milters = inet:127.0.0.1:{one}, inet:127.0.0.1:{other}\n", zone=zone
        ) as host,
    ):
        report, made = await host.check("imaps")
    assert (report.failure, made.removed) == (None, True)
    message = facts(report, ReceivedFacts).message
    assert message is not None
    assert [(each.selector, each.outcome) for each in message.signatures] == [
        ("s2", "pass"), ("s1", "pass"),
    ]  # fmt: skip
    partial = [each.unsigned_bytes for each in message.signatures]
    assert partial == [0, None]
    assert found(report) & {"DKIM-SIG-FAIL", "DKIM-SIG-LTAG"} == {"DKIM-SIG-LTAG"}
