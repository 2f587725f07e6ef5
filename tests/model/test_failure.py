"""Reasons: their values never change, and each has the party that can usually fix it."""

from __future__ import annotations

import pytest

from seventh.model.alert import Alert
from seventh.model.failure import (
    NO_TLS_AT_ALL,
    OURS,
    Blame,
    Failed,
    Failure,
    ProtocolViolation,
    Reason,
    system_error,
)

REASONS = {
    "resolve-nxdomain": "local", "resolve-no-address": "peer", "resolve-timeout": "network",
    "resolve-failed": "network", "connect-refused": "peer", "connect-timeout": "network",
    "connect-reset": "peer", "connect-unreachable": "network", "connect-forbidden": "local",
    "address-policy": "peer", "no-reply": "network",
    "starttls-not-offered": "peer", "starttls-refused": "peer", "tls-not-tls": "peer",
    "tls-handshake-failed": "peer", "tls-version-unsupported": "peer",
    "tls-certificate-expired": "peer", "tls-certificate-not-yet-valid": "peer",
    "tls-certificate-host-mismatch": "peer", "tls-certificate-self-signed": "peer",
    "tls-certificate-untrusted": "peer", "tls-certificate-weak": "peer",
    "tls-certificate-invalid": "peer", "tls-client-certificate-required": "peer",
    "protocol-violation": "peer", "protocol-mismatch": "peer", "negotiation-failed": "peer",
    "peer-closed": "peer", "peer-reset": "peer", "peer-silent": "peer", "budget-exceeded": "peer",
    "unexpected-answer": "peer", "auth-required": "peer", "auth-rejected": "peer",
    "host-key-untrusted": "peer", "options-unusable": "local",
    "proxy-unreachable": "proxy", "proxy-tls-failed": "proxy", "proxy-mismatch": "local",
    "proxy-auth-required": "local", "proxy-auth-rejected": "local", "proxy-refused": "proxy",
    "proxy-failed": "proxy", "file-unreadable": "local",
    "file-malformed": "local", "local-resource": "local", "interrupted": "local",
    "internal-error": "seventh",
}  # fmt: skip
"""What programs match on."""


def test_no_reason_is_renamed_or_blames_another() -> None:
    assert {str(reason): str(Failed(reason, "").blame) for reason in Reason} == REASONS


def test_after_a_failure_of_this_machine_the_peer_is_unknown() -> None:
    assert {str(reason) for reason in OURS} == {
        "connect-forbidden", "options-unusable", "local-resource", "interrupted", "internal-error",
        "proxy-unreachable", "proxy-tls-failed", "proxy-mismatch", "proxy-auth-required",
        "proxy-auth-rejected", "proxy-refused", "proxy-failed",
    }  # fmt: skip
    assert {str(reason) for reason in NO_TLS_AT_ALL} == {
        "tls-not-tls", "protocol-mismatch", "peer-silent", "budget-exceeded",
    }  # fmt: skip


def test_a_raiser_may_know_better() -> None:
    failed = Failed(
        Reason.TLS_HANDSHAKE, "no", blame=Blame.NETWORK, phase="tls", alert=Alert.UNKNOWN_CA,
        http_error="INTERNAL_ERROR",
    )  # fmt: skip
    assert str(failed) == "tls-handshake-failed: no"
    assert failed.failure() == Failure(
        reason=Reason.TLS_HANDSHAKE, phase="tls", blame=Blame.NETWORK, detail="no"
    )
    assert (failed.alert, failed.http_error, failed.http_field) == (48, "INTERNAL_ERROR", "")
    plain = Failed(Reason.PEER_CLOSED, "gone")
    assert (plain.alert, plain.http_error, plain.http_field) == (None, "", "")
    assert plain.failure().phase == "-"


def test_a_violation_is_the_peers() -> None:
    assert ProtocolViolation("two heads").failure() == Failure(
        reason=Reason.PROTOCOL_VIOLATION, phase="-", blame=Blame.PEER, detail="two heads"
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (OSError("no number"), "no number"),
        (ValueError("embedded null byte"), "embedded null byte"),
    ],
)
def test_an_error_has_the_systems_words(error: Exception, text: str) -> None:
    assert system_error(error) == text
