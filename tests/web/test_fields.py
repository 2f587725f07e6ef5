"""Header lists at their limits, which are written out here as a peer would count them."""

from __future__ import annotations

import pytest

from seventh.model.failure import ProtocolViolation
from seventh.web.fields import RawFields, response_fields

STATUS = (b":status", b"200")
_STATUS_BYTES = 7 + 3 + 32


def test_a_list_of_64_kibibytes_is_read() -> None:
    value = b"v" * (65536 - _STATUS_BYTES - 1 - 32)
    assert response_fields([STATUS, (b"a", value)]) == (200, (("a", value.decode()),))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ([STATUS, (b"a", b"v" * (65537 - _STATUS_BYTES - 1 - 32))],
         "a header list of 65537 bytes; the limit is 65536"),
        ([STATUS, *[(b"a", b"")] * 256], "257 header fields; the limit is 256"),
    ],
)  # fmt: skip
def test_one_more_is_too_much(raw: RawFields, says: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        response_fields(raw)
    assert caught.value.detail == says


def test_256_fields_are_read() -> None:
    assert response_fields([STATUS, *[(b"a", b"")] * 255]) == (200, (("a", ""),) * 255)
