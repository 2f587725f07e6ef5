"""What an error of the engine means, where no server can easily be made to cause it."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from seventh.model.alert import Alert
from seventh.model.failure import Reason
from seventh.net.tls import failures


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("ee key too small", Reason.TLS_CERTIFICATE_WEAK),
        ("ca md too weak", Reason.TLS_CERTIFICATE_WEAK),
        ("unsupported protocol", Reason.TLS_VERSION),
        ("wrong ssl version", Reason.TLS_VERSION),
        ("bad signature", Reason.TLS_HANDSHAKE),
    ],
)
def test_reasons_of_the_engine(reason: str, expected: Reason) -> None:
    error = SSL.Error([("SSL routines", "", reason)])
    assert failures.refused(error, None).reason is expected


def test_an_error_without_reasons_is_a_failed_handshake() -> None:
    failed = failures.refused(SSL.Error(), None, sent=Alert.DECODE_ERROR)
    assert failed.reason is Reason.TLS_HANDSHAKE
    assert failed.detail.endswith("a message cannot be decoded (alert decode_error)")


@pytest.mark.parametrize(
    ("alert", "asked", "expected"),
    [
        (Alert.HANDSHAKE_FAILURE, True, Reason.TLS_CLIENT_CERTIFICATE_REQUIRED),
        (Alert.HANDSHAKE_FAILURE, False, Reason.TLS_HANDSHAKE),
        (Alert.CERTIFICATE_REQUIRED, False, Reason.TLS_CLIENT_CERTIFICATE_REQUIRED),
        (Alert.PROTOCOL_VERSION, True, Reason.TLS_VERSION),
    ],
)
def test_alerts(alert: Alert, asked: bool, expected: Reason) -> None:
    failed = failures.alerted(alert, asked)
    assert (failed.reason, failed.alert) == (expected, alert)


def test_a_warning_ends_nothing() -> None:
    assert failures.fatal([(1, Alert.CLOSE_NOTIFY), (1, Alert.USER_CANCELED)]) is None
    assert failures.fatal([(1, Alert.CLOSE_NOTIFY), (2, 40)]) == 40
