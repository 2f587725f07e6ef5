"""Keys exchanged again, and what may be sent in a session: the codec's part of RFC 4253 §7, §9."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.facts import Proposal
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.lab.server import good_offer
from seventh.protocols.ssh.wire.auth_messages import AuthSuccess, ServiceAccept
from seventh.protocols.ssh.wire.channel_messages import ChannelData, ChannelEof, GlobalRequest
from seventh.protocols.ssh.wire.exchange import Exchange, negotiate
from seventh.protocols.ssh.wire.hostkeys import Signer
from seventh.protocols.ssh.wire.limits import (
    CHATTER_PER_SECOND,
    MAX_CHATTER,
    MAX_PACKET_LENGTH,
    MAX_PEER_REKEYS,
)
from seventh.protocols.ssh.wire.messages import (
    Debug,
    Disconnect,
    Ignore,
    KexInit,
    KexPacket,
    Message,
    NewKeys,
    Other,
)
from seventh.protocols.ssh.wire.transport import STRICT, Connection, Role

AT = Mark(0, "user")
COOKIE = bytes(16)


def offer(cipher: str, *, strict: bool, role: Role) -> Proposal:
    marker = (STRICT[role],) if strict else ()
    return replace(
        good_offer(),
        kex_algorithms=("curve25519-sha256", *marker),
        encryption_algorithms_client_to_server=(cipher,),
        encryption_algorithms_server_to_client=(cipher,),
    )


class Ends:
    """A client and a server in memory, keyed and with a user logged in.

    What one sends waits on the wire until it is carried, a byte at a time.
    """

    def __init__(self, signer: Signer, cipher: str = "aes256-ctr", *, strict: bool = True) -> None:
        self.signer, self.cipher = signer, cipher
        self.ends = {role: Connection(role, "t") for role in Role}
        self.wire = {role: self.ends[role].greet() for role in Role}
        self.exchanges: dict[Role, Exchange] = {}
        self.read: dict[Role, list[Message]] = {role: [] for role in Role}
        for role in Role:
            self.begin(role, strict=strict)
        self.carry()
        for end in self.ends.values():
            end.admit(AT)

    @property
    def client(self) -> Connection:
        return self.ends[Role.CLIENT]

    @property
    def server(self) -> Connection:
        return self.ends[Role.SERVER]

    def send(self, role: Role, *messages: Message) -> None:
        self.wire[role] += b"".join(self.ends[role].send(message) for message in messages)

    def begin(self, role: Role, *, strict: bool = False) -> None:
        hello = offer(self.cipher, strict=strict, role=role)
        self.send(role, KexInit(cookie=COOKIE, offer=hello))

    def carry(self) -> None:
        """Carry what waits, and what is said to it, until nobody says anything more."""
        while any(self.wire.values()):
            for role in Role:
                data, self.wire[role] = self.wire[role], b""
                for byte in data:
                    for event in self.ends[role.other].receive(bytes([byte]), AT):
                        self.answer(role.other, event.message)

    def answer(self, role: Role, message: object) -> None:
        end = self.ends[role]
        if isinstance(message, KexInit):
            if not end.our_exchange:
                self.begin(role)
            self.exchange(role, message)
        elif isinstance(message, KexPacket):
            self.wire[role] += self.exchanges[role].handle(message)
            if role is Role.CLIENT and self.exchanges[role].result is not None:
                self.send(role, NewKeys())
        elif isinstance(message, ChannelData | ChannelEof):
            self.read[role].append(message)

    def exchange(self, role: Role, theirs: KexInit) -> None:
        ours = offer(self.cipher, strict=False, role=role)
        pair = (ours, theirs.offer) if role is Role.CLIENT else (theirs.offer, ours)
        signer = self.signer if role is Role.SERVER else None
        made = self.exchanges[role] = Exchange(self.ends[role], negotiate(*pair), signer=signer)
        if role is Role.CLIENT:
            self.wire[role] += made.begin()

    def news(self, role: Role) -> list[Message]:
        """What has come since the last time, key exchanges aside."""
        news = self.read[role].copy()
        self.read[role].clear()
        return news


def hello() -> KexInit:
    return KexInit(cookie=COOKIE, offer=offer("aes256-ctr", strict=False, role=Role.CLIENT))


CIPHERS = ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-cbc"]


@pytest.mark.parametrize("beginner", list(Role))
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("cipher", CIPHERS)
def test_either_side_may_exchange_keys_again(
    signer: Signer, cipher: str, strict: bool, beginner: Role
) -> None:
    ends = Ends(signer, cipher, strict=strict)
    assert ends.client.strict is strict
    first, hashes = ends.client.session_id, set[bytes]()
    for _ in range(3):
        ends.begin(beginner)
        ends.carry()
        result = ends.exchanges[Role.CLIENT].result
        assert result is not None
        hashes.add(result.exchange_hash)
        assert ends.client.session_id == ends.server.session_id == first
        assert not ends.client.exchanging
        for role in Role:
            ends.send(role, ChannelData(7, b"after"))
            ends.carry()
            assert ends.news(role.other) == [ChannelData(7, b"after")]
    assert len(hashes) == 3
    assert first not in hashes


def test_both_may_begin_at_once(signer: Signer) -> None:
    ends = Ends(signer)
    for role in Role:
        ends.begin(role)
    ends.carry()
    assert not ends.client.exchanging
    assert not ends.server.exchanging


def test_what_may_not_go_in_an_exchange_is_held_back_in_order(signer: Signer) -> None:
    ends = Ends(signer)
    ends.send(Role.CLIENT, hello())
    assert ends.client.exchanging
    assert ends.client.send(ChannelData(1, b"first")) == b""
    assert ends.client.send(ChannelEof(1)) == b""
    ends.send(Role.CLIENT, Ignore())  # the transport's own may go
    assert ends.news(Role.SERVER) == []
    ends.carry()
    assert ends.news(Role.SERVER) == [ChannelData(1, b"first"), ChannelEof(1)]


def test_what_was_under_way_before_the_peers_kexinit_is_read(signer: Signer) -> None:
    ends = Ends(signer)
    ends.send(Role.CLIENT, hello())
    ends.send(Role.SERVER, ChannelData(3, b"late"))
    ends.carry()
    assert ends.news(Role.CLIENT) == [ChannelData(3, b"late")]


def seal(end: Connection, message: Message) -> bytes:
    """A packet of the server's that its own codec would hold back."""
    return end.seal(message.encode())


