"""NTS extension fields: what is believed, and what is not."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ntp.wire import nts_fields
from seventh.protocols.ntp.wire.nts_fields import (
    MAX_REQUEST_BYTES,
    Cipher,
    Client,
    FieldType,
    Judgement,
    Keys,
    Parts,
    authenticator,
    dissect,
    key_bytes,
    supported,
    unlock,
)
from seventh.protocols.ntp.wire.nts_ke import MAX_COOKIES
from seventh.protocols.ntp.wire.packet import HEADER_BYTES, ExtensionField, Mode, Packet, parse
from seventh.protocols.ntp.wire.sampler import Sampler, Verdict

NONCE = 0x1122334455667788
AEADS = supported()


class Counter:
    """Bytes that are never twice the same, and not random, so that a test can be told again."""

    def __init__(self) -> None:
        self._count: Iterator[int] = itertools.count(1)

    def __call__(self, size: int) -> bytes:
        return next(self._count).to_bytes(size)


def keys_of(aead: int) -> Keys:
    size = key_bytes(aead)
    return Keys(Cipher(aead, b"s" * size), Cipher(aead, b"c" * size))


def client_of(aead: int = 15, cookies: int = MAX_COOKIES, size: int = 100) -> tuple[Client, Keys]:
    keys = keys_of(aead)
    jar = [bytes([65 + n]) * size for n in range(cookies)]
    return Client(keys, jar, Counter()), keys


def ask(client: Client, nonce: int = NONCE) -> tuple[bytes, Parts]:
    """A request's datagram, and what a server finds in it."""
    data = Packet(transmit=nonce, extensions=client.request(nonce)).encode()
    return data, dissect(parse(data), data)


def reply(
    keys: Keys,
    parts: Parts,
    nonce: int = NONCE,
    *,
    fresh: int = 1,
    unique_id: bytes | None = None,
    inside: bytes | None = None,
    after: tuple[ExtensionField, ...] = (),
    **header: object,
) -> bytes:
    """A server's authenticated answer."""
    packet = msgspec.structs.replace(
        Packet(mode=Mode.SERVER, stratum=2, origin=nonce, receive=1 << 32, transmit=2 << 32),
        extensions=(
            ExtensionField(FieldType.UNIQUE_IDENTIFIER, unique_id or parts.unique_id or b""),
        ),
        **header,
    )
    prefix = packet.encode()
    cookies = b"".join(
        ExtensionField(FieldType.COOKIE, bytes([97 + n]) * 100).encode() for n in range(fresh)
    )
    cipher = keys.to_client
    field = authenticator(
        cipher, b"n" * cipher.nonce_bytes, prefix, cookies if inside is None else inside
    )
    return prefix + field.encode() + b"".join(one.encode() for one in after)


def judged(client: Client, data: bytes) -> Judgement:
    return client.judge(parse(data), data)[0]


# -- the algorithms --------------------------------------------------------------------------------


def test_rfc_5297_gives_what_its_appendix_says() -> None:
    """Appendix A.1: the deterministic example, one piece of associated data."""
    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    associated = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
    plain = bytes.fromhex("112233445566778899aabbccddee")
    sealed = AESSIV(key).encrypt(plain, [associated])
    assert sealed.hex() == "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"


def test_the_algorithm_that_all_servers_have_comes_first() -> None:
    assert AEADS[0] == 15
    assert len(set(AEADS)) == len(AEADS)


