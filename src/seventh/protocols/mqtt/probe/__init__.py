"""The check of an MQTT broker: which versions it accepts, from whom, and with which limits."""

from __future__ import annotations

from seventh.model.failure import NO_TLS_AT_ALL, Failed, Reason
from seventh.model.tlsfacts import TlsFacts
from seventh.net import mail
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.tls.inspect import certificate_failure, identity, inspect_tls
from seventh.net.tls.plaintext import detect_tls, may_be_tls
from seventh.protocols.mqtt import MqttOptions
from seventh.protocols.mqtt.client.causes import refused
from seventh.protocols.mqtt.client.connection import Connection, Login, connect_packet
from seventh.protocols.mqtt.client.endpoint import Endpoint
from seventh.protocols.mqtt.client.login import given_login
from seventh.protocols.mqtt.facts import UNSUPPORTED_VERSION, Limits, Reply
from seventh.protocols.mqtt.probe import live, token
from seventh.protocols.mqtt.probe.workspace import Who
from seventh.protocols.mqtt.wire.packets import Connack, Version
from seventh.protocols.mqtt.wire.properties import Properties
from seventh.protocols.mqtt.wire.reasons import Code
from seventh.wire.text import printable

RESERVED = 6
"""The connections that the TLS inspection leaves to the rest."""
ENDLESS = 0xFFFFFFFF
"""The expiry of a session that never expires (MQTT 5 §3.1.2.11.2)."""
_PHASES: dict[Version, str] = {5: "mqtt.connack", 4: "mqtt.connack.311"}
_ENDS = frozenset({Reason.PEER_CLOSED, Reason.PEER_RESET})
_SHOWN = 200


async def pulse(ctx: ProbeContext) -> None:
    """Connect, ping and disconnect, without a credential; with 3.1.1 if 5 is not supported."""
    endpoint = Endpoint(ctx)
    below = await ctx.connect()
    endpoint.use(below.address)
    reply = await _try(endpoint, 5, await endpoint.open_verified(below))
    if _lacks_v5(reply):
        again = await endpoint.connect()
        reply = await _try(endpoint, 4, await endpoint.open_verified(again))
    _raise_refusal(reply)


async def check(ctx: ProbeContext) -> None:
    """Learn all facts from the first address, and compare the certificates of the others."""
    endpoint = Endpoint(ctx)
    first, *others = await ctx.connect_all()
    for other in others:
        other.close()
    endpoint.use(first.address)
    failed: Failed | None = None
    try:
        await _versions(endpoint, first)
    except Failed as error:
        failed = error
        _learn_required_certificate(endpoint, error)
    if endpoint.secure and (failed is None or failed.reason not in NO_TLS_AT_ALL):
        await _inspect(endpoint)
    if failed is None:
        login = await _log_in(endpoint)
        await _request_endless_session(endpoint, login)
        if (who := _who(endpoint, login)) is not None:
            await live.run(endpoint, who)
        if login is not None and ctx.options.token_file is not None:
            await _outlive_token(endpoint, login)
    if others and endpoint.secure:
        await _compare(endpoint, [first, *others])
    if failed is not None:
        raise failed
    certificate = certificate_failure(ctx.notes(TlsFacts).facts) if endpoint.secure else None
    if certificate is not None:
        ctx.fail(certificate)


# -- versions --------------------------------------------------------------------------------------


async def _versions(endpoint: Endpoint, below: Stream) -> None:
    """Connect with MQTT 5, then with 3.1.1. Raises Failed if neither gets a CONNACK."""
    try:
        v5 = await _try(endpoint, 5, await endpoint.open(below))
        v311 = await _try(endpoint, 4, await endpoint.open())
    except Failed as failed:
        await _raise_if_tls(endpoint, failed)
        raise
    if v5.outcome == v311.outcome == "closed":
        ended = Failed(
            Reason.PEER_CLOSED, "the connection was closed without a CONNACK", phase="mqtt.connack"
        )
        await _raise_if_tls(endpoint, ended)
        raise ended
    _raise_refusal(v5 if v5.outcome == "accepted" or _lacks_v5(v311) else v311)


def _lacks_v5(reply: Reply) -> bool:
    return reply.outcome == "closed" or reply.code == UNSUPPORTED_VERSION


