"""The transport codec: cuts never matter, noise never breaks it, what is sent is read."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.facts import Proposal
from seventh.protocols.ssh.facts.deviations import Deviation, DeviationKind
from seventh.protocols.ssh.lab.server import good_offer
from seventh.protocols.ssh.wire import groups, kex
from seventh.protocols.ssh.wire.auth_messages import (
    AuthBanner,
    AuthFailure,
    AuthPacket,
    AuthRequest,
    AuthSuccess,
    Ping,
    Pong,
    ServiceAccept,
    ServiceRequest,
)
from seventh.protocols.ssh.wire.ciphers import CIPHERS, MACS, packet_cipher
from seventh.protocols.ssh.wire.exchange import Exchange, NoCommonError, negotiate
from seventh.protocols.ssh.wire.fields import FieldMessage, Number
from seventh.protocols.ssh.wire.hostkeys import Signer, read_key, verify
from seventh.protocols.ssh.wire.ident import Ident, IdentReader, parse_ident
from seventh.protocols.ssh.wire.kex import METHODS, Group, implemented
from seventh.protocols.ssh.wire.limits import MAX_CHATTER
from seventh.protocols.ssh.wire.messages import (
    Debug,
    Disconnect,
    ExtInfo,
    Ignore,
    KexInit,
    KexPacket,
    Message,
    NewKeys,
    Other,
    Unimplemented,
    decode,
)
from seventh.protocols.ssh.wire.transport import STRICT, Connection, Keys, Role
from seventh.protocols.ssh.wire.values import (
    MAX_NAMES,
    Deviations,
    SshReader,
    mpint,
    parse_names,
    read_mpint,
)
from seventh.wire.reader import Reader

AT = Mark(0, "user")
COOKIE = bytes(range(16))


# -- identification strings ------------------------------------------------------------------------


def test_an_identification_string_has_three_parts() -> None:
    ident = parse_ident(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3")
    assert (ident.protocol_version, ident.software, ident.comments) == (
        "2.0", b"OpenSSH_9.2p1", b"Debian-2+deb12u3",
    )  # fmt: skip
    assert ident.supports_2
    assert parse_ident(b"SSH-1.99-x").supports_2
    assert not parse_ident(b"SSH-1.5-x").supports_2


@pytest.mark.parametrize("line", [b"SSH-", b"SSH-2.0", b"SSH-two-x", b"SSH--x"])
def test_a_malformed_identification_string_is_a_violation(line: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parse_ident(line)


def test_lines_may_come_before_and_bytes_after() -> None:
    reader = IdentReader()
    ident = reader.feed(b"hello\r\n\nSSH-2.0-x y\nrest")
    assert ident == Ident(b"SSH-2.0-x y", "2.0", b"x", b"y")
    assert reader.lines == [b"hello", b""]
    assert reader.rest == b"rest"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"x\n" * 1025, "more than 1024 lines before the identification string"),
        (b"x" * 8193, "a line of more than 8192 bytes before the identification string"),
        (b"x" * 8193 + b"\n", "a line of more than 8192 bytes before the identification string"),
        (b"SSH-2.0-" + b"x" * 248, "the identification string is longer than 255 bytes"),
        (b"SSH-2.0-" + b"x" * 246 + b"\r\n", "the identification string is longer than 255 bytes"),
    ],
)
def test_every_limit_before_the_ident_holds(data: bytes, says: str) -> None:
    for chunks in ([data], [data[i : i + 1] for i in range(len(data))]):
        with pytest.raises(ProtocolViolation) as raised:
            feed_all(chunks)
        assert raised.value.detail == says


def feed_all(chunks: Iterable[bytes]) -> None:
    reader = IdentReader()
    for chunk in chunks:
        reader.feed(chunk)


def test_the_longest_ident_that_is_allowed() -> None:
    assert IdentReader().feed(b"SSH-2.0-" + b"x" * 245 + b"\r\n") is not None


def test_a_client_may_say_nothing_before_its_ident() -> None:
    with pytest.raises(ProtocolViolation):
        IdentReader(allow_lines=False).feed(b"GET / HTTP/1.1\r\n")


# -- messages --------------------------------------------------------------------------------------

names = st.lists(
    st.text(st.sampled_from("abcXYZ0189-@._"), min_size=1, max_size=64), max_size=6, unique=True
).map(tuple)
offers = st.builds(Proposal, **dict.fromkeys(Proposal.__struct_fields__, names))
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        KexInit, cookie=st.binary(min_size=16, max_size=16), offer=offers,
        first_kex_packet_follows=st.booleans(),
    ),
    st.builds(KexPacket, st.integers(30, 49), st.binary(max_size=64)),
    st.builds(NewKeys),
    st.builds(ExtInfo, st.dictionaries(st.binary(max_size=20), st.binary(max_size=20), max_size=5)),
    st.builds(Disconnect, st.integers(0, 2**32 - 1), st.binary(max_size=64)),
    st.builds(Ignore),
    st.builds(Debug, st.binary(max_size=64)),
    st.builds(Unimplemented, st.integers(0, 2**32 - 1)),
    st.builds(Other, st.sampled_from([8, 22, 54, 59, 83, 101, 127, 255]), st.binary(max_size=64)),
    st.builds(ServiceRequest, st.binary(max_size=20)),
    st.builds(ServiceAccept, st.binary(min_size=1, max_size=20)),
    st.builds(AuthRequest, *[st.binary(max_size=20)] * 4),
    st.builds(AuthFailure, names, st.booleans()),
    st.builds(AuthSuccess),
    st.builds(AuthBanner, st.binary(max_size=64)),
    st.builds(AuthPacket, st.integers(60, 79), st.binary(max_size=64)),
    st.builds(Ping, st.binary(max_size=20)),
    st.builds(Pong, st.binary(max_size=20)),
)  # fmt: skip


@given(messages)
def test_what_is_encoded_is_decoded(message: Message) -> None:
    assert decode(message.encode()) == message


@given(st.binary(min_size=1, max_size=400))
def test_any_payload_is_a_message_or_a_violation(payload: bytes) -> None:
    try:
        decode(payload)
    except ProtocolViolation:
        return


@given(st.integers(0, 2**521))
def test_mpints_come_back(value: int) -> None:
    reader = Reader(mpint(value), "a number")
    assert read_mpint(reader, 521 + 8) == value
    reader.end()


def test_mpints_are_bounded_and_not_negative() -> None:
    with pytest.raises(ProtocolViolation, match=r"^protocol-violation: n has a negative number$"):
        read_mpint(Reader(b"\x00\x00\x00\x01\x80", "n"), 64)
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: n has a number of more than 64 bits$"
    ):
        read_mpint(Reader(mpint(2**80), "n"), 64)


@pytest.mark.field
@given(st.integers(0, 2**64 - 1), st.integers(1, 40))
def test_zeros_before_a_number_are_noted_and_change_nothing(value: int, zeros: int) -> None:
    data = bytes(zeros) + mpint(value)[4:]
    reader = SshReader(len(data).to_bytes(4, "big") + data, "n")
    assert read_mpint(reader, 64) == value
    assert reader.deviations.seen == (Deviation(DeviationKind.PADDED_NUMBER, "n"),)


_EMPTY, _LONG = DeviationKind.EMPTY_NAME, DeviationKind.LONG_NAME
_ODD, _TWICE = DeviationKind.UNPRINTABLE_NAME, DeviationKind.REPEATED_NAME


@pytest.mark.field
@pytest.mark.parametrize(
    ("data", "read", "kinds"),
    [
        (b"", (), ()), (b"a", ("a",), ()), (b"a,b,", ("a", "b"), (_EMPTY,)),
        (b",a", ("a",), (_EMPTY,)), (b"a,,b", ("a", "b"), (_EMPTY,)), (b",,,", (), (_EMPTY,)),
        (b"a,b,a", ("a", "b"), (_TWICE,)), (b"a b,c", ("a b", "c"), (_ODD,)),
        (b"a\x1b[2J,c", ("a\\x1b[2J", "c"), (_ODD,)), (b"\xc3\xa9,c", ("\xe9", "c"), (_ODD,)),
        (b"\xff,c\0", ("\\xff", "c\\x00"), (_ODD,)),
        (b"n" * 65 + b",c", ("n" * 65, "c"), (_LONG,)),
        (b"n" * 300, ("n" * 255 + "\u2026",), (_LONG,)),
    ],
)  # fmt: skip
def test_name_lists_are_read_as_clients_read_them(
    data: bytes, read: tuple[str, ...], kinds: tuple[DeviationKind, ...]
) -> None:
    seen = Deviations()
    assert parse_names(data, "a list", seen) == read
    assert seen.seen == tuple(Deviation(kind, "a list") for kind in kinds)


def test_a_name_list_is_bounded() -> None:
    names = [b"n%d" % number for number in range(MAX_NAMES)]
    assert len(parse_names(b",".join(names), "a list")) == MAX_NAMES
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: a list lists more than 4096 names$"
    ):
        parse_names(b",".join([*names, b"one"]), "a list")


def test_every_number_is_of_one_message() -> None:
    numbers = {kind.NUMBER for kind in FieldMessage.__subclasses__()}
    assert numbers == set(Number)


def test_too_many_extensions_are_a_violation() -> None:
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: EXT_INFO declares 4294967295 extensions$"
    ):
        decode(b"\x07\xff\xff\xff\xff")


# -- connections -----------------------------------------------------------------------------------


def events(connection: Connection, chunks: Iterable[bytes]) -> list[object]:
    """What the connection makes of the chunks; a violation is the last."""
    seen: list[object] = []
    try:
        for chunk in chunks:
            seen.extend(event.message for event in connection.receive(chunk, AT))
    except ProtocolViolation as violation:
        seen.append(violation.detail)
    return seen


def chunked(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8), st.booleans())
def test_any_bytes_are_events_or_a_violation_however_cut(
    data: bytes, cuts: list[int], after_ident: bool
) -> None:
    data = (b"SSH-2.0-x\r\n" if after_ident else b"") + data
    whole = events(Connection(Role.CLIENT, "t"), [data])
    assert events(Connection(Role.CLIENT, "t"), chunked(data, cuts)) == whole
    assert (
        events(Connection(Role.CLIENT, "t"), (data[i : i + 1] for i in range(len(data)))) == whole
    )


@given(st.lists(messages, max_size=6), st.lists(st.integers(0, 4000), max_size=8))
def test_plain_messages_cross_however_cut(sent: list[Message], cuts: list[int]) -> None:
    server = Connection(Role.SERVER, "s")
    # NEWKEYS has no keys here; the other end judges it, this one cannot even send it.
    stream = server.greet() + b"".join(
        server.send(message) for message in sent if not isinstance(message, NewKeys)
    )
    whole = events(Connection(Role.CLIENT, "c"), [stream])
    assert events(Connection(Role.CLIENT, "c"), chunked(stream, cuts)) == whole
    assert events(Connection(Role.CLIENT, "c"), (bytes([b]) for b in stream)) == whole


def test_a_packet_beyond_the_limit_is_refused_before_it_comes() -> None:
    for length in (256 * 1024 + 8, 2**31, 2**32 - 1, 0, 1, 13):
        data = b"SSH-2.0-x\r\n" + length.to_bytes(4, "big")
        (_, said) = events(Connection(Role.CLIENT, "t"), [data])
        assert "packet_length" in str(said)


@pytest.mark.parametrize("padding", [0, 3, 12, 255])
def test_padding_must_be_sane(padding: int) -> None:
    packet = b"\x00\x00\x00\x0c" + bytes([padding]) + bytes(11)
    (_, said) = events(Connection(Role.CLIENT, "t"), [b"SSH-2.0-x\r\n" + packet])
    assert "padding" in str(said)


def test_chatter_is_counted() -> None:
    server = Connection(Role.SERVER, "s")
    stream = server.greet() + server.send(Ignore()) * (MAX_CHATTER + 1)
    said = events(Connection(Role.CLIENT, "c"), [stream])
    assert len(said) == 1 + MAX_CHATTER + 1
    assert "more than" in str(said[-1])


@pytest.mark.parametrize("message", [NewKeys(), KexPacket(31, b"")])
def test_nothing_of_an_exchange_comes_before_its_time(message: Message) -> None:
    (_, said) = events(Connection(Role.CLIENT, "t"), [b"SSH-2.0-x\r\n" + packet(message.encode())])
    assert "before" in str(said)


def packet(payload: bytes) -> bytes:
    """One packet in clear, whatever it has."""
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0
    length = 1 + len(payload) + padding
    return length.to_bytes(4, "big") + bytes([padding]) + payload + bytes(padding)


@pytest.mark.field
@pytest.mark.parametrize("message", [AuthSuccess(), Other(83, b""), Other(8, b"?"), Pong(b"")])
def test_what_comes_too_early_is_to_be_answered_and_has_no_effect(message: Message) -> None:
    client = Connection(Role.CLIENT, "t")
    payload = message.encode()
    (_, read) = events(client, [b"SSH-2.0-x\r\n" + packet(payload)])
    assert read == Other(payload[0], payload[1:])
    assert client.deviations.seen == (
        Deviation(DeviationKind.OUT_OF_PLACE, f"message {payload[0]}"),
    )


@pytest.mark.field
def test_a_strict_exchange_has_no_place_for_it(signer: Signer) -> None:
    client = Pair(good_offer(), signer).client
    assert client.strict
    said = events(client, [packet(AuthSuccess().encode())])
    assert said == ["strict key exchange: message 52 before NEWKEYS"]
    client = Pair(good_offer(), signer).client
    assert events(client, [packet(b"")]) == ["strict key exchange: an empty packet before NEWKEYS"]


@pytest.mark.field
@pytest.mark.parametrize(
    ("payload", "message", "kind"),
    [
        (KexInit(cookie=COOKIE, offer=good_offer()).encode() + b"more",
         KexInit(cookie=COOKIE, offer=good_offer()), DeviationKind.EXTRA_BYTES),
        (b"\x01\0\0\0\x0b", Disconnect(11, b""), DeviationKind.CUT_SHORT),
        (b"\x04", Debug(b""), DeviationKind.CUT_SHORT),
        (b"\x04\1", Debug(b""), DeviationKind.CUT_SHORT),
        (b"\x03", Unimplemented(0), DeviationKind.CUT_SHORT),
        (b"\x07\0\0\0\2\0\0\0\1a\0\0\0\1b\0\0", ExtInfo({b"a": b"b"}), DeviationKind.CUT_SHORT),
        (b"\x07\0\0\0\2" + b"\0\0\0\1a\0\0\0\0\0\0\0\1a\0\0\0\1b", ExtInfo({b"a": b"b"}),
         DeviationKind.REPEATED_NAME),
        (b"\x07\0\0\0\1\0\0\0\x0fserver-sig-algs\0\0\0\2a,", ExtInfo({b"server-sig-algs": b"a,"}),
         DeviationKind.EMPTY_NAME),
        (b"\x33\0\0\0\2a,\0", AuthFailure(("a",)), DeviationKind.EMPTY_NAME),
        (b"\x34rest", AuthSuccess(), DeviationKind.EXTRA_BYTES),
        *((known.encode() + b"rest", known, DeviationKind.EXTRA_BYTES) for known in (
            ExtInfo({b"a": b"b"}), AuthFailure(("a",)),
        )),
    ],
)  # fmt: skip
def test_messages_are_read_as_clients_read_them(
    payload: bytes, message: Message, kind: DeviationKind
) -> None:
    seen = Deviations()
    assert decode(payload, seen) == message
    assert [deviation.kind for deviation in seen.seen] == [kind]


@pytest.mark.field
def test_an_empty_packet_is_passed_over_and_noted() -> None:
    client = Connection(Role.CLIENT, "t")
    data = b"SSH-2.0-x\r\n" + packet(b"") + packet(Debug(b"x").encode())
    assert events(client, [data])[1:] == [Debug(b"x")]
    assert [d.kind for d in client.deviations.seen] == [DeviationKind.EMPTY_PACKET]


@pytest.mark.field
@pytest.mark.parametrize(
    ("line", "raw", "odd"),
    [
        (b"SSH-2.0-x\r\n", b"SSH-2.0-x", False), (b"SSH-2.0-x\n", b"SSH-2.0-x", True),
        (b"SSH-2.0-x y\r\r\n", b"SSH-2.0-x y", True), (b"SSH-2.0-x \r\n", b"SSH-2.0-x ", False),
        (b"SSH-2.0-\r\n", b"SSH-2.0-", False), (b"SSH-2.9-x\r\n", b"SSH-2.9-x", False),
    ],
)  # fmt: skip
def test_the_ends_of_an_identification_string(line: bytes, raw: bytes, odd: bool) -> None:
    reader = IdentReader()
    ident = reader.feed(b"a notice\n" * 1000 + line)
    assert ident is not None
    assert ident.raw == raw
    assert ident.supports_2
    assert len(reader.lines) == 1000
    assert [d.kind for d in reader.deviations] == ([DeviationKind.LINE_END] if odd else [])


# -- both ends together ----------------------------------------------------------------------------


class Pair:
    """A client and a server of this codec, joined in memory."""

    def __init__(self, offer: Proposal, signer: Signer, modulus: int = 0) -> None:
        self.client, self.server = Connection(Role.CLIENT, "c"), Connection(Role.SERVER, "s")
        markers = {role: (STRICT[role],) for role in Role}
        theirs = replace(offer, kex_algorithms=(*offer.kex_algorithms, *markers[Role.SERVER]))
        ours = replace(offer, kex_algorithms=(*offer.kex_algorithms, *markers[Role.CLIENT]))
        list(self.server.receive(self.client.greet(), AT))
        list(self.client.receive(self.server.greet(), AT))
        hello = self.client.send(KexInit(cookie=COOKIE, offer=ours))
        list(self.server.receive(hello, AT))
        list(self.client.receive(self.server.send(KexInit(cookie=COOKIE, offer=theirs)), AT))
        self.choice = negotiate(ours, theirs)
        self.at_client = Exchange(self.client, self.choice)
        self.at_server = Exchange(
            self.server, self.choice, signer=signer,
            group_for=lambda asked: Group(modulus or groups.prime(14), 2),
        )  # fmt: skip

    def run(self, *after: Message) -> list[object]:
        """Exchange keys, ``after`` behind the server's NEWKEYS; what the client reads then."""
        to_server, read = self.at_client.begin(), list[object]()
        while self.at_client.result is None:
            to_client = b""
            for event in self.server.receive(to_server, AT):
                assert isinstance(event.message, KexPacket)
                to_client += self.at_server.handle(event.message)
            if self.at_server.result is not None:
                to_client += b"".join(self.server.send(message) for message in after)
            to_server = b""
            for event in self.client.receive(to_client, AT):
                if isinstance(event.message, KexPacket):
                    to_server += self.at_client.handle(event.message)
                else:
                    read.append(event.message)
        return read


