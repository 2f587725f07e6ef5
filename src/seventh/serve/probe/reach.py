"""The one address that a probe connects to, by blackbox_exporter's choice and our policy."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.tls.handshake import start_tls
from seventh.net.tls.stream import TlsStream
from seventh.serve.probe.modules import Module, Tls
from seventh.serve.probe.outcome import Outcome
from seventh.wire import tlsnames
from seventh.wire.address import check_asked

_NAMES = {"ip4": "ipv4", "ip6": "ipv6"}


def options_of(tls: Tls, timeout_seconds: float) -> Options:
    """Return the options of a probe. Raises UsageError for files that cannot be used."""
    return Options(timeout_seconds=timeout_seconds, ca_file=tls.ca_file)


async def resolve(ctx: ProbeContext, module: Module, outcome: Outcome) -> Address:
    """Return the address to probe. Raises Failed."""
    started = now_ns()
    found = await ctx.addresses()
    outcome.lookup_seconds = (now_ns() - started) / 1e9
    address = choose(found, module)
    outcome.address = address
    check_asked(address.ip)
    ctx.pin((address,))  # the name is not looked up again: it could lead elsewhere
    return address


def choose(found: tuple[Address, ...], module: Module) -> Address:
    """Return the first address of the preferred IP version, else of the other one."""
    preferred, fallback = module.family
    wanted = [each for each in found if each.family == _NAMES[preferred]]
    if not wanted and not fallback:
        raise Failed(
            Reason.RESOLVE_NO_ADDRESS, f"no {preferred} address, and no fallback", phase="resolve"
        )
    return (wanted or list(found))[0]


async def secure(
    ctx: ProbeContext, stream: Stream, tls: Tls, host: str, outcome: Outcome,
    alpn: tuple[str, ...] = (),
) -> TlsStream:  # fmt: skip
    """Start TLS as the module says, and note it."""
    made = await start_tls(
        stream, ctx.options, tls.server_name or host, watch=ctx.watch, alpn=alpn,
        verify=not tls.insecure_skip_verify,
    )  # fmt: skip
    outcome.learn_tls(made, verified=not tls.insecure_skip_verify)
    if tls.min_version == "TLS13" and made.version < tlsnames.TLS13:
        raise Failed(Reason.TLS_VERSION, "older than tls_config.min_version", phase="tls")
    return made
