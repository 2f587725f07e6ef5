"""Following redirects: where a URL leads, by the rules for addresses that a peer names."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.tls.plaintext import detect_tls, may_be_tls
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.versions import Hop, Loop, Redirects
from seventh.protocols.http.wire.url import Url, bare, resolve
from seventh.web import limits
from seventh.web.message import Response

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PHASE = "http.redirect"


def target_of(url: Url, response: Response) -> Url | None:
    """Return where a response redirects; None where nowhere, or not to an HTTP URL."""
    location = response.get("location")
    if response.status not in REDIRECTS or location is None:
        return None
    return resolve(url, location)


async def follow(site: Site, response: Response) -> None:
    """Follow redirects from the target's first response, and set the site's base.

    No credential leaves the target's own origin, and at most :data:`limits.MAX_REDIRECTS` hops
    are made. A chain that leads nowhere is the talk's failure: no client comes to its end.
    """
    url, hops = site.url, []
    seen = [url]
    stopped = ""
    loop: Loop | None = None
    cookies: tuple[str, ...] = ()
    downgraded = False
    try:
        while response.status in REDIRECTS and response.get("location") is not None:
            following = target_of(url, response)
            location = bare(str(following) if following else response.get("location") or "")
            hops.append(Hop(status=response.status, url=bare(url), location=location))
            if following is None:
                raise ProtocolViolation(f"the redirect target is not an HTTP URL: {location}")
            downgraded |= (url.origin.scheme, following.origin.scheme) == ("https", "http")
            cookies += _cookies(response)
            if following in seen:
                loop = await _loop(site, tuple(seen[seen.index(following) :]), cookies)
                raise Failed(Reason.PROTOCOL_VIOLATION, f"redirect loop: {location}")
            if len(hops) > limits.MAX_REDIRECTS:
                raise Failed(Reason.BUDGET_EXCEEDED, f"more than {limits.MAX_REDIRECTS} redirects")
            seen.append(following)
            response, url = await _hop(site, following), following
    except Failed as failed:
        stopped = f"{failed.reason}: {failed.detail}"
        failed.phase = failed.phase or PHASE
        site.ctx.fail(failed)
    else:
        site.settle(url, response)
    site.notes.learn(
        redirects=Redirects(
            hops=tuple(hops),
            final_url=bare(url),
            final_status=response.status,
            stopped=stopped,
            loop=loop,
            downgraded=downgraded,
        ),
    )


def _cookies(response: Response) -> tuple[str, ...]:
    """Return ``name=value`` of each cookie that a response sets."""
    return tuple(line.partition(";")[0].strip() for line in response.every("set-cookie"))


async def _loop(site: Site, urls: tuple[Url, ...], cookies: tuple[str, ...]) -> Loop:
    """Return the loop, and what ends it: its own cookies, or a field that a TLS proxy adds.

    Only URLs of the target's own host are requested again.
    """
    first = urls[0]
    places = {(url.origin.host, url.path) for url in urls}
    schemes = len(places) == 1 and {url.origin.scheme for url in urls} == {"http", "https"}
    loop = Loop(urls=tuple(map(bare, urls)), schemes=schemes)
    if any(url.origin.host != site.origin.host for url in urls):
        return loop
    if cookies:
        cookie = ("Cookie", "; ".join(cookies))
        loop = replace(loop, cookie=await _leaves(site, first, urls, cookie))
    https = next((url for url in urls if url.origin.scheme == "https"), None)
    if https is not None and (schemes or urls == (https,)) and not loop.cookie:
        proto = ("X-Forwarded-Proto", "https")
        loop = replace(loop, forwarded_proto=await _leaves(site, https, urls, proto))
    return loop


async def _leaves(
    site: Site, url: Url, urls: tuple[Url, ...], field: tuple[str, str]
) -> bool | None:
    """Return whether a request with ``field`` is led out of the loop; None without a response."""
    try:
        with site.ctx.watch.phase(PHASE):
            opened = await site.opened(url.origin, None)
            response = await site.exchange(opened, url, headers=(field,))
    except Failed:
        return None
    return target_of(url, response) not in urls


async def _hop(site: Site, url: Url) -> Response:
    with site.ctx.watch.phase(PHASE):
        opened = await site.opened(url.origin, None)
        method = site.template.method if site.template.method == "HEAD" else "GET"
        response = await site.exchange(opened, url, method=method)
        if url.origin.scheme == "http" and may_be_tls(None, response.status):
            # As http:// with the port of https: no client comes to its end there.
            opened.connection.close()
            instead = await detect_tls(site.ctx, opened.address, url.origin.host, "https", PHASE)
            if instead is not None:
                raise instead
        return response
