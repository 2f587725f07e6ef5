"""What the engine reports to a tap, and the calls whose failure is an answer."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from seventh.net.tls import openssl
from seventh.net.tls.openssl import Tap

ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23
HELLO = b"\x02\0\0\1x"


def test_messages_and_alerts_are_kept_apart() -> None:
    tap = Tap()
    for sent, kind, data in (
        (False, HANDSHAKE, HELLO), (True, HANDSHAKE, HELLO), (False, HANDSHAKE, b"\x02\0\0"),
        (False, HANDSHAKE, b"\x0e\0\0\0"), (False, HANDSHAKE, b"\x02\0\0\1y"),
        (False, APPLICATION_DATA, HELLO), (False, APPLICATION_DATA, b"\2\x28"),
        (False, ALERT, b"\2\x28"), (True, ALERT, b"\1\0"), (False, ALERT, b"\2"),
        (False, ALERT, b"\2\x28\0"), (False, ALERT, HELLO),
    ):  # fmt: skip
        tap.take(sent, kind, data)
    assert tap.messages == [(2, b"x"), (14, b""), (2, b"y")]
    assert (tap.alerts_received, tap.alerts_sent) == ([(2, 40)], [(1, 0)])
    assert (tap.first(2), tap.first(14), tap.first(1)) == (b"x", b"", None)
    assert (tap.every(2), tap.every(1)) == ([b"x", b"y"], [])


def test_what_is_kept_is_bounded() -> None:
    tap = Tap()
    for _ in range(9):
        tap.take(False, ALERT, b"\1\x5a")
        tap.take(True, ALERT, b"\1\x5a")
    assert (len(tap.alerts_received), len(tap.alerts_sent)) == (8, 8)
    whole = 128 * 1024
    tap.take(False, HANDSHAKE, bytes(whole - 4))
    tap.take(False, HANDSHAKE, bytes(5))
    tap.take(False, HANDSHAKE, bytes(4))
    tap.take(False, HANDSHAKE, bytes(4))
    assert [len(body) for _, body in tap.messages] == [whole - 8, 0]


@pytest.mark.parametrize(
    ("choose", "good", "bad"),
    [
        (openssl.set_groups, "X25519:P-256", "X25519:nothing"),
        (openssl.set_signatures, "ECDSA+SHA256:RSA+SHA256", "ECDSA+nothing"),
    ],
)
def test_a_choice_that_the_engine_lacks_leaves_no_error_behind(
    choose: object, good: str, bad: str
) -> None:
    assert callable(choose)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    assert choose(context, good) is True
    assert choose(context, bad) is False
    assert openssl._lib.ERR_peek_error() == 0


def test_bytes_on_both_sides_of_an_engine() -> None:
    engine = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    engine.set_connect_state()
    assert not openssl.has_output(engine)
    with pytest.raises(SSL.WantReadError):
        engine.do_handshake()
    assert openssl.has_output(engine)
    assert not openssl.has_input(engine)
    engine.bio_write(b"\x16")
    assert openssl.has_input(engine)
    assert (openssl.resumed(engine), openssl.verify_result(engine)) == (False, 0)


def test_offered_protocols_are_in_the_hello() -> None:
    engine = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    engine.set_connect_state()
    openssl.offer_protocols(engine, ("h2", "http/1.1"))
    with pytest.raises(SSL.WantReadError):
        engine.do_handshake()
    assert b"\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1" in engine.bio_read(65536)


def test_the_engines_words_for_an_error() -> None:
    assert openssl.verify_text(10) == "certificate has expired"