async def _raise_if_tls(endpoint: Endpoint, ended: Failed) -> None:
    if endpoint.secure or not may_be_tls(ended, None):
        return
    scheme = "mqtt+wss" if endpoint.websocket else "mqtts"
    phase = ended.phase or "mqtt.connack"
    instead = await detect_tls(endpoint.ctx, endpoint.address, endpoint.name, scheme, phase)
    if instead is not None:
        raise instead


def _raise_refusal(reply: Reply) -> None:
    """Raise Failed for a refusal that a login would not change."""
    if reply.outcome == "closed":
        raise Failed(
            Reason.PEER_CLOSED, "the connection was closed without a CONNACK", phase="mqtt.connack"
        )
    if reply.outcome == "refused" and not reply.needs_login:
        failed = refused(Code(reply.code or 0), reply.explanation, with_login=False)
        failed.phase = "mqtt.connack"
        raise failed


async def _try(endpoint: Endpoint, version: Version, stream: Stream) -> Reply:
    """Connect without a credential, and learn the reply; ping if it is accepted. Raises Failed."""
    connection = Connection(endpoint.ctx, stream, version)
    reply = await _connect(endpoint, connection, _PHASES[version])
    endpoint.notes.learn(**{"v5" if version == 5 else "v311": reply})
    if endpoint.notes.facts.connack_seconds is None and reply.seconds is not None:
        endpoint.notes.learn(connack_seconds=reply.seconds)
    if reply.outcome == "accepted":
        await _ping(endpoint, connection)
        await connection.disconnect()
    stream.close()
    return reply


async def _connect(
    endpoint: Endpoint,
    connection: Connection,
    phase: str,
    login: Login | None = None,
    expiry_seconds: int | None = None,
) -> Reply:
    """Send a CONNECT; return the reply, and learn what its properties state. Raises Failed."""
    packet = connect_packet(connection.version, login, expiry_seconds)
    try:
        with endpoint.ctx.watch.phase(phase) as timer:
            answer = await connection.connect(packet, endpoint.until)
            timer.begin(answer.sent)
            timer.stop(answer.back)
    except Failed as failed:
        if failed.reason not in _ENDS:
            raise
        return Reply(outcome="closed")
    connack = answer.packet
    assert isinstance(connack, Connack)  # noqa: S101 - what was awaited
    properties = connack.properties
    if properties.server_reference:
        endpoint.notes.learn(server_reference=printable(properties.server_reference, _SHOWN))
    if not connack.code.failed and connection.version == 5:
        endpoint.notes.learn(broker_limits=limits_of(properties))
        if expiry_seconds is not None:
            endpoint.notes.learn(endless_seconds=properties.session_expiry_seconds)
    return Reply(
        outcome="refused" if connack.code.failed else "accepted",
        code=int(connack.code),
        seconds=answer.seconds,
        explanation=printable(properties.reason_string or "", _SHOWN),
    )


def limits_of(properties: Properties) -> Limits:
    """Return the limits that a CONNACK states, or the standard's defaults (§3.2.2.3)."""

    def available(value: int | None) -> bool:
        return value != 0

    qos, received = properties.maximum_qos, properties.receive_maximum
    return Limits(
        receive_maximum=65_535 if received is None else received,
        maximum_packet_bytes=properties.maximum_packet_bytes,
        maximum_qos=2 if qos is None else qos,
        topic_alias_maximum=properties.topic_alias_maximum or 0,
        keep_alive_seconds=properties.server_keep_alive_seconds,
        retain_available=available(properties.retain_available),
        wildcards_available=available(properties.wildcards_available),
        subscription_ids_available=available(properties.subscription_ids_available),
        shared_available=available(properties.shared_available),
    )


async def _ping(endpoint: Endpoint, connection: Connection) -> None:
    if endpoint.notes.facts.ping_seconds is not None:
        return
    with endpoint.ctx.watch.phase("mqtt.ping") as timer:
        answer = await connection.ping(endpoint.until)
        timer.begin(answer.sent)
        timer.stop(answer.back)
    endpoint.notes.learn(ping_seconds=answer.seconds)


# -- the login, and what is requested with it ------------------------------------------------------


