"""The search for what broke a signature has limits."""

from __future__ import annotations

import pytest

from seventh.protocols.mail.wire import causes
from seventh.protocols.mail.wire.causes import body_cause, header_cause
from seventh.protocols.mail.wire.dkim import read_signature
from seventh.protocols.mail.wire.dkim_key import read_key
from seventh.protocols.mail.wire.header import named
from tests.protocols.mail.dkim_keys import p, rsa_key
from tests.protocols.mail.wire.test_verify import FOOTER, changed, message, signed

PUBLIC = read_key(b"p=" + p(rsa_key())).public


def test_only_so_many_attempts_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    read = message(changed(b"Subject: An", b"Subject: [tea] An"))
    signature = read_signature(named(read.fields, "dkim-signature")[0])
    assert PUBLIC is not None
    found = []
    for most in range(8):
        monkeypatch.setattr(causes, "MOST_ATTEMPTS", most)
        found.append(header_cause(signature, read.fields, PUBLIC))
    last = found.index(("prefix", "Subject"))
    assert 0 < last < 8
    assert found == [None] * last + [("prefix", "Subject")] * (8 - last)


def test_only_the_tail_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    read = message(signed() + FOOTER)
    signature = read_signature(named(read.fields, "dkim-signature")[0])

    def cause() -> object:
        return body_cause(signature, read.body, sum(map(len, read.body())))

    # The signed body's last line end that matches is two empty lines after its text.
    monkeypatch.setattr(causes, "TAIL_BYTES", len(FOOTER) + 1)
    assert cause() == ("appended", 3)
    monkeypatch.setattr(causes, "TAIL_BYTES", len(FOOTER) - 1)
    assert cause() is None
