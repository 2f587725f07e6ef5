"""Message numbers, which both of our ends would get wrong alike."""

from __future__ import annotations

from seventh.protocols.ssh.wire.fields import Number, boolean, uint32


def test_numbers_are_those_of_the_standards() -> None:
    assert {number.name: int(number) for number in Number} == {
        # RFC 4250 §4.1.2
        "DISCONNECT": 1, "IGNORE": 2, "UNIMPLEMENTED": 3, "DEBUG": 4, "SERVICE_REQUEST": 5,
        "SERVICE_ACCEPT": 6, "KEXINIT": 20, "NEWKEYS": 21, "USERAUTH_REQUEST": 50,
        "USERAUTH_FAILURE": 51, "USERAUTH_SUCCESS": 52, "USERAUTH_BANNER": 53,
        "GLOBAL_REQUEST": 80, "REQUEST_SUCCESS": 81, "REQUEST_FAILURE": 82, "CHANNEL_OPEN": 90,
        "CHANNEL_OPEN_CONFIRMATION": 91, "CHANNEL_OPEN_FAILURE": 92, "CHANNEL_WINDOW_ADJUST": 93,
        "CHANNEL_DATA": 94, "CHANNEL_EXTENDED_DATA": 95, "CHANNEL_EOF": 96, "CHANNEL_CLOSE": 97,
        "CHANNEL_REQUEST": 98, "CHANNEL_SUCCESS": 99, "CHANNEL_FAILURE": 100,
        # RFC 8308 §2.3; OpenSSH's PROTOCOL
        "EXT_INFO": 7, "PING": 192, "PONG": 193,
    }  # fmt: skip


def test_the_simple_types() -> None:
    assert uint32(0x01020304) == b"\1\2\3\4"
    assert (boolean(True), boolean(False)) == (b"\1", b"\0")
