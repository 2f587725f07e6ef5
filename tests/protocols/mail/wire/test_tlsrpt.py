"""The TLS reporting record."""

from __future__ import annotations

import pytest

from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.tlsrpt import TlsrptFacts
from seventh.protocols.mail.rules.tlsrpt import record_of
from seventh.protocols.mail.wire.tlsrpt import read_answer

NAME = "_smtp._tls.example.org"
GOOD = "v=TLSRPTv1; rua=mailto:a@b.example"


def answered(*texts: str) -> Answer:
    return Answer(name=NAME, rtype="TXT", outcome="ok", texts=tuple(t.encode() for t in texts))


@pytest.mark.parametrize(
    ("texts", "facts"),
    [
        ((GOOD,), TlsrptFacts(outcome="record", text=GOOD, reports=("mailto:a@b.example",))),
        ((GOOD, "v=spf1 -all"),
         TlsrptFacts(outcome="record", text=GOOD, reports=("mailto:a@b.example",))),
        (("v=TLSRPTv1;rua=https://r.example/x,mailto:a@b.example,mailto:b,http://r.example,https:",),
         TlsrptFacts(
             outcome="record",
             text="v=TLSRPTv1;rua=https://r.example/x,mailto:a@b.example,mailto:b,http://r.example,"
             "https:",
             reports=("https://r.example/x", "mailto:a@b.example"),
             wrong=("mailto:b", "http://r.example", "https:"),
         )),
        ((GOOD, GOOD), TlsrptFacts(outcome="several")),
        (("v=TLSRPTv1;",), TlsrptFacts(outcome="invalid", text="v=TLSRPTv1;")),
        (("v=TLSRPTv1; rua=mailto:x",),
         TlsrptFacts(outcome="invalid", text="v=TLSRPTv1; rua=mailto:x", wrong=("mailto:x",))),
        (("v=TLSRPTv1; rua=https://[",),
         TlsrptFacts(outcome="invalid", text="v=TLSRPTv1; rua=https://[", wrong=("https://[",))),
        (("v=TLSRPTv2; rua=mailto:a@b.example",), TlsrptFacts(outcome="none")),
        (("V=TLSRPTv1; rua=mailto:a@b.example",), TlsrptFacts(outcome="none")),
    ],
)  # fmt: skip
def test_a_record_is_read(texts: tuple[str, ...], facts: TlsrptFacts) -> None:
    assert read_answer(answered(*texts)) == facts


def test_no_record_and_no_answer_differ() -> None:
    assert read_answer(Answer(name=NAME, rtype="TXT", outcome="nxdomain")) == TlsrptFacts(
        outcome="none"
    )
    assert read_answer(
        Answer(name=NAME, rtype="TXT", outcome="servfail", detail="why")
    ) == TlsrptFacts(outcome="unknown", detail="why")


def test_the_record_to_publish_is_right() -> None:
    line = record_of("example.org")
    text = "v=TLSRPTv1; rua=mailto:tls-reports@example.org"
    assert line == f'_smtp._tls.example.org. IN TXT "{text}"'
    assert read_answer(answered(text)) == TlsrptFacts(
        outcome="record", text=text, reports=("mailto:tls-reports@example.org",)
    )