@pytest.mark.parametrize("message", [ChannelData(1, b"x"), ServiceAccept(b"x"), AuthSuccess()])
def test_what_comes_between_kexinit_and_newkeys_is_read_and_noted(
    signer: Signer, message: Message
) -> None:
    ends = Ends(signer)
    client = ends.client
    begun = ends.server.send(KexInit(cookie=COOKIE, offer=good_offer()))
    assert [type(e.message) for e in client.receive(begun, AT)] == [KexInit]
    assert list(client.receive(seal(ends.server, Debug(b"may")), AT))
    assert client.deviations.seen == ()
    assert [e.message for e in client.receive(seal(ends.server, message), AT)] == [message]
    assert [d.kind for d in client.deviations.seen] == [DeviationKind.OUT_OF_PLACE]


def test_newkeys_out_of_nothing_is_a_violation(signer: Signer) -> None:
    ends = Ends(signer)
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: NEWKEYS before the key exchange has ended$"
    ):
        list(ends.client.receive(seal(ends.server, NewKeys()), AT))


def test_a_method_message_out_of_nothing_is_a_violation(signer: Signer) -> None:
    ends = Ends(signer)
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: a key exchange message before KEXINIT$"
    ):
        list(ends.client.receive(seal(ends.server, KexPacket(31, b"")), AT))


def test_a_peer_that_only_exchanges_keys_is_stopped(signer: Signer) -> None:
    ends = Ends(signer)
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: the peer began 17 key exchanges within 14884 bytes$",
    ):
        for _ in range(10 * MAX_PEER_REKEYS):
            ends.begin(Role.SERVER)
            ends.carry()


