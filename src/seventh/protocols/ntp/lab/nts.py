"""NTP's reference server with NTS: key establishment and authenticated NTP on loopback."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import AsyncIterator

from msgspec.structs import replace
from OpenSSL import SSL

from seventh.labkit.serve import Kit, Served, free_port
from seventh.labkit.tlsserve import TlsPeer, server_context, tls_server
from seventh.model.failure import ProtocolViolation
from seventh.protocols.ntp.lab.responder import HOST, Responder
from seventh.protocols.ntp.lab.setup import NtsSetup
from seventh.protocols.ntp.wire import nts_fields, nts_ke
from seventh.protocols.ntp.wire.nts_fields import NTS_NAK, Cipher, FieldType, Keys, Parts
from seventh.protocols.ntp.wire.nts_ke import Aead, Record, RecordReader, Request, Response
from seventh.protocols.ntp.wire.packet import ExtensionField, Packet, parse

_FLOOD_RECORD = Record(0x4000, b"\0" * 8).encode()
_MONTH = dt.timedelta(days=30)


class Cookies:
    """Encrypts the keys of an association into cookies, and decrypts them (RFC 8915 §6)."""

    def __init__(self) -> None:
        self._master = Cipher(Aead.AES_SIV_CMAC_256, os.urandom(32))

    def make(self, aead: int, to_server: bytes, to_client: bytes) -> bytes:
        """Return a unique cookie."""
        nonce = os.urandom(self._master.nonce_bytes)
        return nonce + self._master.seal(nonce, aead.to_bytes(4) + to_server + to_client, b"")

    def read(self, cookie: bytes) -> tuple[int, bytes, bytes] | None:
        """Return algorithm and keys of a cookie; None if it was not made here."""
        size = self._master.nonce_bytes
        plain = self._master.open(cookie[:size], cookie[size:], b"")
        if plain is None:
            return None
        half = (len(plain) - 4) // 2
        return int.from_bytes(plain[:4]), plain[4 : 4 + half], plain[4 + half :]


# -- key establishment -----------------------------------------------------------------------------


class KeyServer:
    """The key establishment inside TLS: reads one request, answers it, and closes."""

    def __init__(self, setup: NtsSetup, cookies: Cookies, ntp_port: int) -> None:
        self._setup = setup
        self._cookies = cookies
        self._ntp_port = ntp_port

    async def __call__(self, peer: TlsPeer) -> None:
        """Serve one connection."""
        reader = RecordReader()
        try:
            while not reader.complete:
                data = await peer.receive()
                if not data:
                    return
                reader.receive(data)
            request = nts_ke.read_request(reader.records)
        except ProtocolViolation:
            await peer.send(Response(error=1).encode())
            return
        while self._setup.flood:
            await peer.send(_FLOOD_RECORD * 64)
        await peer.send(self.answer(peer.engine, request).encode())

    def answer(self, engine: SSL.Connection, request: Request) -> Response:
        """Return the response to ``request``."""
        setup = self._setup
        if setup.error is not None:
            return Response(error=setup.error)
        if nts_ke.NTPV4 not in request.protocols:
            return Response(protocols=())
        aead = next((number for number in request.aeads if number in setup.aeads), None)
        if aead is None:
            return Response(protocols=(nts_ke.NTPV4,), aeads=())
        compliant = (
            setup.compliant_export and request.compliant_export and aead == Aead.AES_128_GCM_SIV
        )
        to_server, to_client = (
            engine.export_keying_material(
                nts_ke.EXPORTER_LABEL,
                nts_fields.key_bytes(aead),
                nts_ke.exporter_context(self._context_aead(aead, compliant), to_server=direction),
            )
            for direction in (True, False)
        )
        return Response(
            protocols=(nts_ke.NTPV4,),
            aeads=(aead,),
            compliant_export=compliant,
            server=setup.server,
            port=self._ntp_port,
            cookies=tuple(
                self._cookies.make(aead, to_server, to_client) for _ in range(setup.cookies)
            ),
        )

    def _context_aead(self, aead: int, compliant: bool) -> int:
        mistaken = self._setup.chrony_keys and aead == Aead.AES_128_GCM_SIV and not compliant
        return int(Aead.AES_SIV_CMAC_256) if mistaken else aead


# -- authenticated NTP -----------------------------------------------------------------------------


class NtsResponder(Responder):
    """A responder that also answers authenticated requests."""

    def __init__(self, setup: NtsSetup, cookies: Cookies) -> None:
        super().__init__(setup.ntp)
        self._nts = setup
        self._cookies = cookies
        self.authenticated = 0
        """The number of authenticated requests answered."""

    def _answer(self, data: bytes, arrived_ns: int, source: tuple[str, int]) -> None:
        if self._nts.max_bytes is not None and len(data) > self._nts.max_bytes:
            return
        try:
            request = parse(data)
            parts = nts_fields.dissect(request, data)
        except ProtocolViolation:
            return
        if parts.cookie is None or parts.unique_id is None:
            super()._answer(data, arrived_ns, source)
        elif not self._nts.silent:
            shift_ns = int(self._setup.shifts[0] * 1e9)
            reply = self._reply(request, arrived_ns + shift_ns, shift_ns)
            for datagram in self._authenticated(reply, parts, parts.unique_id):
                self._sock.sendto(datagram, source)

    def _authenticated(self, reply: Packet, parts: Parts, unique_id: bytes) -> list[bytes]:
        mine = ExtensionField(FieldType.UNIQUE_IDENTIFIER, unique_id)
        sealed = None if self._nts.forgets else self._cookies.read(parts.cookie or b"")
        if sealed is None:
            return [self._nak(reply, mine).encode()]
        aead, to_server, to_client = sealed
        known = Keys(Cipher(aead, to_server), Cipher(aead, to_client))
        if nts_fields.unlock(parts, known.to_server) is None:
            return [self._nak(reply, mine).encode()]
        self.authenticated += 1
        wanted = min(1 + len(parts.placeholders), self._nts.returned)
        fresh = b"".join(
            ExtensionField(
                FieldType.COOKIE, self._cookies.make(aead, to_server, to_client)
            ).encode()
            for _ in range(wanted)
        )
        cipher = known.to_client
        if self._nts.forges:
            cipher = Cipher(aead, os.urandom(nts_fields.key_bytes(aead)))
        prefix = replace(reply, extensions=(mine,)).encode()
        field = nts_fields.authenticator(cipher, os.urandom(cipher.nonce_bytes), prefix, fresh)
        forged = self._forged_kisses(reply) if self._nts.kisses else []
        return [*forged, prefix + field.encode()]

    def _nak(self, reply: Packet, unique_id: ExtensionField) -> Packet:
        kiss = self._kiss(reply, NTS_NAK, reply.origin)
        return replace(kiss, extensions=(unique_id,))

    def _forged_kisses(self, reply: Packet) -> list[bytes]:
        """Return kiss codes of an attacker who guesses the origin timestamp or the identifier."""
        other = ExtensionField(FieldType.UNIQUE_IDENTIFIER, os.urandom(32))
        return [
            self._kiss(reply, "DENY", reply.origin).encode(),
            self._kiss(reply, "RATE", reply.origin ^ 1).encode(),
            self._nak(reply, other).encode(),
        ]


@contextlib.asynccontextmanager
async def serve_nts(setup: NtsSetup, kit: Kit) -> AsyncIterator[Served]:
    """Yield an NTS server that is configured by ``setup``."""
    options = {**setup.options, "ca_file": str(kit.authority.ca_file)}
    if not setup.listens:
        yield Served(target=f"nts://{HOST}:{free_port(host=HOST)}", options=options)
        return
    cookies = Cookies()
    responder = NtsResponder(setup, cookies)
    responder.start()
    try:
        async with tls_server(
            _context(setup, kit), application=KeyServer(setup, cookies, responder.port)
        ) as port:
            yield Served(target=f"nts://{HOST}:{port}", options=options)
    finally:
        responder.stop()


def _context(setup: NtsSetup, kit: Kit) -> SSL.Context:
    issued = kit.authority.issue(
        "localhost",
        HOST,
        not_before=-2 * _MONTH if setup.expired else -dt.timedelta(hours=1),
        lifetime=_MONTH if setup.expired else 3 * _MONTH,
    )
    return server_context(
        issued,
        best=SSL.TLS1_2_VERSION if setup.tls12 else SSL.TLS1_3_VERSION,
        alpn=(nts_ke.ALPN.encode(),) if setup.alpn else (),
    )
