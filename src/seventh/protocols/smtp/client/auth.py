"""AUTH (RFC 4954): one login on a session inside TLS."""

from __future__ import annotations

from typing import Literal

from seventh.model.failure import Failed, ProtocolViolation, Reason, UsageError
from seventh.net import mail
from seventh.net.probe_context import ProbeContext
from seventh.net.secrets import read_secret
from seventh.net.tls.channel_binding import channel_binding
from seventh.net.tls.stream import TlsStream
from seventh.protocols.smtp.client.session import Session
from seventh.protocols.smtp.facts.mail import Login
from seventh.web.given import first_line
from seventh.wire.sasl import Client, Credentials, choose, decode, encode, initial

MAX_COMMAND = 512
"""The most bytes of a command with its end (RFC 5321 §4.5.3.1.4); a longer initial response is sent
as a line of its own (RFC 4954 §4)."""
MAX_STEPS = 8
"""The most challenges of one login; SCRAM has two."""


def read_credentials(
    user: str | None, password_file: str | None, token_file: str | None
) -> Credentials | None:
    """Read the password or the token of ``user``; None without a user or a secret.

    Raises UsageError for a file that cannot be used, and for a secret without a user.
    """
    if user is None:
        if password_file or token_file:
            flag = "--password-file" if password_file else "--token-file"
            raise UsageError(f"{flag} needs --user: SMTP logs in with both")
        return None
    if token_file is not None:
        return Credentials(user, token=first_line(token_file).encode())
    secret = read_secret(password_file)
    return Credentials(user, password=secret.reveal()) if secret is not None else None


async def log_in(ctx: ProbeContext, session: Session, credentials: Credentials, host: str) -> Login:
    """Log in by the best mechanism that both sides have, and return what came of it.

    Raises Failed: negotiation-failed without a common mechanism, protocol-violation, and what a
    connection can do.
    """
    offered, stream = session.extensions.mechanisms, session.stream
    binding = channel_binding(stream) if isinstance(stream, TlsStream) else None
    port = stream.address.port
    login: Login | None = None
    while client := choose(offered, credentials, host=host, port=port, binding=binding):
        login = await _exchange(ctx, session, client)
        if login.outcome == "accepted" or not client.binds:
            break
        binding = None
    if login is not None:
        return login
    what = "the token" if credentials.token else "the password"
    listed = ", ".join(offered) or "no mechanism"
    raise Failed(
        Reason.NEGOTIATION_FAILED,
        f"{what} cannot be used: the server offers {listed}",
        phase="smtp.auth",
    )


async def _exchange(ctx: ProbeContext, session: Session, client: Client) -> Login:
    with session.watch.phase("smtp.auth", session.stream.address.ip):
        waited = 0.0
        line, first = b"AUTH " + client.mechanism.encode("ascii"), client.first
        if first is not None:
            whole = b"%s %s" % (line, initial(first))
            if len(whole) + 2 <= MAX_COMMAND:
                line, first = whole, None
        unexpected: Failed | None = None
        for _ in range(MAX_STEPS):
            sent = await mail.send_secret(ctx, session.stream, line)
            reply = await session.receive()
            waited += session.arrived.since(sent)
            if reply.code != 334:
                break
            if unexpected is not None:
                raise unexpected
            try:
                challenge = decode(reply.texts[0].strip())
                line = encode(client.answer(challenge) if first is None else first)
                first = None
            except Failed as failed:
                unexpected, line = failed, b"*"  # cancels the exchange; the result follows
        else:
            raise ProtocolViolation(f"more than {MAX_STEPS} challenges in one login")
        if unexpected is not None:
            raise unexpected
        if reply.code == 235:
            client.finish()
    answer = reply.answer
    not_now: Literal["rejected", "unavailable"]
    not_now = "unavailable" if answer.is_temporary else "rejected"
    return Login(
        mechanism=client.mechanism,
        seconds=waited,
        outcome="accepted" if reply.code == 235 else not_now,
        answer=answer,
        error=client.error,
    )