@pytest.mark.parametrize("method", implemented())
def test_every_method_ends_with_the_same_keys_on_both_sides(method: str, signer: Signer) -> None:
    pair = Pair(replace(good_offer(), kex_algorithms=(method,)), signer)
    assert pair.run(Debug(b"sealed")) == [NewKeys(), Debug(b"sealed")]
    ours, theirs = pair.at_client.result, pair.at_server.result
    assert ours == theirs
    assert ours is not None
    key = read_key(ours.host_key)
    assert verify(key, "ssh-ed25519", ours.signature, ours.exchange_hash) is True
    assert verify(key, "ssh-ed25519", ours.signature, ours.exchange_hash + b"x") is False


@pytest.mark.parametrize("mac", MACS)
@pytest.mark.parametrize("cipher", CIPHERS)
def test_every_cipher_and_mac_seals_and_opens(cipher: str, mac: str, signer: Signer) -> None:
    offer = replace(
        good_offer(),
        kex_algorithms=("curve25519-sha256",),
        encryption_algorithms_client_to_server=(cipher,),
        encryption_algorithms_server_to_client=(cipher,),
        mac_algorithms_client_to_server=(mac,),
        mac_algorithms_server_to_client=(mac,),
    )
    pair = Pair(offer, signer)
    after = [Debug(b"x" * size) for size in (0, 1, 15, 16, 17, 300)]
    assert pair.run(*after) == [NewKeys(), *after]
    sealed = pair.client.send(NewKeys()) + pair.client.send(Debug(b"back"))
    assert events(pair.server, [bytes([b]) for b in sealed]) == [NewKeys(), Debug(b"back")]