@pytest.mark.parametrize("aead", AEADS)
@given(plain=st.binary(max_size=200), associated=st.binary(max_size=200))
def test_what_is_sealed_is_opened_and_nothing_else(
    aead: int, plain: bytes, associated: bytes
) -> None:
    cipher = Cipher(aead, b"k" * key_bytes(aead))
    nonce = b"n" * cipher.nonce_bytes
    sealed = cipher.seal(nonce, plain, associated)
    assert cipher.open(nonce, sealed, associated) == plain
    assert cipher.open(nonce, sealed, associated + b"x") is None
    assert cipher.open(b"m" * cipher.nonce_bytes, sealed, associated) is None
    assert cipher.open(nonce, sealed[:-1] + bytes([sealed[-1] ^ 1]), associated) is None
    assert cipher.open(nonce, sealed[:15], associated) is None
    assert cipher.open(b"", sealed, associated) is None
    assert cipher.open(nonce + b"n", sealed, associated) is None


# -- requests --------------------------------------------------------------------------------------


@pytest.mark.parametrize("aead", AEADS)
def test_a_request_authenticates_at_the_server(aead: int) -> None:
    client, keys = client_of(aead)
    data, parts = ask(client)
    assert parts.cookie == b"A" * 100
    assert parts.unique_id is not None
    assert len(parts.unique_id) == 32
    assert parts.placeholders == ()
    assert unlock(parts, keys.to_server) == ()
    assert unlock(parts, keys.to_client) is None, "each direction has a key of its own"
    assert len(data) == client.request_bytes
    assert len(data) % 4 == 0


def test_no_cookie_and_no_identifier_is_used_twice() -> None:
    client, _ = client_of()
    found = [ask(client, NONCE + n)[1] for n in range(MAX_COOKIES)]
    assert len({parts.cookie for parts in found}) == MAX_COOKIES
    assert len({parts.unique_id for parts in found}) == MAX_COOKIES
    with pytest.raises(LookupError):
        client.request(NONCE + 99)


def test_placeholders_ask_for_what_got_lost_and_stay_within_a_datagram() -> None:
    client, _ = client_of(cookies=3)
    data, parts = ask(client)
    assert parts.placeholders == (100,) * 5
    assert len(data) == client.request_bytes
    client, _ = client_of(cookies=1, size=256)
    data, parts = ask(client)
    assert 0 < len(parts.placeholders) < 7
    assert len(data) <= MAX_REQUEST_BYTES


# -- replies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("aead", AEADS)
def test_an_authentic_reply_brings_cookies_once(aead: int) -> None:
    client, keys = client_of(aead, cookies=4)
    _, parts = ask(client)
    data = reply(keys, parts, fresh=5)
    assert judged(client, data) is Judgement.AUTHENTIC
    assert len(client.cookies) == MAX_COOKIES
    assert (client.cookies_asked, client.cookies_returned) == (5, 5)
    assert judged(client, data) is Judgement.AUTHENTIC
    assert (client.cookies_asked, client.cookies_returned) == (5, 5), "a replay brings nothing"


def test_more_cookies_than_the_jar_holds_are_dropped() -> None:
    client, keys = client_of()
    _, parts = ask(client)
    assert judged(client, reply(keys, parts, fresh=20)) is Judgement.AUTHENTIC
    assert len(client.cookies) == MAX_COOKIES


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_and_it_is_not_believed(where: int, change: int) -> None:
    client, keys = client_of()
    _, parts = ask(client)
    data = bytearray(reply(keys, parts))
    data[where % len(data)] ^= change
    try:
        packet = parse(bytes(data))
    except ProtocolViolation:
        return
    if packet.origin == NONCE and bytes(data) != reply(keys, parts):
        # Bytes of padding behind nonce and ciphertext are not authenticated, and mean nothing.
        kind = client.judge(packet, bytes(data))[0]
        assert kind is not Judgement.NAK
        if kind is Judgement.AUTHENTIC:
            found = dissect(packet, bytes(data))
            assert found.associated == bytes(data)[: len(found.associated)]
            assert found.associated == reply(keys, parts)[: len(found.associated)]
    assert client.cookies_returned <= 1