async def _log_in(endpoint: Endpoint) -> Login | None:
    """Connect with the credential where it is safe; return it if it is accepted. Raises Failed."""
    ctx, notes = endpoint.ctx, endpoint.notes
    if ctx.denied(2) is not None:
        return None
    withheld: str | None = mail.withheld(ctx, encrypted=endpoint.secure)
    version = _version(endpoint)
    login: Login | None = None
    if withheld is None:
        login = given_login(ctx, version, ctx.options.of(MqttOptions).auth_method or "")
    if withheld is None and login is None:
        withheld = "no-credential"
    if login is not None and login.method and version == 4:
        withheld = "no-v5"
    if withheld is not None or login is None:
        notes.learn(withheld=withheld)
        return None
    connection = Connection(ctx, await endpoint.open(), version)
    reply = await _connect(endpoint, connection, "mqtt.login", login)
    notes.learn(login=reply, login_version="5" if version == 5 else "3.1.1")
    if reply.outcome != "accepted":
        connection.stream.close()
        ctx.fail(_login_failure(reply))
        return None
    await _ping(endpoint, connection)
    await connection.disconnect()
    return login


def _version(endpoint: Endpoint) -> Version:
    """Return the newest version that the broker answers."""
    v5 = endpoint.notes.facts.v5
    return 4 if v5 is None or _lacks_v5(v5) else 5


async def _outlive_token(endpoint: Endpoint, login: Login) -> None:
    try:
        await token.run(endpoint, login, _version(endpoint))
    except Failed as failed:
        endpoint.notes.unknown("the token's expiry", failed.detail)


def _who(endpoint: Endpoint, login: Login | None) -> Who | None:
    """Return as whom to publish: with the credential, else anonymously where that is accepted."""
    facts = endpoint.notes.facts
    if login is not None:
        return Who(login, _version(endpoint))
    if facts.v5 is not None and facts.v5.outcome == "accepted":
        return Who(None, 5)
    if facts.v311 is not None and facts.v311.outcome == "accepted":
        return Who(None, 4)
    return None


def _login_failure(reply: Reply) -> Failed:
    if reply.code is None:
        failed = Failed(Reason.AUTH_REJECTED, "the broker closed the connection at the login")
    else:
        failed = refused(Code(reply.code), reply.explanation, with_login=True)
    failed.phase = "mqtt.login"
    return failed


async def _request_endless_session(endpoint: Endpoint, login: Login | None) -> None:
    """Ask for a session that never expires, and end it at once. Raises Failed."""
    notes = endpoint.notes
    v5 = notes.facts.v5
    accepted = v5 is not None and v5.outcome == "accepted"
    if endpoint.ctx.denied(1) is not None or not (accepted or (login and _version(endpoint) == 5)):
        return
    connection = Connection(endpoint.ctx, await endpoint.open(), 5)
    reply = await _connect(
        endpoint, connection, "mqtt.expiry", None if accepted else login, ENDLESS
    )
    notes.learn(endless=reply)
    if reply.outcome == "accepted":
        await connection.disconnect(session_expiry_seconds=0)
    connection.stream.close()


# -- TLS, and other addresses ----------------------------------------------------------------------


def _learn_required_certificate(endpoint: Endpoint, failed: Failed) -> None:
    if failed.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED:
        endpoint.notes.learn(client_certificate="required")
        endpoint.ctx.notes(TlsFacts).learn(client_certificate="required")


async def _inspect(endpoint: Endpoint) -> None:
    """Learn the TLS facts, and leave enough connections to the rest of the check."""
    ctx = endpoint.ctx

    async def connect() -> Stream:
        if ctx.connections_left(endpoint.address) <= RESERVED:
            raise Failed(Reason.BUDGET_EXCEEDED, "the remaining connections are reserved for MQTT")
        return await endpoint.connect()

    try:
        await inspect_tls(ctx, connect, endpoint.name, endpoint.alpn)
    except Failed as failed:
        endpoint.notes.unknown("TLS", failed.detail)


async def _compare(endpoint: Endpoint, streams: list[Stream]) -> None:
    """Compare the certificates of the name's addresses."""

    async def traits(stream: Stream) -> dict[str, str]:
        fresh = await endpoint.ctx.connect_again(stream.address)
        return await identity(endpoint.ctx, fresh, endpoint.name)

    await endpoint.ctx.compare(streams, traits)
