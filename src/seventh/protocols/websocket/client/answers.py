"""Answers to a handshake as facts, and why a client gives up on one."""

from __future__ import annotations

from collections.abc import Callable

from seventh.model.failure import Failed, Reason
from seventh.protocols.websocket.facts import Handshake
from seventh.protocols.websocket.wire.handshake import Judged
from seventh.web.message import Response
from seventh.wire.text import printable

_PROXY_FIELDS = ("via", "cf-ray", "x-amz-cf-id", "x-cache", "x-served-by", "x-varnish",
                 "fly-request-id", "x-azure-ref", "x-envoy-upstream-service-time")  # fmt: skip


def opened(response: Response, judged: Judged) -> Handshake:
    """Return a switch of protocols."""
    return Handshake(
        outcome="open",
        status=response.status,
        version=response.version,
        seconds=response.first.since(response.sent),
        accept=judged.accept,
        subprotocol=judged.subprotocol,
        foreign_subprotocol=judged.foreign_subprotocol,
        extensions=judged.extensions,
        foreign_extensions=judged.foreign_extensions,
        problems=judged.problems,
        oddities=judged.oddities,
        server=printable(response.get("server") or "", 120),
        via=_via(response),
        versions=_versions(response),
    )


def refusal(response: Response, hide: Callable[[str], str] = str) -> Handshake:
    """An answer of HTTP that stays with HTTP; ``hide`` takes our secrets out of what it says."""
    # Before the cut: half of a secret is still one.
    body = printable(hide(response.body.decode("utf-8", "backslashreplace")).strip(), 160)
    return Handshake(
        outcome="refused",
        status=response.status,
        version=response.version,
        seconds=response.first.since(response.sent),
        server=printable(response.get("server") or "", 120),
        via=_via(response),
        versions=_versions(response),
        asks_upgrade="websocket" in response.listed("upgrade"),
        location=hide(_site(response.get("location"))),
        wants=_schemes(response),
        retry_after=printable(response.get("retry-after") or "", 40),
        detail=body if "text/html" not in (response.get("content-type") or "") else "",
    )


def broken(failed: Failed) -> Handshake:
    """No answer at all."""
    return Handshake(outcome="failed", detail=failed.detail)


def failure_of(seen: Handshake, sent: str = "") -> Failed:
    """Why a client gives up on this answer; ``sent`` says which credential it had been sent."""
    if seen.outcome == "failed":
        return Failed(Reason.NEGOTIATION_FAILED, seen.detail)
    if seen.outcome == "open":
        return Failed(Reason.PROTOCOL_VIOLATION, "; ".join(seen.breaches))
    status = seen.status or 0
    server = f" ({seen.server})" if seen.server else ""
    says = f": {seen.detail}" if seen.detail else ""
    answer = f"HTTP {status} to the handshake{server}"
    if status in {401, 407}:
        who = "a proxy" if status == 407 else "the server"
        wants = f" ({seen.wants})" if seen.wants else ""
        if sent and status == 401:
            return Failed(Reason.AUTH_REJECTED, f"{answer}: it does not take {sent}{wants}{says}")
        return Failed(Reason.AUTH_REQUIRED, f"{answer}: {who} wants a credential{wants}{says}")
    if seen.refused_by_envoy:
        return Failed(
            Reason.NEGOTIATION_FAILED,
            "HTTP 403 to the handshake from Envoy itself: no upgrade_configs lets websocket "
            "through, or a filter or a route refuses",
        )
    if status == 403:
        return Failed(
            Reason.AUTH_REJECTED, f"{answer}: the origin or the credential is refused{says}"
        )
    if 300 <= status < 400:
        where = f" to {seen.location}" if seen.location else ""
        return Failed(
            Reason.NEGOTIATION_FAILED, f"{answer}: a redirect{where}, which is not followed"
        )
    if status == 426 or (seen.versions and "13" not in seen.versions):
        return _upgrade_required(seen, answer, says)
    later = f"; again after {seen.retry_after}" if seen.retry_after else ""
    if status == 429:
        return Failed(Reason.NEGOTIATION_FAILED, f"{answer}: too many requests{later}{says}")
    if status >= 500:
        return Failed(Reason.NEGOTIATION_FAILED, f"{answer}{later}{says}")
    if status in {404, 410}:
        return Failed(Reason.PROTOCOL_MISMATCH, f"{answer}: no WebSocket at this path{says}")
    return Failed(
        Reason.PROTOCOL_MISMATCH, f"the server speaks HTTP, not WebSocket: {answer}{says}"
    )


def _upgrade_required(seen: Handshake, answer: str, says: str) -> Failed:
    """Return a 426, or another refusal that names versions of the protocol (RFC 6455 §4.4)."""
    if seen.versions and "13" not in seen.versions:
        many = "versions" if len(seen.versions) > 1 else "version"
        return Failed(
            Reason.NEGOTIATION_FAILED,
            f"{answer}: the server supports WebSocket, but only {many} "
            f"{' and '.join(seen.versions)}; clients use version 13",
        )
    return Failed(
        Reason.PROTOCOL_MISMATCH,
        f"{answer}, though the request asks for WebSocket: a proxy in between removes the Upgrade "
        f"field, or the server wants another protocol{says}",
    )


def _versions(response: Response) -> tuple[str, ...]:
    return tuple(printable(v, 20) for v in response.listed("sec-websocket-version")[:8])


def _via(response: Response) -> str:
    said = (
        f"{name}: {printable(value, 60)}" if name == "via" else name
        for name in _PROXY_FIELDS
        if (value := response.get(name))
    )
    return ", ".join(said)


def _schemes(response: Response) -> str:
    """The names of the authentication schemes that a refusal asks for, without their parameters."""
    asked = (*response.every("www-authenticate"), *response.every("proxy-authenticate"))
    names = (value.split(maxsplit=1)[0].rstrip(",") for value in asked[:4] if value.strip())
    return ", ".join(dict.fromkeys(printable(name, 20) for name in names))


def _site(location: str | None) -> str:
    """A redirect's scheme and host, or its path: the rest may carry what nobody should read."""
    if not location:
        return ""
    scheme, colon, rest = location.partition("://")
    if not colon:
        return printable(location.partition("?")[0].partition("#")[0], 120) or "another query"
    return printable(f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}", 120)
