"""The credential that was given, as each version of MQTT carries it."""

from __future__ import annotations

from seventh.net.probe_context import ProbeContext
from seventh.net.secrets import read_secret
from seventh.protocols.mqtt.client.connection import Login
from seventh.protocols.mqtt.wire.packets import Version
from seventh.web.given import first_line


def given_login(ctx: ProbeContext, version: Version, method: str = "") -> Login | None:
    """Return the token or the password, as their files have it now. Raises UsageError."""
    user, file = ctx.options.user, ctx.options.token_file
    if file is not None:
        # 3.1.1 has no password without a user name (§3.1.2.9).
        unnamed = "" if version == 4 else None
        return Login(unnamed if user is None else user, first_line(file).encode(), method)
    if user is None:
        return None
    secret = read_secret(ctx.options.password_file)
    return Login(user, secret.reveal() if secret is not None else None)
