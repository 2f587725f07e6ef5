"""Signatures: those of other signers verify, and what broke one is named only if it is proven."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.message import Signed
from seventh.protocols.mail.wire import canonical
from seventh.protocols.mail.wire.canonical import Body, header_field
from seventh.protocols.mail.wire.dkim import read_signature
from seventh.protocols.mail.wire.header import Field, named
from seventh.protocols.mail.wire.message import Message
from seventh.protocols.mail.wire.verify import Verifying
from tests.protocols.mail import rfc8463
from tests.protocols.mail.dkim_keys import p, pem, rsa_key

NAME = "s1._domainkey.example.org"
KEY = Answer(name=NAME, rtype="TXT", outcome="ok", texts=(b"v=DKIM1; p=" + p(rsa_key()),))
PLAIN = (
    b"From: Anna <anna@example.org>\r\nTo: list@example.net\r\nSubject: An offer\r\n of  tea\r\n"
    b"Date: Mon, 30 Nov 2026 10:00:00 +0000\r\n\r\nGood  tea, \r\n\r\nand cheap.\r\n\r\n\r\n"
)
_PIECES = 7


def message(data: bytes) -> Message:
    def pieces() -> Iterator[bytes]:
        return (data[i : i + _PIECES] for i in range(0, len(data), _PIECES))

    return Message(pieces)


def signed(
    canon: str = "relaxed/relaxed", *, length: bool = False, data: bytes = PLAIN,
    names: tuple[bytes, ...] = (b"from", b"to", b"subject", b"date"),
) -> bytes:  # fmt: skip
    """The message as dkimpy signs it."""
    header, body = canon.encode().split(b"/")
    made: bytes = dkim.sign(
        data, b"s1", b"example.org", pem(rsa_key()), canonicalize=(header, body),
        include_headers=list(names), length=length,
    )  # fmt: skip
    return made + data


def verdicts(data: bytes, answer: Answer | None = KEY) -> list[Signed]:
    read = message(data)
    found: list[Signed] = []
    for field in named(read.fields, "dkim-signature"):
        verifying = Verifying(read_signature(field))
        for piece in read.body() if verifying.body is not None else ():
            verifying.body.feed(piece)
        verifying.body_ended()
        found.append(verifying.verdict(read.fields, answer, read.body, sum(map(len, read.body()))))
    return found


def verdict(data: bytes, answer: Answer | None = KEY) -> Signed:
    (only,) = verdicts(data, answer)
    return only


def expected(**more: object) -> Signed:
    fields: dict[str, object] = {
        "domain": "example.org", "selector": "s1", "algorithm": "rsa-sha256", "key_bits": 2048,
        **more,
    }  # fmt: skip
    return Signed(**fields)  # type: ignore[arg-type]


PASS = expected(outcome="pass", header_intact=True)
CANONS = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed", "relaxed"]


@pytest.mark.parametrize("canon", CANONS[:4])
@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"\r\n\r\n", b"x", b" \t\r\n", b"a \t b\r\n \r\n\r\n"]
)
def test_what_dkimpy_signs_verifies(canon: str, body: bytes) -> None:
    data = PLAIN.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    assert verdict(signed(canon, data=data)) == PASS


def test_a_message_of_a_file_has_bare_line_ends() -> None:
    assert verdict(signed().replace(b"\r\n", b"\n")) == PASS
    assert verdict(b"From anna Mon Nov 30\n" + signed().replace(b"\r\n", b"\n")) == PASS


def test_both_algorithms_of_the_standard() -> None:
    both = [
        verdicts(rfc8463.MESSAGE, Answer(name=n, rtype="TXT", outcome="ok", texts=(r,)))[i]
        for i, (n, r) in enumerate(rfc8463.RECORDS.items())
    ]
    assert [(one.algorithm, one.key_bits, one.outcome) for one in both] == [
        ("ed25519-sha256", 256, "pass"), ("rsa-sha256", 1024, "pass"),
    ]  # fmt: skip


FOOTER = b"-- \r\nA list\r\nhttps://list.example\r\n"


def changed(old: bytes, new: bytes, data: bytes | None = None) -> bytes:
    data = signed() if data is None else data
    assert data.count(old) == 1
    return data.replace(old, new)


def test_z_keeps_what_was_signed() -> None:
    """A signer that copies the header (z=) shows which field was changed, and to what."""
    field = b"|subject:Another=20one"
    data = _resigned(b"z=from:x" + field + b"; ", subject=b" Another one")
    assert verdict(data) == expected(
        outcome="fail", cause="header", header_intact=False, header_change="restored",
        changed_field="Subject",
    )  # fmt: skip


def _resigned(tag: bytes, subject: bytes) -> bytes:
    """A message with an extra tag, signed by hand for another subject."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    from seventh.protocols.mail.wire.dkim import signed_bytes

    data = signed().replace(b"v=1;", b"v=1; " + tag, 1)
    data = re.sub(rb"(\sb=)[A-Za-z0-9+/=\s]*?(\r\nFrom)", rb"\1\2", data, count=1)
    was = message(data.replace(b"Subject: An offer\r\n of  tea", b"Subject:" + subject))
    signature = read_signature(named(was.fields, "dkim-signature")[0])
    made = rsa_key().sign(signed_bytes(signature, was.fields), padding.PKCS1v15(), hashes.SHA256())
    return data.replace(b" b=\r\nFrom", b" b=" + base64.b64encode(made) + b"\r\nFrom", 1)


