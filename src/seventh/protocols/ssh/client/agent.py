"""The ssh-agent protocol: listing keys and requesting signatures (draft-ietf-sshm-ssh-agent)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.local import LocalSocket
from seventh.net.stopwatch import now_ns
from seventh.protocols.ssh.wire.fields import uint32
from seventh.protocols.ssh.wire.hostkeys import CERTIFICATE
from seventh.protocols.ssh.wire.values import string
from seventh.wire.reader import Reader
from seventh.wire.text import printable

SOCKET: Final = "SSH_AUTH_SOCK"
MAX_PACKET_BYTES = 256 * 1024
MAX_KEYS = 64
MAX_COMMENT = 128
LIST_SECONDS = 2.0
SIGN_SECONDS = 30.0
"""Long enough for a confirmation, or the touch of a security token."""

FAILURE, REQUEST_IDENTITIES, IDENTITIES_ANSWER, SIGN_REQUEST, SIGN_RESPONSE = 5, 11, 12, 13, 14
T = TypeVar("T")
_FLAGS = {"rsa-sha2-256": 2, "rsa-sha2-512": 4}


class AgentKey(msgspec.Struct, frozen=True):
    """A key that the agent can sign with."""

    blob: bytes
    comment: str


def sign_request(blob: bytes, algorithm: str, data: bytes) -> bytes:
    """Return SSH_AGENTC_SIGN_REQUEST, framed; ``algorithm`` selects an RSA key's hash."""
    flags = _FLAGS.get(algorithm.removesuffix(CERTIFICATE), 0)
    return string(bytes([SIGN_REQUEST]) + string(blob) + string(data) + uint32(flags))


def packet_length(head: bytes) -> int:
    """Return the length in a packet's first four bytes; ProtocolViolation beyond the limit."""
    length = int.from_bytes(head[:4], "big")
    if not 1 <= length <= MAX_PACKET_BYTES:
        raise ProtocolViolation(f"the agent declares a packet of {length} bytes")
    return length


def read_identities(packet: bytes) -> tuple[AgentKey, ...]:
    """Read SSH_AGENT_IDENTITIES_ANSWER. Raises ProtocolViolation."""
    reader = _expect(packet, IDENTITIES_ANSWER, "the agent's list of keys")
    count = reader.u32()
    if count > MAX_KEYS:
        raise ProtocolViolation(f"the agent declares {count} keys")
    keys = tuple(
        AgentKey(reader.vector(4), printable(reader.vector(4), MAX_COMMENT)) for _ in range(count)
    )
    reader.end()
    return keys


def read_signature(packet: bytes) -> bytes:
    """Read the signature blob in SSH_AGENT_SIGN_RESPONSE. Raises ProtocolViolation."""
    reader = _expect(packet, SIGN_RESPONSE, "the agent's signature")
    signature = reader.vector(4)
    reader.end()
    return signature


def _expect(packet: bytes, number: int, what: str) -> Reader:
    if packet[:1] == bytes([FAILURE]):
        raise ProtocolViolation("the agent refused the request")
    if packet[:1] != bytes([number]):
        raise ProtocolViolation(f"received message {packet[0] if packet else 0} instead of {what}")
    return Reader(memoryview(packet)[1:], what)


class Agent:
    """A running agent. Every failure of it is Failed (local-resource)."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def from_environment(cls) -> Agent | None:
        """Return the agent at SSH_AUTH_SOCK; None where that is not set."""
        path = os.environ.get(SOCKET)
        return cls(path) if path else None

    async def keys(self) -> tuple[AgentKey, ...]:
        """List its keys."""
        request = string(bytes([REQUEST_IDENTITIES]))
        return await self._request(request, LIST_SECONDS, read_identities)

    async def sign(self, blob: bytes, algorithm: str, data: bytes) -> bytes:
        """Return a signature over ``data`` by the key of ``blob``."""
        request = sign_request(blob, algorithm, data)
        return await self._request(request, SIGN_SECONDS, read_signature)

    async def _request(self, request: bytes, seconds: float, read: Callable[[bytes], T]) -> T:
        until = now_ns() + int(seconds * 1e9)
        sock = LocalSocket.open(self.path)
        try:
            await sock.send(request, until)
            return read(await self._packet(sock, until))
        except ProtocolViolation as violation:
            raise Failed(Reason.LOCAL_RESOURCE, violation.detail) from None
        finally:
            sock.close()

    async def _packet(self, sock: LocalSocket, until: int) -> bytes:
        data = b""
        while len(data) < 4 or len(data) < 4 + packet_length(data):
            more = await sock.receive(until)
            if not more:
                raise Failed(Reason.LOCAL_RESOURCE, f"the agent {self.path} closed its socket")
            data += more
        return data[4 : 4 + packet_length(data)]
