"""Requests of rtnetlink: their layout, and the kernel's refusals."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.link import netlink
from seventh.link.emulator import Wanted, enter_user_namespace
from tests.link.carriers import USER, within


@given(st.binary(max_size=50), st.integers(0, 1000))
def test_an_attribute_is_padded_to_four_bytes(value: bytes, kind: int) -> None:
    data = netlink.attribute(kind, value)
    assert struct.unpack_from("=HH", data) == (4 + len(value), kind)
    assert data[4 : 4 + len(value)] == value
    assert len(data) % 4 == 0
    assert not data[4 + len(value) :].strip(b"\0")
    assert len(data) - len(value) < 8


def test_a_message_has_its_length() -> None:
    assert netlink.message(16, b"body") == struct.pack("=IHHII", 20, 16, 5, 1, 0) + b"body"


@pytest.mark.parametrize(
    "request_",
    [
        netlink.link_up(1, mtu=1500, queue=10, address=b"\2\0\0\0\0\1"),
        netlink.veth_pair("a0", "b0", 3),
        netlink.address(1, "198.18.0.2", 24),
        netlink.default_route(1, "198.18.0.1"),
        netlink.default_route(1, ""),
    ],
    ids=["link", "veth", "address", "gateway", "local"],
)
def test_a_request_says_how_long_it_is(request_: bytes) -> None:
    assert struct.unpack_from("=I", request_)[0] == len(request_)
    assert len(request_) % 4 == 0


def test_a_refusal_of_the_kernel_is_an_error() -> None:
    def work(_: Wanted) -> int | None:
        enter_user_namespace()
        with pytest.raises(OSError, match="Operation not permitted") as error:
            netlink.request(netlink.link_up(1))  # of a namespace that is not its own
        return error.value.errno

    assert within(USER, work) == errno.EPERM
