"""LDAP's StartTLS: the request, each form of a length, each answer in full."""

from __future__ import annotations

import pytest

from seventh.model.failure import Reason
from seventh.protocols.tls.wire.dialogue import Go
from seventh.protocols.tls.wire.ldap import ber
from tests.protocols.tls.wire.test_starttls import Heard, extended, failure

LOG = "; its log has the cause"
WITHOUT = (
    "LDAP without TLS: StartTLS is answered by {}. To enable it in OpenLDAP: "
    "olcTLSCertificateFile and olcTLSCertificateKeyFile"
)


def test_the_request_is_the_extended_operation_of_rfc_4511() -> None:
    oid = b"1.3.6.1.4.1.1466.20037"
    assert Heard("ldap").sent == b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + oid


def result(code: int, text: bytes = b"", number: int = 1) -> bytes:
    """The content of a response."""
    return extended(code, text, number)[2:]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_a_length_in_up_to_four_bytes(count: int) -> None:
    body = result(0)
    size = bytes([0x80 | count]) + len(body).to_bytes(count, "big") if count else bytes([len(body)])
    assert Heard("ldap", b"\x30" + size + body).events[-1] == Go()
    text = b"x" * 40
    long = bytes([0x80 | count]) + len(text).to_bytes(count, "big") if count else bytes([len(text)])
    inner = ber(0x0A, b"\0") + ber(4, b"") + b"\x04" + long + text
    whole = ber(2, b"\1") + ber(0x78, inner)
    assert Heard("ldap", ber(0x30, whole)).events[-1] == Go()


def test_an_answer_has_up_to_16_kib() -> None:
    body = result(0)
    data = b"\x30\x82\x40\x00" + body + bytes(16384 - len(body))
    assert Heard("ldap", data).events[-1] == Go()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        # RFC 4511 §4.1.9
        (1, "operationsError"), (8, "strongerAuthRequired"), (10, "referral"),
        (13, "confidentialityRequired"), (50, "insufficientAccessRights"), (51, "busy"),
        (52, "unavailable"), (53, "unwillingToPerform"), (80, "other"), (77, "result"),
    ],
)  # fmt: skip
def test_a_refusal_has_the_name_of_its_code(code: int, name: str) -> None:
    failed = failure("ldap", extended(code, b"why"))
    assert failed.reason is Reason.STARTTLS_REFUSED
    assert failed.detail == f"the server refused StartTLS: '{name} ({code}) why'{LOG}"
    bare = failure("ldap", extended(code))
    assert bare.detail == f"the server refused StartTLS: '{name} ({code})'{LOG}"


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (extended(2, b"unsupported"), Reason.STARTTLS_NOT_OFFERED,
         WITHOUT.format("protocolError (2) unsupported")),
        (b"\x30\x81\x86\2\1\1\x78\x81\x80\x0a\1\2\4\0\4\x79" + b"x" * 121,
         Reason.STARTTLS_NOT_OFFERED,
         WITHOUT.format(f"protocolError (2) {'x' * 120}…")),
        (extended(52, b"bye", number=0), Reason.STARTTLS_REFUSED,
         f"the server refused the connection: 'unavailable (52) bye'{LOG}"),
        (extended(0, number=2), Reason.PROTOCOL_VIOLATION, "the response is to message 2, not 1"),
        (b"\x30\x80", Reason.PROTOCOL_VIOLATION, "an LDAP message has an indefinite length"),
        (b"\x30\x85", Reason.PROTOCOL_VIOLATION,
         "an LDAP message has a length of more than 4 bytes"),
        (b"\x30\x82\x40\x01", Reason.PROTOCOL_VIOLATION,
         "an LDAP message is longer than 16384 bytes"),
        (ber(0x30, b"\x04\1\1"), Reason.PROTOCOL_VIOLATION,
         "the LDAP message has the tag 0x04, not 0x02"),
        (ber(0x30, ber(2, b"\1") + ber(0x61, b"")), Reason.PROTOCOL_VIOLATION,
         "the LDAP message has the tag 0x61, not 0x78"),
        (ber(0x30, ber(2, b"\1") + ber(0x78, ber(2, b"\0"))), Reason.PROTOCOL_VIOLATION,
         "the ExtendedResponse has the tag 0x02, not 0x0a"),
        (ber(0x30, ber(2, b"\1") + ber(0x78, ber(10, b"\0") + ber(5, b""))),
         Reason.PROTOCOL_VIOLATION, "the ExtendedResponse has the tag 0x05, not 0x04"),
        (ber(0x30, b"\x02\x80\0"), Reason.PROTOCOL_VIOLATION,
         "the LDAP message has an element of an invalid length"),
        (ber(0x30, b"\x02\x85\0"), Reason.PROTOCOL_VIOLATION,
         "the LDAP message has an element of an invalid length"),
    ],
)  # fmt: skip
def test_each_other_answer(data: bytes, reason: Reason, detail: str) -> None:
    failed = failure("ldap", data)
    assert (failed.reason, failed.detail) == (reason, detail)
