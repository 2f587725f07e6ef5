"""The lab's signatures verify, and publish what they need."""

from __future__ import annotations

import pytest

from seventh.labkit.dkim import GOOD, SELECTOR, sign
from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.message import Signed
from tests.protocols.mail.wire.test_verify import verdict

RECORD = "".join(GOOD[f"{SELECTOR}._domainkey"].split('"')[1::2]).encode()
KEY = Answer(name="s1._domainkey.lab.test", rtype="TXT", outcome="ok", texts=(RECORD,))


@pytest.mark.parametrize("body", [b"", b"a \t b \r\n\r\n \r\n", b"\r\n\r\n", b"x\r\n.\r\n"])
@pytest.mark.parametrize(("partial", "more"), [(False, b""), (True, b""), (True, b"Footer\r\n")])
def test_what_the_lab_signs_verifies(body: bytes, partial: bool, more: bytes) -> None:
    signed = sign(
        b"From: anna@lab.test\r\nSubject: a\r\n \t b\r\nX: 1\r\n\r\n" + body, partial=partial
    )
    found = verdict(signed + more, KEY)
    assert found == Signed(
        domain="lab.test", selector="s1", algorithm="ed25519-sha256", outcome="pass", key_bits=256,
        header_intact=True, signed_bytes=found.signed_bytes, unsigned_bytes=found.unsigned_bytes,
    )  # fmt: skip
    assert (found.signed_bytes is not None, bool(found.unsigned_bytes)) == (partial, bool(more))