@pytest.mark.parametrize(
    ("data", "more"),
    [
        (signed() + FOOTER, {"cause": "body", "header_intact": True, "body_change": "appended",
                             "appended_lines": 3}),
        (signed("simple/simple") + FOOTER,
         {"cause": "body", "header_intact": True, "body_change": "appended", "appended_lines": 3}),
        (changed(b"Good  tea, \r\n", b"Good tea,\r\n", signed("simple/simple", data=PLAIN)),
         {"cause": "body", "header_intact": True}),
        (changed(b"Good tea", b"Good   tea", signed("simple/simple", data=PLAIN.replace(
            b"Good  tea, ", b"Good tea,"))),
         {"cause": "body", "header_intact": True, "body_change": "white-space"}),
        (changed(b"cheap", b"dear"), {"cause": "body", "header_intact": True}),
        (changed(b"Subject: An", b"Subject: [tea] An"),
         {"cause": "header", "header_intact": False, "header_change": "prefix",
          "changed_field": "Subject"}),
        (changed(b"Subject: An", b"Subject: (tea) An") + FOOTER,
         {"cause": "body", "header_intact": False, "header_change": "prefix",
          "changed_field": "Subject", "body_change": "appended", "appended_lines": 3}),
        (changed(b"Subject: An", b"Subject: My"), {"cause": "header", "header_intact": False}),
        (changed(b"From: Anna <anna@example.org>",
                 b"From: list@example.net\r\nReply-To: Anna <anna@example.org>"),
         {"cause": "header", "header_intact": False, "header_change": "copied",
          "changed_field": "From"}),
        (changed(b"\r\n\r\nGood", b"\r\nTo: more@example.net\r\n\r\nGood"),
         {"cause": "header", "header_intact": False, "header_change": "added",
          "changed_field": "To"}),
        (changed(b"An offer of", b"An offer\r\n of", signed(
            "simple/simple", data=PLAIN.replace(b"An offer\r\n of", b"An offer of"))),
         {"cause": "header", "header_intact": False, "header_change": "refolded",
          "changed_field": "Subject"}),
    ],
    ids=["footer", "footer-simple", "space-lost", "space-added", "word", "prefix", "both",
         "subject", "from", "second-to", "refolded"],
)  # fmt: skip
def test_what_broke_it(data: bytes, more: dict[str, object]) -> None:
    assert verdict(data) == expected(outcome="fail", **more)


@pytest.mark.parametrize(
    ("record", "more"),
    [
        (b"v=DKIM1; p=", {"key_bits": None, "cause": "revoked"}),
        (b"v=DKIM1; p=%", {"key_bits": None, "cause": "key"}),
        (b"v=DKIM1; h=sha1; p=" + p(rsa_key()), {"cause": "key"}),
        (b"v=DKIM1; t=y; p=" + p(rsa_key(1024)),
         {"cause": "header", "key_bits": 1024, "testing": True, "header_intact": False}),
    ],
)  # fmt: skip
def test_keys_that_do_not_fit(record: bytes, more: dict[str, object]) -> None:
    answer = Answer(name=NAME, rtype="TXT", outcome="ok", texts=(record,))
    assert verdict(signed(), answer) == expected(outcome="fail", **more)


@pytest.mark.parametrize(
    ("answer", "more"),
    [
        (None, {"outcome": "unknown", "cause": "not-asked"}),
        (Answer(name=NAME, rtype="TXT", outcome="servfail"),
         {"outcome": "unknown", "cause": "lookup"}),
        (Answer(name=NAME, rtype="TXT", outcome="timeout"),
         {"outcome": "unknown", "cause": "lookup"}),
        (Answer(name=NAME, rtype="TXT", outcome="nxdomain"),
         {"outcome": "fail", "cause": "no-key"}),
        (Answer(name=NAME, rtype="TXT", outcome="no-data"), {"outcome": "fail", "cause": "no-key"}),
    ],
)  # fmt: skip
def test_a_key_that_is_not_known_proves_nothing(
    answer: Answer | None, more: dict[str, object]
) -> None:
    assert verdict(signed(), answer) == expected(key_bits=None, **more)


