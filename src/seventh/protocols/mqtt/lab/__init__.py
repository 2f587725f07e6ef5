"""MQTT's reference broker: over TLS, TCP or WebSocket, correct or with one fault."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from seventh.labkit import serve as labkit
from seventh.labkit.elsewhere import added
from seventh.labkit.serve import Kit, Served, tcp_server
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.labkit.web.peer import PlainPeer
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Reason
from seventh.protocols.mqtt.lab import wrong
from seventh.protocols.mqtt.lab.broker import Broker
from seventh.protocols.mqtt.lab.setup import USER, Setup
from seventh.protocols.mqtt.lab.websocket import answering
from seventh.protocols.mqtt.wire.reasons import Code

ELSEWHERE = "198.18.77.3"
"""An address that a fault adds to this machine, from RFC 2544's range: not a loopback address."""
_VIOLATION = Reason.PROTOCOL_VIOLATION.value
_SHORT = {"timeout_seconds": 1.0}


class Fault(labkit.Fault, frozen=True, kw_only=True):
    """A fault, and the broker that has it."""

    setup: Setup


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: str | None = None
) -> Fault:
    return Fault(
        name=name, meaning=meaning, triggers=triggers, reason=reason, setup=setup,
        needs=("root", "ip") if setup.host == ELSEWHERE else (),
    )  # fmt: skip


def _clear(**changes: object) -> Setup:
    return Setup(secure=False, logs_in=False, **changes)  # type: ignore[arg-type]


FAULTS = (
    _fault("clear", "serves mqtt:// beyond loopback", "MQTT-PLAINTEXT",
           setup=_clear(host=ELSEWHERE)),
    _fault("clear-websocket", "serves mqtt+ws:// beyond loopback", "MQTT-WSS",
           setup=_clear(host=ELSEWHERE, websocket=True)),
    _fault("no-subprotocol", "chooses no WebSocket subprotocol", "MQTT-WSS",
           setup=Setup(websocket=True, subprotocol=False)),
    _fault("anonymous", "accepts clients without credentials", "MQTT-ANON",
           setup=Setup(anonymous=True)),
    _fault("optional-certificate", "requests a client certificate and does not require it",
           "MQTT-MTLS-OPT", "TLS-MTLS-OPTIONAL", setup=Setup(certificates="optional")),
    _fault("required-certificate", "requires a client certificate",
           reason=Reason.TLS_CLIENT_CERTIFICATE_REQUIRED.value,
           setup=Setup(certificates="required")),
    _fault("wrong-password", "refuses the login", "MQTT-AUTH-FAIL",
           reason=Reason.AUTH_REJECTED.value, setup=Setup(password="wrong")),  # noqa: S106
    _fault("only-311", "supports only MQTT 3.1.1", "MQTT-NO-V5", setup=Setup(versions=(4,))),
    _fault("closes-v5", "closes the connection at MQTT 5", "MQTT-NO-V5",
           setup=Setup(versions=(4,), closes_unsupported=True)),
    _fault("no-packet-limit", "states no Maximum Packet Size", "MQTT-PKT-UNLIMITED",
           setup=Setup(maximum_packet_bytes=None)),
    _fault("no-receive-maximum", "states no Receive Maximum", "MQTT-RECVMAX",
           setup=Setup(receive_maximum=None)),
    _fault("receive-maximum-1", "states a Receive Maximum of 1", "MQTT-RECVMAX",
           setup=Setup(receive_maximum=1)),
    _fault("endless-sessions", "keeps sessions for ever", "MQTT-EXPIRY-FOREVER",
           setup=Setup(session_seconds=None)),
    _fault("moved", "refers clients to another server", "MQTT-REDIRECT",
           reason=Reason.UNEXPECTED_ANSWER.value,
           setup=Setup(refusal=Code.SERVER_MOVED, server_reference="other.lab.test:8883")),
    _fault("busy", "refuses clients as it is busy", reason=Reason.UNEXPECTED_ANSWER.value,
           setup=Setup(refusal=Code.SERVER_BUSY, versions=(5, 4))),
    _fault("closes", "closes the connection at CONNECT", reason=Reason.PEER_CLOSED.value,
           setup=_clear(hostile=wrong.close)),
    _fault("web", "is a web server", reason=Reason.PROTOCOL_MISMATCH.value,
           setup=_clear(hostile=wrong.WEB)),
    _fault("no-pingresp", "does not answer PINGREQ", reason=Reason.PEER_SILENT.value,
           setup=_clear(hostile=wrong.silent_ping, options=_SHORT)),
    _fault("flood", "sends messages without end", reason=_VIOLATION,
           setup=_clear(hostile=wrong.flood)),
    _fault("huge", "declares a packet of 256 MiB", reason=_VIOLATION,
           setup=_clear(hostile=wrong.HUGE)),
    _fault("long-length", "sends a remaining length of 5 bytes", reason=_VIOLATION,
           setup=_clear(hostile=wrong.FIVE_BYTES)),
    _fault("property-twice", "sends a property twice", reason=_VIOLATION,
           setup=_clear(hostile=wrong.TWICE)),
    _fault("undefined-property", "sends a property that is not defined", reason=_VIOLATION,
           setup=_clear(hostile=wrong.UNDEFINED)),
    _fault("early-message", "sends a message before CONNACK", reason=_VIOLATION,
           setup=_clear(hostile=wrong.EARLY)),
    _fault("endless-auth", "continues an authentication that was not requested",
           reason=_VIOLATION, setup=_clear(hostile=wrong.ENDLESS_AUTH)),
)  # fmt: skip

TOUR = ("anonymous",)
"""The faults that `seventh tour` shows."""
CLEAN = Setup()


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the broker, or one with ``fault``."""
    async with serve_setup(fault.setup if fault else CLEAN, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_setup(
    setup: Setup, kit: Kit, broker: Broker | None = None
) -> AsyncIterator[Served]:
    """Yield the broker of ``setup``."""
    broker = broker or Broker(setup)
    options = dict(setup.options)
    if setup.secure:
        options["ca_file"] = str(kit.authority.ca_file)
    async with contextlib.AsyncExitStack() as stack:
        if setup.host == ELSEWHERE:
            stack.enter_context(added(ELSEWHERE))
        port = await stack.enter_async_context(_listening(setup, kit, broker))
        if setup.logs_in:
            file = kit.folder / f"mqtt-password-{port}"
            file.touch(mode=0o600)
            file.write_text(f"{setup.password}\n", encoding="utf-8")
            options |= {"user": USER, "password_file": str(file)}
        scheme = ("mqtt+ws" if setup.websocket else "mqtt") + ("s" if setup.secure else "")
        yield Served(target=f"{scheme}://{setup.host}:{port}", options=options)


@contextlib.asynccontextmanager
async def _listening(setup: Setup, kit: Kit, broker: Broker) -> AsyncIterator[int]:
    """Serve ``broker`` on a free port, which is the value."""
    context = None
    if setup.secure:
        context = server_context(
            kit.authority.issue(),
            ask_client=setup.certificates == "optional",
            need_client=setup.certificates == "required",
            client_ca=str(kit.authority.ca_file),
            alpn=(b"http/1.1",) if setup.websocket else (),
        )
    if setup.websocket:
        handle = answering(broker)
        async with web_server(handle, versions=("1.1",), context=context, host=setup.host) as port:
            yield port
    elif context is not None:
        async with tls_server(context, application=broker.serve, host=setup.host) as port:
            yield port
    else:

        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await broker.serve(PlainPeer(reader, writer))

        async with tcp_server(plain, setup.host) as port:
            yield port