def test_a_peer_may_exchange_keys_as_often_as_its_traffic_calls_for(signer: Signer) -> None:
    ends = Ends(signer)
    for _ in range(3 * MAX_PEER_REKEYS):
        ends.begin(Role.SERVER)
        ends.carry()
        for _ in range(2):
            for event in ends.client.receive(ends.server.send(ChannelData(1, bytes(9000))), AT):
                assert isinstance(event.message, ChannelData)


@pytest.mark.parametrize("sequence", [2**31 - 1, 2**32 - 1])
@pytest.mark.parametrize("cipher", CIPHERS)
def test_sequence_numbers_wrap_at_32_bits(signer: Signer, cipher: str, sequence: int) -> None:
    ends = Ends(signer, cipher)
    ends.server._sent = ends.client._received = sequence
    ends.send(Role.SERVER, *[ChannelData(1, b"x")] * 3)
    ends.carry()
    assert ends.news(Role.CLIENT) == [ChannelData(1, b"x")] * 3
    assert ends.client.last_sequence == (sequence + 2) % 2**32


# -- limits ----------------------------------------------------------------------------------------


def keyed(signer: Signer) -> Ends:
    """As Ends, before anybody has logged in."""
    ends = Ends(signer)
    for end in ends.ends.values():
        end._limits = type(end._limits)()
    return ends


def test_what_belongs_to_sessions_has_no_effect_before_a_login(signer: Signer) -> None:
    ends = keyed(signer)
    sent = ends.server.send(ChannelData(1, b""))
    (event,) = ends.client.receive(sent, AT)
    assert isinstance(event.message, Other)
    assert [d.kind for d in ends.client.deviations.seen] == [DeviationKind.OUT_OF_PLACE]


@pytest.mark.parametrize("admitted", [True, False])
def test_large_packets_are_read_and_noted_before_a_login(signer: Signer, admitted: bool) -> None:
    ends = Ends(signer) if admitted else keyed(signer)
    large = ends.server.send(Disconnect(2, bytes(MAX_PACKET_LENGTH - 64)))
    assert len(list(ends.client.receive(large, AT))) == 1
    kinds = [d.kind for d in ends.client.deviations.seen]
    assert kinds == ([] if admitted else [DeviationKind.LARGE_PACKET])
    with pytest.raises(ProtocolViolation, match="packet_length"):
        list(ends.client.receive(ends.server.send(Disconnect(2, bytes(MAX_PACKET_LENGTH))), AT))


@pytest.mark.parametrize("message", [Ignore(), Debug(b"x"), GlobalRequest(b"keepalive", True)])
def test_chatter_is_measured_by_the_clock(signer: Signer, message: Message) -> None:
    ends = Ends(signer)
    flood = b"".join(ends.server.send(message) for _ in range(MAX_CHATTER))
    assert len(list(ends.client.receive(flood, AT))) == MAX_CHATTER
    later = Mark(10 * 10**9, "user")
    more = b"".join(ends.server.send(message) for _ in range(10 * CHATTER_PER_SECOND))
    assert len(list(ends.client.receive(more, later))) == 10 * CHATTER_PER_SECOND
    with pytest.raises(ProtocolViolation, match="more than"):
        list(ends.client.receive(ends.server.send(message), later))


# A key exchange a step is slow; few examples say as much.
@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(["client", "server"]), st.binary(max_size=40)), max_size=12)
)
def test_data_crosses_whole_and_in_order_whoever_exchanges_keys(
    signer: Signer, script: list[str | bytes]
) -> None:
    ends = Ends(signer, "chacha20-poly1305@openssh.com")
    for step in script:
        if isinstance(step, str):
            if not ends.ends[Role(step)].our_exchange:
                ends.begin(Role(step))
        else:
            for role in Role:
                ends.send(role, ChannelData(1, step))
        if len(step) % 2:
            ends.carry()
    ends.carry()
    data = [step for step in script if isinstance(step, bytes)]
    for role in Role:
        assert [m.data for m in ends.news(role) if isinstance(m, ChannelData)] == data
