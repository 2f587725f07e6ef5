"""HSTS, plain HTTP, TLS inside HTTP, and the Date field."""

from __future__ import annotations

import contextlib

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.clock import clock_error_seconds, wall_minus_monotonic_ns
from seventh.protocols.http.client.connect import Opened, in_clear
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.versions import Clear, Dated, Hsts, Redirects, TlsUpgrade
from seventh.protocols.http.probe.redirects import target_of
from seventh.protocols.http.wire.fields import http_date, is_cache_hit
from seventh.protocols.http.wire.url import Origin, Url, bare
from seventh.web.message import Response
from seventh.wire.address import reach
from seventh.wire.text import printable

CLEAR_SECONDS = 2.0
"""How long plain HTTP's port may take; many are dropped by a firewall."""
UPGRADE = "TLS/1.0"
_ICMP = frozenset({Reason.CONNECT_REFUSED, Reason.CONNECT_TIMEOUT, Reason.CONNECT_UNREACHABLE})


# -- HSTS ------------------------------------------------------------------------------------------


def hsts_of(origin: Origin, response: Response, *, trusted: bool = True) -> Hsts:
    """Read Strict-Transport-Security as clients do (RFC 6797): the first field counts.

    ``trusted``: whether the certificate is one that clients take without a warning.
    """
    value = response.get("strict-transport-security") or ""
    why = ""
    if origin.scheme != "https":
        why = "clients use HSTS over https only (RFC 6797)"
    elif origin.literal:
        why = "clients ignore HSTS for an IP address (RFC 6797 §8.1.1)"
    elif f".{origin.host.lower()}".endswith(".localhost"):
        why = "HSTS for localhost would apply to every other server on this machine"
    elif not trusted:
        why = "clients ignore HSTS if the certificate is not trusted (RFC 6797)"
    age: int | None = None
    subdomains = preload = False
    for part in value.split(";")[:32]:
        name, _, given = part.strip().partition("=")
        given = given.strip().strip('"')
        match name.strip().lower():
            case "max-age" if given.isascii() and given.isdigit():
                age = int(given[:12])
            case "includesubdomains":
                subdomains = True
            case "preload":
                preload = True
    return Hsts(
        value=printable(value, 200), max_age_seconds=age, include_subdomains=subdomains,
        preload=preload, applies=not why, why_not=why,
    )  # fmt: skip


# -- the Date field --------------------------------------------------------------------------------


def dated(response: Response) -> Dated | None:
    """Compare the Date field with this machine's clock; None where a cache may have stored it.

    The field has whole seconds, so the server's clock was anywhere in that second, and ours
    anywhere between the request and the response: the skew is what exceeds both.
    """
    value = response.get("date")
    if value is None or response.get("age") not in {None, "0"} or _from_a_cache(response):
        return None
    distance = wall_minus_monotonic_ns()
    sent, received = ((mark.ns + distance) / 1e9 for mark in (response.sent, response.first))
    server = http_date(value, received)
    if server is None:
        return Dated(value=printable(value, 64))
    skew = max(0.0, server - received) or min(0.0, server + 1 - sent)
    error = clock_error_seconds()
    return Dated(
        value=printable(value, 64), skew_seconds=skew, unsynchronised=error is None,
        own_error_seconds=error or 0.0,
    )  # fmt: skip


def _from_a_cache(response: Response) -> bool:
    """Return whether a cache served it; some omit Age, which RFC 9111 §5.1 requires."""
    values = (*response.every("x-cache"), *response.every("x-cache-status"))
    return is_cache_hit(*response.every("cache-status")) or any("hit" in s.lower() for s in values)


# -- plain HTTP ------------------------------------------------------------------------------------


def clear_of(url: Url, response: Response, address: Address, chain: Redirects | None) -> Clear:
    """Return what a response over plain HTTP does: redirects to https, serves, or refuses."""
    following = target_of(url, response)
    leads = following is not None and following.origin.scheme == "https"
    if not leads and following is not None and chain is not None:
        leads = chain.final_url.startswith("https:")
    outcome = "redirects" if leads else "refuses" if response.status >= 400 else "serves"
    return Clear(
        url=bare(url),
        outcome=outcome,  # type: ignore[arg-type]  # one of the closed list
        status=response.status,
        location=bare(following) if following is not None else "",
        loopback=reach(address.ip) == "loopback",
    )


async def check_clear(site: Site, port: int) -> None:
    """Request the target's path over plain HTTP on ``port`` of the target's address.

    The query is left out, for it may hold a secret. ``port`` may be the target's own: a server
    with TLS only does not serve plain HTTP there.
    """
    origin = Origin("http", site.origin.host, port)
    url = Url(origin, site.url.path.partition("?")[0])
    address = Address(ip=site.address.ip, port=port, scope=site.address.scope)
    try:
        opened = await _open(site, address)
        response = await site.exchange(
            opened, url, method="HEAD" if site.template.method == "HEAD" else "GET",
            deadline_ns=site.ctx.budget.within(CLEAR_SECONDS),
        )  # fmt: skip
    except Failed as failed:
        closed = failed.reason in _ICMP or port == site.origin.port
        clear = Clear(
            url=bare(url), outcome="closed" if closed else "failed", detail=failed.detail,
            loopback=reach(address.ip) == "loopback",
        )  # fmt: skip
        site.notes.learn(clear=clear)
        return
    clear = clear_of(url, response, address, None)
    site.notes.learn(clear=clear)
    if port != site.origin.port or clear.outcome == "serves":
        await offer_upgrade(site, opened, url)
    opened.connection.close()


async def _open(site: Site, address: Address) -> Opened:
    return in_clear(await site.ctx.connect_again(address, CLEAR_SECONDS), address)


# -- TLS inside HTTP -------------------------------------------------------------------------------


async def offer_upgrade(site: Site, opened: Opened, url: Url) -> None:
    """Offer ``Upgrade: TLS/1.0`` on a plain connection that is idle (RFC 2817).

    A server that accepts it allows an attacker in between to start TLS within another client's
    connection (Opossum). A 101 ends the connection's use.
    """
    if not opened.connection.reusable:
        with contextlib.suppress(Failed):
            opened = await _open(site, opened.address)
    request = site.request(url, method="OPTIONS")
    request = type(request)(
        method="OPTIONS", scheme="http", authority=request.authority, path=url.path,
        headers=tuple(f for f in request.headers if f[0].lower() != "connection"),
        protocol=UPGRADE,
    )  # fmt: skip
    try:
        site.spend()
        with site.ctx.watch.phase("http.look"):
            response, _ = await opened.connection.tunnel(
                request, deadline_ns=site.ctx.budget.within(CLEAR_SECONDS), body_cap=65536
            )
    except Failed as failed:
        site.notes.unknown("TLS upgrade", failed.detail)
        return
    opened.offered_upgrade()
    site.notes.learn(
        tls_upgrade=TlsUpgrade(
            url=bare(url),
            status=response.status,
            upgrade=printable(", ".join(response.every("upgrade")), 80),
        )
    )