@given(st.binary(max_size=300))
def test_any_datagram_is_judged(data: bytes) -> None:
    client, _ = client_of()
    ask(client)
    head = Packet(mode=Mode.SERVER, stratum=2, origin=NONCE, receive=1, transmit=1).encode()
    try:
        packet = parse(head + data)
    except ProtocolViolation:
        return
    assert client.judge(packet, head + data)[0] is Judgement.REFUSED


def test_another_identifier_is_not_believed_although_it_authenticates() -> None:
    client, keys = client_of()
    _, parts = ask(client)
    said = client.judge(parse(data := reply(keys, parts, unique_id=b"x" * 32)), data)
    assert said == (Judgement.REFUSED, "wrong unique identifier")


def test_a_reply_to_another_request_of_ours_is_not_believed_for_this_one() -> None:
    client, keys = client_of()
    _, first = ask(client, NONCE)
    ask(client, NONCE + 1)
    assert judged(client, reply(keys, first, NONCE + 1)) is Judgement.REFUSED
    assert judged(client, reply(keys, first, NONCE)) is Judgement.AUTHENTIC


def test_what_was_never_asked_is_strange() -> None:
    client, keys = client_of()
    _, parts = ask(client)
    assert judged(client, reply(keys, parts, NONCE + 1)) is Judgement.UNRELATED


def test_without_authenticator_nothing_is_believed() -> None:
    client, _ = client_of()
    _, parts = ask(client)
    mine = ExtensionField(FieldType.UNIQUE_IDENTIFIER, parts.unique_id or b"")
    plain = Packet(mode=Mode.SERVER, stratum=2, origin=NONCE, receive=1, transmit=1)
    assert judged(client, plain.encode()) is Judgement.REFUSED
    with_id = msgspec.structs.replace(plain, extensions=(mine,)).encode()
    assert judged(client, with_id) is Judgement.REFUSED


@pytest.mark.parametrize(
    ("code", "identifier", "kind"),
    [
        (b"NTSN", True, Judgement.NAK),
        (b"NTSN", False, Judgement.REFUSED),
        (b"NTSN", None, Judgement.REFUSED),
        (b"DENY", True, Judgement.REFUSED),
        (b"RATE", True, Judgement.REFUSED),
    ],
)
def test_of_kisses_only_ntsn_with_our_identifier_is_believed(
    code: bytes, identifier: bool | None, kind: Judgement
) -> None:
    client, _ = client_of()
    _, parts = ask(client)
    value = parts.unique_id if identifier else b"y" * 32
    fields = (ExtensionField(FieldType.UNIQUE_IDENTIFIER, value or b""),)
    kiss = Packet(
        mode=Mode.SERVER, leap=3, refid=code, origin=NONCE, receive=1, transmit=1,
        extensions=() if identifier is None else fields,
    ).encode()  # fmt: skip
    assert judged(client, kiss) is kind


def test_fields_behind_the_authenticator_mean_nothing() -> None:
    client, keys = client_of()
    _, parts = ask(client)
    cookie = ExtensionField(FieldType.COOKIE, b"z" * 100)
    data = reply(keys, parts, fresh=1, after=(cookie,))
    assert judged(client, data) is Judgement.AUTHENTIC
    assert client.cookies_returned == 1
    assert b"z" * 100 not in client.cookies


def test_changed_keys_are_used_at_once() -> None:
    client, _ = client_of(15)
    other = keys_of(15)
    client.change_keys(Keys(other.to_client, other.to_server))
    _, parts = ask(client)
    assert unlock(parts, other.to_client) == ()


# -- malformed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inside",
    [
        b"\x02\x04",
        b"\x02\x04\x00\x02",
        b"\x02\x04\x00\x10" + bytes(8),
        b"\x02\x04\x00\x07" + bytes(3),
        b"\x02\x04\x00\x04" * 33,
    ],
)
def test_an_authentic_peer_may_not_break_the_grammar_either(inside: bytes) -> None:
    client, keys = client_of()
    _, parts = ask(client)
    assert judged(client, reply(keys, parts, inside=inside)) is Judgement.REFUSED


