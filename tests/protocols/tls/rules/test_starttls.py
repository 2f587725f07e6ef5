"""The whole verdict on what came in clear before TLS."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.starttls import StarttlsName
from seventh.model.tlsfacts import Starttls, TlsFacts
from seventh.protocols.tls.rules import handshake
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


def by(protocol: StarttlsName, **more: Any) -> TlsFacts:
    return GOOD.learn(starttls=Starttls(protocol=protocol, injected_bytes=0), **more)


FULL: dict[str, Any] = {"resumed": False, "tickets": 0}


@pytest.mark.parametrize(
    ("facts", "begin"),
    [
        (GOOD.learn(**FULL), "medium: "),
        (by("imap", **FULL), "low: "),
        (by("postgres", **FULL), "not applicable: "),
    ],
)
def test_resumption_matters_less_after_starttls(facts: TlsFacts, begin: str) -> None:
    assert told(handshake.no_resume, facts).startswith(begin)


@pytest.mark.parametrize(
    ("asked", "begin"), [("optional", "skip: "), ("required", "pass"), ("none", "pass")]
)
def test_the_login_decides_about_client_certificates(asked: str, begin: str) -> None:
    facts = by("mysql", client_certificate=asked)
    assert told(handshake.mtls_optional, facts).startswith(begin)


def test_the_greeting_or_the_protocol_selects_the_fix() -> None:
    greeting = Starttls(protocol="smtp", greeting="mx.example ESMTP Postfix")
    assert GOOD.learn(starttls=greeting).product == "postfix"
    assert by("ldap").product == "ldap"
    assert GOOD.product == ""