def test_part_of_the_body() -> None:
    whole = verdict(signed(length=True))
    assert whole == expected(outcome="pass", header_intact=True, signed_bytes=25, unsigned_bytes=0)
    more = verdict(signed(length=True) + b"<b>Buy</b>\r\n")
    assert more == expected(outcome="pass", header_intact=True, signed_bytes=25, unsigned_bytes=16)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"v=1;", b"v=2;", "version"), (b"a=rsa-sha256", b"a=rsa-md5", "algorithm"),
        (b"c=relaxed/relaxed", b"c=relaxed/none", "canonicalisation"),
        (b"d=example.org", b"", "syntax"), (b"bh=", b"bh=!", "syntax"),
        (b"q=dns/txt;", b"l=-1;", "syntax"), (b"q=dns/txt;", b"q=dns/txt; d=x.example;", "syntax"),
        (b"h=from :", b"h=", "from-not-signed"),
        (b"i=@example.org", b"i=a@example.net", "identity"),
        (b"i=@example.org", b"i=a@notexample.org", "identity"),
    ],
)  # fmt: skip
def test_malformed_signatures(old: bytes, new: bytes, fault: str) -> None:
    found = verdict(changed(old, new))
    assert (found.outcome, found.cause, found.fault) == ("fail", "malformed", fault)


def test_an_identity_below_the_domain() -> None:
    for identity in (b"a@example.org", b"@mail.example.org"):
        found = verdict(changed(b"i=@example.org", b"i=" + identity))
        assert (found.cause, found.fault) == ("header", None)
    strict = Answer(
        name=NAME, rtype="TXT", outcome="ok", texts=(b"v=DKIM1; t=s; p=" + p(rsa_key()),)
    )
    found = verdict(changed(b"i=@example.org", b"i=@mail.example.org"), strict)
    assert (found.cause, found.fault) == ("key", None)
    assert verdict(signed(), strict) == PASS


def test_what_is_kept_of_long_texts() -> None:
    long = b"x" * 254
    data = b"DKIM-Signature: v=1; a=rsa-%s; d=%s; s=%s; h=from; bh=AA==; b=AA==\r\n" % (
        long, long, long,
    )  # fmt: skip
    assert verdict(data + PLAIN) == Signed(
        domain="x" * 253 + "…", selector="x" * 253 + "…", algorithm="rsa-" + "x" * 28 + "…",
        outcome="fail", cause="malformed", fault="algorithm",
    )  # fmt: skip


@pytest.mark.parametrize(("others", "fault"), [(255, None), (256, "from-not-signed")])
def test_only_so_many_names_are_read(others: int, fault: str | None) -> None:
    field = b"DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; bh=AA==; b=AA==; h=%sfrom\r\n"
    assert read_signature(Field(field % (b"x:" * others))).fault == fault


def test_sha1_is_not_accepted() -> None:
    made = dkim.sign(
        PLAIN, b"s1", b"example.org", pem(rsa_key()), signature_algorithm=b"rsa-sha1",
        include_headers=[b"from"],
    )  # fmt: skip
    found = verdict(made + PLAIN)
    assert (found.outcome, found.cause) == ("fail", "weak")


@given(st.binary(max_size=400))
@settings(max_examples=60)
def test_any_bytes_are_judged(data: bytes) -> None:
    verdicts(b"DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=a; h=from; " + data)
    verdicts(data)


@given(
    st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"\t", b"_", b"bc"]), max_size=30),
    st.integers(1, 9),
    st.sampled_from(["simple", "relaxed"]),
    st.sampled_from([0, 3, canonical._LONGEST_HELD]),
)
@settings(max_examples=200)
def test_a_body_in_pieces_has_the_hash_that_dkimpy_gives(
    parts: list[bytes], size: int, canon: str, held: int
) -> None:
    from dkim.canonicalization import Relaxed, Simple

    data = b"".join(parts) + b"\r\n"  # dkimpy does not end a last line of white space alone
    body = Body(canon, "sha256")  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canonical, "_LONGEST_HELD", held)
        for i in range(0, len(data), size):
            body.feed(data[i : i + size])
    other = (Relaxed if canon == "relaxed" else Simple).canonicalize_body(data)
    assert body.finish() == hashlib.sha256(other).digest()
    assert body.canonical_bytes == len(other)


def test_a_line_is_held_up_to_64_kib() -> None:
    body = Body("simple", "sha256")
    body.feed(b"x" * 65_536)
    assert body.canonical_bytes == 0
    body.feed(b"x")
    assert body.canonical_bytes == 65_537


def test_a_line_without_end_is_not_held() -> None:
    for canon, piece, wanted in (
        ("simple", b"x \t y" * 20_000, b"x \t y" * 20_000),
        ("relaxed", b"x \t y" * 20_000, b"x y" * 20_000),
        ("relaxed", b" " * 100_000, b" "),
    ):
        body = Body(canon, "sha256")  # type: ignore[arg-type]
        for _ in range(3):
            body.feed(piece)
            assert len(body._pending) <= 2
        body.feed(b"\r" + b"z")
        whole = wanted * 3 if canon == "simple" or b"x" in piece else wanted
        assert body.finish() == hashlib.sha256(whole + b"\rz\r\n").digest()


def test_fields_as_they_are_signed() -> None:
    field = Field(b"SubJect \t:  a\r\n\tb \t c \r\n")
    assert header_field(field, "simple") == b"SubJect \t:  a\r\n\tb \t c \r\n"
    assert header_field(field, "relaxed") == b"subject:a b c\r\n"