@pytest.mark.parametrize(
    ("cipher", "mac"),
    [("rot13", "hmac-sha1"), ("aes128-ctr", "umac-64@openssh.com"), ("aes128-ctr", "hmac-md5")],
)
def test_what_is_not_implemented_makes_no_cipher(
    cipher: str, mac: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown name, or a hash that the library lacks, as MD5 in FIPS mode."""
    monkeypatch.setattr(hashlib, "algorithms_available", {"sha1", "sha256"})
    made = packet_cipher(cipher, mac, lambda _, size: bytes(size), to_server=True, sealing=True)
    assert made is None
    both = packet_cipher("aes128-ctr", "hmac-sha1", lambda _, size: bytes(size),
                         to_server=True, sealing=True)  # fmt: skip
    assert both is not None


@pytest.mark.parametrize(
    "cipher", ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes128-ctr"]
)
def test_a_changed_packet_is_noticed(cipher: str, signer: Signer) -> None:
    offer = replace(
        good_offer(),
        kex_algorithms=("curve25519-sha256",),
        encryption_algorithms_client_to_server=(cipher,),
    )
    pair = Pair(offer, signer)
    pair.run()
    plain, sealed = pair.client.send(NewKeys()), bytearray(pair.client.send(Debug(b"x" * 40)))
    sealed[20] ^= 1
    said = events(pair.server, [plain + sealed])
    assert said == [NewKeys(), "a packet's authentication tag is wrong"]


def test_strict_exchange_refuses_what_terrapin_injects(signer: Signer) -> None:
    pair = Pair(good_offer(), signer)
    assert pair.client.strict
    said = events(pair.client, [pair.server.send(Ignore())])
    assert said == ["strict key exchange: Ignore before NEWKEYS"]


@pytest.mark.parametrize("right", [True, False])
def test_a_wrong_guess_is_dropped_and_a_right_one_is_read(right: bool) -> None:
    # RFC 4253 §7: the packet after KEXINIT counts when both sides prefer the same.
    client, server = Connection(Role.CLIENT, "c"), Connection(Role.SERVER, "s")
    ours = good_offer()
    theirs = ours if right else replace(ours, kex_algorithms=("b", "a"))
    hello = server.greet() + server.send(
        KexInit(cookie=COOKIE, offer=theirs, first_kex_packet_follows=True)
    )
    client.send(KexInit(cookie=COOKIE, offer=ours))
    guess, real = KexPacket(31, b"guess"), KexPacket(31, b"real")
    read = events(client, [hello + server.send(guess) + server.send(real)])
    assert read[2:] == ([guess, real] if right else [real])


def test_a_second_kexinit_in_one_exchange_is_a_violation() -> None:
    server = Connection(Role.SERVER, "s")
    hello = KexInit(cookie=COOKIE, offer=good_offer())
    said = events(
        Connection(Role.CLIENT, "c"), [server.greet() + server.send(hello) + server.send(hello)]
    )
    assert said[-1] == "a second KEXINIT in one key exchange"


def test_an_unreadable_cipher_leaves_the_connection_deaf_not_broken(signer: Signer) -> None:
    client = Pair(good_offer(), signer).client
    client.prepare(Keys(sealer=None, opener=None))
    assert events(client, [newkeys_in_clear() + b"sealed beyond our reading"]) == [NewKeys()]
    assert client.opener_missing
    assert client.sealer_missing
    assert events(client, [b"more"]) == []


def newkeys_in_clear() -> bytes:
    return b"\x00\x00\x00\x0c\x0a\x15" + bytes(10)


@pytest.mark.parametrize(
    ("modulus", "says"),
    [
        pytest.param(1 << 2047, "even", id="even"),
        pytest.param((1 << 64) | 1, "less than 256 bits", id="tiny"),
        pytest.param((1 << 8192) | 1, "more than 8192 bits", id="one-bit-too-many"),
        pytest.param((1 << 16383) | 1, "more than 8192 bits", id="giant"),
    ],
)
def test_a_group_that_no_honest_server_gives_is_refused(modulus: int, says: str) -> None:
    with pytest.raises(ProtocolViolation, match=says):
        Group.read(Reader(Group(modulus, 2).encode(), "the group"))


@pytest.mark.parametrize("generator", [0, 1, groups.prime(1) - 1])
def test_a_generator_out_of_range_is_refused(generator: int) -> None:
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: the group's generator is out of range$"
    ):
        Group.read(Reader(Group(groups.prime(1), generator).encode(), "the group"))


@pytest.mark.parametrize("value", [0, 1])
def test_a_degenerate_public_value_is_refused(value: int) -> None:
    method = METHODS["diffie-hellman-group14-sha256"][1]()
    method.start()
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: the peer's Diffie-Hellman value is out of range$",
    ):
        method.finish(Reader(mpint(value), "the reply"))


@pytest.mark.parametrize("method", ["curve25519-sha256", "ecdh-sha2-nistp256"])
def test_an_invalid_point_is_refused(method: str) -> None:
    half = METHODS[method][1]()
    half.start()
    with pytest.raises(ProtocolViolation, match="not valid"):
        half.finish(Reader(b"\x00\x00\x00\x20" + bytes(32), "the reply"))


def test_the_choice_is_the_clients_first() -> None:
    client = replace(good_offer(), kex_algorithms=("b", "a"))
    server = replace(good_offer(), kex_algorithms=("a", "b"))
    assert negotiate(client, server).kex == "b"


def test_an_aead_cipher_needs_no_mac_in_common() -> None:
    server = replace(good_offer(), mac_algorithms_server_to_client=("unheard-of",))
    assert negotiate(good_offer(), server).mac_server_to_client == ""


def test_nothing_in_common_says_where() -> None:
    with pytest.raises(NoCommonError, match=r"^no compression client to server in common$"):
        negotiate(
            good_offer(),
            replace(good_offer(), compression_algorithms_client_to_server=("zlib",)),
        )


@pytest.mark.parametrize("number", [1, 14, 15, 16, 17, 18])
def test_the_groups_are_those_that_others_use(number: int) -> None:
    kex_dh = pytest.importorskip("asyncssh.kex_dh")
    assert groups.prime(number) == getattr(kex_dh, f"_group{number}_p")


@pytest.mark.field
@pytest.mark.parametrize("curve", ["x25519", "x448"])
def test_a_library_without_a_curve_leaves_the_other_methods(
    monkeypatch: pytest.MonkeyPatch, curve: str
) -> None:
    """As in FIPS mode."""
    from cryptography.exceptions import UnsupportedAlgorithm

    generate = kex.Curve.public

    def public(self: kex.Curve) -> bytes:
        if self._name == curve:
            raise UnsupportedAlgorithm("not here")
        return generate(self)

    monkeypatch.setattr(kex.Curve, "public", public)
    names = implemented()
    assert ("curve25519-sha256" in names) == (curve != "x25519")
    assert ("mlkem768x25519-sha256" in names) == (curve != "x25519")
    assert ("curve448-sha512" in names) == (curve != "x448")
    assert "ecdh-sha2-nistp256" in names