@pytest.mark.parametrize(
    "value",
    [
        struct.pack("!HH", 16, 16) + bytes(8),
        struct.pack("!HH", 0xFFFF, 0xFFFF) + bytes(24),
        struct.pack("!HH", 0, 0xFFFF) + bytes(24),
        struct.pack("!HH", 28, 1) + bytes(28),
    ],
)
def test_an_authenticator_whose_lengths_lie(value: bytes) -> None:
    packet = Packet(extensions=(ExtensionField(FieldType.AUTHENTICATOR, value),))
    with pytest.raises(ProtocolViolation):
        dissect(packet, packet.encode())


@pytest.mark.parametrize("kind", [FieldType.UNIQUE_IDENTIFIER, FieldType.COOKIE])
def test_a_field_that_stands_there_twice(kind: int) -> None:
    one = ExtensionField(kind, b"u" * 32)
    with pytest.raises(ProtocolViolation):
        dissect(packet := Packet(extensions=(one, one)), packet.encode())


# -- with the sampler ------------------------------------------------------------------------------


def test_rejected_packets_are_counted_and_change_nothing() -> None:
    sampler = Sampler("192.0.2.1", 123)
    client, keys = client_of()
    nonce = NONCE
    data = sampler.request(nonce, client.request(nonce))
    sampler.sent(Mark(0, "user"))
    parts = dissect(parse(data), data)
    assert sampler.first_request() == data
    plain = Packet(mode=Mode.SERVER, stratum=2, origin=nonce, receive=1, transmit=1)
    said = sampler.reject(plain, "it has no authenticator")
    assert said.verdict is Verdict.UNAUTHENTICATED
    assert not said.answers
    assert (sampler.tally.unauthenticated, sampler.tally.stray) == (1, 1)
    assert sampler.latest is None
    good = reply(keys, parts)
    assert client.judge(parse(good), good)[0] is Judgement.AUTHENTIC
    at = Mark(1_000_000, "user")
    believed = sampler.match(parse(good), good, at, "192.0.2.1", 123, 0)
    assert believed.verdict is Verdict.REPLY
    assert sampler.match(parse(good), good, at, "192.0.2.1", 123, 0).verdict is Verdict.DUPLICATE


def test_a_short_packet_has_no_fields() -> None:
    data = Packet().encode()
    assert len(data) == HEADER_BYTES
    assert dissect(parse(data), data) == Parts()


def test_a_key_never_shows() -> None:
    keys = keys_of(15)
    assert "ssss" not in repr(keys)
    assert "ssss" not in repr(keys.to_server)
    assert nts_fields.key_bytes(30) == 16
    with pytest.raises(ValueError, match=r"^1 is not a valid Aead$"):
        nts_fields.key_bytes(1)


def test_numbers_are_those_of_the_standards() -> None:
    """RFC 8915 §7.5 for the fields; RFC 5297 §2.2 and RFC 8452 §4 for the keys."""
    assert {kind.name: int(kind) for kind in FieldType} == {
        "UNIQUE_IDENTIFIER": 0x0104, "COOKIE": 0x0204, "COOKIE_PLACEHOLDER": 0x0304,
        "AUTHENTICATOR": 0x0404,
    }  # fmt: skip
    assert {aead: key_bytes(aead) for aead in (15, 16, 17, 30)} == {15: 32, 16: 48, 17: 64, 30: 16}
    assert [Cipher(aead, bytes(key_bytes(aead))).nonce_bytes for aead in supported()] == [
        12 if aead == 30 else 16 for aead in supported()
    ]
    with pytest.raises(ValueError, match=r"^1 is not a valid Aead$"):
        key_bytes(1)


def test_without_a_cookie_nothing_is_asked() -> None:
    client, _ = client_of(cookies=1)
    client.request(1)
    with pytest.raises(LookupError, match=r"^no cookie left$"):
        client.request(2)
