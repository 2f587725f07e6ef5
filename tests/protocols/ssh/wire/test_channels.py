"""Channels without a connection: what is sent, what is taken, and what is a violation."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.wire import channel_messages as cm
from seventh.protocols.ssh.wire.channel import (
    MAX_PACKET_BYTES,
    MAX_PEER_REQUESTS,
    MAX_STDERR_BYTES,
    WINDOW_BYTES,
    Channel,
)
from seventh.protocols.ssh.wire.channels import MAX_PEER_OPENS, Channels
from seventh.protocols.ssh.wire.messages import decode
from seventh.protocols.ssh.wire.values import Deviations
from seventh.wire.reader import vector

AT = Mark(7, "kernel")
U32 = st.integers(0, 2**32 - 1)
SHORT = st.binary(max_size=40)

MESSAGES = st.one_of(
    st.builds(cm.GlobalRequest, SHORT, st.booleans(), SHORT),
    st.builds(cm.RequestSuccess, SHORT),
    st.builds(cm.RequestFailure),
    st.builds(cm.ChannelOpen, SHORT, U32, U32, U32, SHORT),
    st.builds(cm.OpenConfirmation, U32, U32, U32, U32, SHORT),
    st.builds(cm.OpenFailure, U32, U32, SHORT),
    st.builds(cm.WindowAdjust, U32, U32),
    st.builds(cm.ChannelData, U32, SHORT),
    st.builds(cm.ExtendedData, U32, U32, SHORT),
    st.builds(cm.ChannelEof, U32),
    st.builds(cm.ChannelClose, U32),
    st.builds(cm.ChannelRequest, U32, SHORT, st.booleans(), SHORT),
    st.builds(cm.ChannelSuccess, U32),
    st.builds(cm.ChannelFailure, U32),
)


@given(MESSAGES)
def test_what_we_encode_we_decode(message: cm.ConnectionMessage) -> None:
    assert decode(message.encode()) == message


@given(st.integers(80, 100), st.binary(max_size=80))
def test_any_fields_give_a_message_or_a_violation(number: int, fields: bytes) -> None:
    try:
        message = decode(bytes([number]) + fields)
    except ProtocolViolation:
        return
    # What was read is written again as it came, but for language tags.
    if not isinstance(message, cm.OpenFailure):
        assert decode(message.encode()) == message


def opened(
    window: int = 100_000, packet: int = MAX_PACKET_BYTES, peer: int = 9
) -> tuple[Channels, Channel]:
    channels = Channels()
    channel, message = channels.open_session()
    assert (message.window, message.max_packet) == (WINDOW_BYTES, MAX_PACKET_BYTES)
    assert channels.receive(cm.OpenConfirmation(channel.number, peer, window, packet), AT) == []
    return channels, channel


# -- any conversation ------------------------------------------------------------------------------

small = st.integers(0, 3)
ANYTHING = st.lists(
    st.one_of(
        st.builds(cm.ChannelOpen, st.sampled_from([b"x11", b"forwarded-tcpip"]), small, small,
                  small, SHORT),
        st.builds(cm.OpenConfirmation, small, small, U32, U32),
        st.builds(cm.OpenFailure, small, small, SHORT),
        st.builds(cm.WindowAdjust, small, U32),
        st.builds(cm.ChannelData, small, st.binary(max_size=40)),
        st.builds(cm.ExtendedData, small, small, SHORT),
        st.builds(cm.ChannelEof, small),
        st.builds(cm.ChannelClose, small),
        st.builds(cm.ChannelRequest, small, st.sampled_from([b"exit-status", b"exit-signal",
                  b"eow@openssh.com"]), st.booleans(), st.binary(max_size=8)),
        st.builds(cm.ChannelSuccess, small),
        st.builds(cm.ChannelFailure, small),
        st.builds(cm.RequestSuccess, SHORT),
        st.builds(cm.GlobalRequest, SHORT, st.booleans()),
    ),
    max_size=30,
)  # fmt: skip


@given(ANYTHING)
def test_any_conversation_gives_answers_or_a_violation(
    messages: Sequence[cm.ConnectionMessage],
) -> None:
    channels = Channels()
    for _ in range(3):
        channels.open_session()
    channels.global_request(b"tcpip-forward")
    try:
        for message in messages:
            for answer in channels.receive(message, AT):
                assert decode(answer.encode()) == answer
    except ProtocolViolation:
        return
    for channel in channels.open.values():
        assert 0 <= channel.buffered <= WINDOW_BYTES
        assert 0 <= channel.send_window <= 2**32 - 1


@given(st.lists(st.integers(1, MAX_PACKET_BYTES), max_size=120), st.data())
def test_a_window_is_given_back_only_as_its_reader_takes(
    sizes: list[int], data: st.DataObject
) -> None:
    """However sent and taken: the peer may send what was announced, and never more is held."""
    channels, channel = opened()
    allowed = WINDOW_BYTES
    for size in sizes:
        if size > allowed:
            with pytest.raises(ProtocolViolation):
                channels.receive(cm.ChannelData(channel.number, bytes(size)), AT)
            return
        channels.receive(cm.ChannelData(channel.number, bytes(size)), AT)
        allowed -= size
        assert channel.buffered <= WINDOW_BYTES
        while channel.readable and data.draw(st.booleans()):
            _, at, adjust = channel.take()
            assert at == AT
            if adjust is not None:
                assert adjust.recipient == 9
                allowed += adjust.count
        assert allowed + channel.buffered <= WINDOW_BYTES


@given(st.integers(1, 200_000), st.integers(0, 100_000), st.integers(1, 2**32 - 1))
def test_what_we_send_stays_within_the_peers_window(size: int, window: int, packet: int) -> None:
    _, channel = opened(window, packet)
    view, sent = memoryview(bytes(size)), 0
    while count := channel.sendable(view):
        assert count <= min(packet, MAX_PACKET_BYTES)
        channel.data(bytes(view[:count]))
        view, sent = view[count:], sent + count
    assert sent == min(size, window)


# -- opening ---------------------------------------------------------------------------------------


def test_a_direct_channel_says_where_it_goes() -> None:
    _, message = Channels().open_direct("db.internal", 5432)
    ours = vector(4, b"127.0.0.1") + bytes(4)
    assert message.kind == b"direct-tcpip"
    assert message.fields == vector(4, b"db.internal") + (5432).to_bytes(4, "big") + ours


def test_a_refusal_has_a_name_and_is_clean() -> None:
    channels = Channels()
    channel, _ = channels.open_session()
    channels.receive(cm.OpenFailure(channel.number, 1, b"no \x1b[2J"), AT)
    assert channel.refused is not None
    assert channel.refused.text == "administratively prohibited: no \\x1b[2J"
    assert not channels.open
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: a message for channel 0, which is not open$"
    ):
        channels.receive(cm.ChannelEof(channel.number), AT)


def test_who_gave_up_on_a_channel_closes_it_when_it_comes() -> None:
    channels = Channels()
    channel, _ = channels.open_session()
    assert channel.close() is None
    answers = channels.receive(cm.OpenConfirmation(channel.number, 4, 1, 1), AT)
    assert answers == [cm.ChannelClose(4)]


@pytest.mark.parametrize("message", [
    cm.OpenConfirmation(0, 1, 1, 1), cm.OpenFailure(0, 1), cm.ChannelData(1, b"x"),
    cm.WindowAdjust(0, 2**32 - 1), cm.ChannelData(0, bytes(WINDOW_BYTES * 11 // 10 + 1)),
    cm.ChannelRequest(0, b"exit-status", False),
])  # fmt: skip
def test_what_may_not_come_on_an_open_channel(message: cm.ConnectionMessage) -> None:
    channels, _ = opened()
    with pytest.raises(ProtocolViolation):
        channels.receive(message, AT)


def test_a_channel_without_a_packet_size_can_be_read_alone() -> None:
    channels = Channels()
    channel, _ = channels.open_session()
    channels.receive(cm.OpenConfirmation(0, 1, 1, 0), AT)
    channels.receive(cm.ChannelData(0, b"x"), AT)
    assert channel.take()[0] == b"x"
    assert channel.sendable(memoryview(b"")) == 0
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: the channel's maximum packet size is 0: nothing can be sent$",
    ):
        channel.sendable(memoryview(b"x"))


@pytest.mark.field
@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (cm.ChannelSuccess(0), DeviationKind.UNASKED_ANSWER),
        (cm.ChannelFailure(0), DeviationKind.UNASKED_ANSWER),
        (cm.RequestSuccess(), DeviationKind.UNASKED_ANSWER),
        (cm.RequestFailure(), DeviationKind.UNASKED_ANSWER),
        (cm.ChannelData(0, bytes(MAX_PACKET_BYTES + 1)), DeviationKind.WINDOW),
        (cm.ChannelData(0, bytes(WINDOW_BYTES + 1000)), DeviationKind.WINDOW),
    ],
)
def test_what_clients_put_up_with_is_noted(
    message: cm.ConnectionMessage, kind: DeviationKind
) -> None:
    seen = Deviations()
    channels = Channels(seen)
    channel, _ = channels.open_session()
    channels.receive(cm.OpenConfirmation(0, 9, 1, 1), AT)
    channels.receive(message, AT)
    assert [deviation.kind for deviation in seen.seen] == [kind]
    assert not channel.answered
    assert not channels.answered
    with pytest.raises(ProtocolViolation):
        for _ in range(MAX_PEER_REQUESTS):
            channels.receive(message, AT)


# -- what the server opens -------------------------------------------------------------------------


def test_whatever_the_server_opens_is_refused_and_counted() -> None:
    channels = Channels()
    for kind in (b"auth-agent@openssh.com", b"x11", b"session", b"auth-agent@openssh.com"):
        (answer,) = channels.receive(cm.ChannelOpen(kind, 3, 1, 1), AT)
        assert isinstance(answer, cm.OpenFailure)
        assert (answer.recipient, answer.code) == (3, 1)
    assert channels.refused_peer_opens == {
        b"auth-agent@openssh.com": 2, b"x11": 1, b"session": 1,
    }  # fmt: skip


def forwarded(port: int) -> cm.ChannelOpen:
    fields = b"".join(
        vector(4, host) + number.to_bytes(4, "big")
        for host, number in ((b"0.0.0.0", port), (b"192.0.2.1", 5))
    )
    return cm.ChannelOpen(b"forwarded-tcpip", 3, 1, 1, fields)


def test_a_forwarding_of_ours_is_known_and_no_other() -> None:
    channels = Channels()
    channels.expect_forward(4000)
    channels.receive(forwarded(4000), AT)
    channels.receive(forwarded(4001), AT)
    assert channels.forwarded == {4000}
    assert channels.refused_peer_opens == {b"forwarded-tcpip": 1}
    channels.forget_forward(4000)
    channels.receive(forwarded(4000), AT)
    assert channels.refused_peer_opens == {b"forwarded-tcpip": 2}


def test_opening_without_end_is_a_violation() -> None:
    channels = Channels()
    for _ in range(MAX_PEER_OPENS):
        channels.receive(cm.ChannelOpen(b"x11", 3, 1, 1), AT)
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: the server tries to open more than 64 channels$",
    ):
        channels.receive(cm.ChannelOpen(b"x11", 3, 1, 1), AT)


# -- requests --------------------------------------------------------------------------------------


def test_answers_come_in_order() -> None:
    channels, channel = opened()
    channel.request(b"pty-req")
    channel.request(b"shell")
    channels.receive(cm.ChannelFailure(0), AT)
    channels.receive(cm.ChannelSuccess(0), AT)
    assert [granted for granted, _ in channel.answered] == [False, True]
    assert not channel.waiting


def test_how_a_command_ended() -> None:
    channels, channel = opened()
    status = cm.ChannelRequest(0, b"exit-status", False, (3).to_bytes(4, "big"))
    assert channels.receive(status, AT) == []
    assert (channel.exit_status, channel.ended) == (3, AT)
    killed = cm.ChannelRequest(0, b"exit-signal", False, vector(4, b"TERM") + bytes(9))
    channels.receive(killed, AT)
    assert channel.exit_signal == b"TERM"


def test_what_the_server_asks_is_refused_and_bounded() -> None:
    channels, _ = opened()
    asks = cm.ChannelRequest(0, b"keepalive@openssh.com", True)
    for _ in range(MAX_PEER_REQUESTS):
        assert channels.receive(asks, AT) == [cm.ChannelFailure(9)]
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: more than 64 requests on one channel$"
    ):
        channels.receive(asks, AT)


def test_global_requests_are_answered_in_order() -> None:
    channels = Channels()
    channels.global_request(b"tcpip-forward")
    channels.global_request(b"cancel-tcpip-forward")
    channels.receive(cm.RequestSuccess(b"port"), AT)
    channels.receive(cm.RequestFailure(), AT)
    assert [fields for fields, _ in channels.answered] == [b"port", None]


# -- ends ------------------------------------------------------------------------------------------


@pytest.mark.field
def test_data_after_the_end_is_dropped_and_bounded() -> None:
    channels, channel = opened()
    channels.receive(cm.ChannelData(0, b"last"), AT)
    channels.receive(cm.ChannelEof(0), AT)
    assert channel.eof
    assert channel.take()[0] == b"last"
    assert channels.receive(cm.ChannelData(0, b"more"), AT) == []
    assert not channel.readable
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: 32768 bytes on a channel whose window is 0 bytes$",
    ):
        for _ in range(2 * WINDOW_BYTES // MAX_PACKET_BYTES):
            channels.receive(cm.ChannelData(0, bytes(MAX_PACKET_BYTES)), AT)


def test_a_close_is_answered_with_a_close_and_forgotten() -> None:
    channels, channel = opened()
    assert channels.receive(cm.ChannelClose(0), AT) == [cm.ChannelClose(9)]
    assert channel.closed
    assert not channels.open
    assert channel.close() is None


def test_what_is_under_way_when_we_close_is_dropped() -> None:
    channels, channel = opened()
    assert channel.end() == cm.ChannelEof(9)
    assert channel.close() == cm.ChannelClose(9)
    assert channel.end() is None
    channels.receive(cm.ChannelData(0, b"late"), AT)
    assert not channel.readable
    assert channels.receive(cm.ChannelClose(0), AT) == []
    assert not channels.open


def test_standard_error_is_kept_in_part_and_gives_its_window_back() -> None:
    channels, channel = opened()
    adjusted = 0
    for _ in range(2 * WINDOW_BYTES // MAX_PACKET_BYTES):
        message = cm.ExtendedData(0, 1, bytes(MAX_PACKET_BYTES))
        for answer in channels.receive(message, AT):
            assert isinstance(answer, cm.WindowAdjust)
            adjusted += answer.count
    assert len(channel.stderr) == MAX_STDERR_BYTES
    assert adjusted >= WINDOW_BYTES
