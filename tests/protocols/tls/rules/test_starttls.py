"""The whole verdict on what came in clear before TLS."""

from __future__ import annotations

import pytest

from seventh.model.tlsfacts import Starttls, TlsFacts
from seventh.protocols.tls.rules.examples import GOOD
from seventh.protocols.tls.rules.starttls import starttls_inject
from tests.verdicts import told


def after(count: int | None, text: str = "") -> TlsFacts:
    return GOOD.learn(
        starttls=Starttls(protocol="imap", injected_bytes=count, injected=text), version=None
    )


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (TlsFacts(), "skip: no handshake succeeded"),
        (GOOD, "not applicable: TLS starts with the connection"),
        (after(None), "skip: the server gave no go-ahead for TLS"),
        (after(0), "pass"),
        (after(1, "*"), "high: 1 bytes in clear after the go-ahead of imap: *"),
    ],
)
def test_data_before_tls(facts: TlsFacts, line: str) -> None:
    assert told(starttls_inject, facts) == line
