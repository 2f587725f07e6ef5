"""The prober ``http``: one request, its redirects, and what is expected of the answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from email.utils import parsedate_to_datetime

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.protocols.http.client.connect import http_on
from seventh.protocols.http.probe.redirects import target_of
from seventh.protocols.http.wire.url import Origin, Url, request_path
from seventh.serve.probe.modules import HeaderMatch, Http, Module
from seventh.serve.probe.outcome import Outcome
from seventh.serve.probe.reach import choose, resolve, secure
from seventh.serve.probe.tcp import matches
from seventh.web.message import Request, Response
from seventh.wire.address import check_asked

_MAX_REDIRECTS = 10
_MAX_BODY = 8 * 1024 * 1024
_PHASES = ("resolve", "connect", "tls", "processing", "transfer")


async def probe(ctx: ProbeContext, module: Module, outcome: Outcome) -> None:
    """Run the module against the context's target. Raises Failed."""
    address = await resolve(ctx, module, outcome)
    ctx.grant(_MAX_REDIRECTS)
    ctx.budget.allow_bytes(_MAX_BODY + 1024 * 1024)
    target = ctx.target
    url = Url(Origin(target.scheme, target.host, target.port), request_path(target.path))
    hops = _Hops(ctx, module, outcome, url.origin)
    hops.seconds["resolve"] = outcome.lookup_seconds
    try:
        response = await hops.ask(url, address)
        redirects = 0
        while (following := target_of(url, response)) is not None:
            redirects += 1
            if not module.http.follows:
                break
            if redirects > _MAX_REDIRECTS:
                raise Failed(Reason.BUDGET_EXCEEDED, f"more than {_MAX_REDIRECTS} redirects")
            address, url = await hops.move(address, following), following
            response = await hops.ask(url, address)
    finally:
        hops.learn()
    _learn(outcome, url, response, redirects)
    await _judge(ctx, module.http, outcome, url, response)


class _Hops:
    """The requests of one probe, and the time of each phase, summed."""

    def __init__(self, ctx: ProbeContext, module: Module, outcome: Outcome, own: Origin) -> None:
        self._ctx, self._module, self._outcome, self._own = ctx, module, outcome, own
        self.seconds: defaultdict[str, float] = defaultdict(float)

    async def move(self, peer: Address, url: Url) -> Address:
        """Return the address to which ``peer`` redirects, by the policy for that. Raises Failed."""
        started = now_ns()
        found = await self._ctx.addresses_named(peer.ip, url.origin.host, url.origin.port)
        self.seconds["resolve"] += (now_ns() - started) / 1e9
        address = choose(found, self._module)
        check_asked(address.ip)
        self._outcome.address = address
        return address

    async def ask(self, url: Url, address: Address) -> Response:
        """Make one request on a connection of its own."""
        http, ctx = self._module.http, self._ctx
        started = now_ns()
        stream: Stream = await ctx.connect((address,))
        self.seconds["connect"] += (now_ns() - started) / 1e9
        version = "1.1"
        if url.origin.scheme == "https":
            started = now_ns()
            alpn = ("h2", "http/1.1") if http.enable_http2 else ("http/1.1",)
            tls = await secure(ctx, stream, http.tls_config, url.origin.host, self._outcome, alpn)
            self.seconds["tls"] += (now_ns() - started) / 1e9
            stream, version = tls, "2" if tls.alpn == "h2" else "1.1"
        connection = http_on(version, stream)
        response = await connection.request(self._request(url), body_cap=_MAX_BODY)
        connection.close()
        self.seconds["processing"] += response.first.since(response.sent)
        self.seconds["transfer"] += response.last.since(response.first)
        return response

    def _request(self, url: Url) -> Request:
        """Return the request for ``url``."""
        http = self._module.http
        fields = {"user-agent": "seventh", "accept": "*/*"}
        fields |= {name.lower(): value for name, value in http.headers.items()}
        host = fields.pop("host", url.origin.authority)
        if url.origin != self._own:
            host = url.origin.authority
        return Request(
            method=http.method.upper(), scheme=url.origin.scheme, authority=host, path=url.path,
            headers=tuple(fields.items()),
        )  # fmt: skip

    def learn(self) -> None:
        """Note the phases."""
        for phase in _PHASES:
            self._outcome.set("probe_http_duration_seconds", self.seconds[phase], phase=phase)


def _learn(outcome: Outcome, url: Url, response: Response, redirects: int) -> None:
    length = response.get("content-length") or ""
    outcome.set("probe_http_status_code", response.status)
    outcome.set("probe_http_version", float(response.version))
    outcome.set("probe_http_redirects", redirects)
    outcome.set("probe_http_ssl", url.origin.scheme == "https")
    outcome.set("probe_http_content_length", int(length) if length.isdecimal() else -1)
    outcome.set("probe_http_uncompressed_body_length", response.body_bytes)
    if (modified := response.get("last-modified")) is not None:
        try:
            at = parsedate_to_datetime(modified).timestamp()
        except (ValueError, OverflowError):
            return
        outcome.set("probe_http_last_modified_timestamp_seconds", at)


async def _judge(
    ctx: ProbeContext, http: Http, outcome: Outcome, url: Url, response: Response
) -> None:
    """Raise Failed unless the response is what the module expects."""
    secure_now = url.origin.scheme == "https"
    wanted = http.valid_status_codes or range(200, 300)
    version = f"HTTP/{response.version}" + (".0" if len(response.version) == 1 else "")
    if response.status not in wanted:
        raise _unexpected(f"status {response.status}")
    if http.valid_http_versions and version not in http.valid_http_versions:
        raise _unexpected(version)
    if http.fail_if_ssl if secure_now else http.fail_if_not_ssl:
        raise _unexpected("with TLS" if secure_now else "without TLS")
    if response.truncated:
        raise _unexpected(f"a body of more than {_MAX_BODY} bytes")
    outcome.regex_failed = True
    for pattern in http.fail_if_body_matches_regexp:
        if await matches(pattern, response.body, ctx):
            raise _unexpected("the body matches an expression")
    for pattern in http.fail_if_body_not_matches_regexp:
        if not await matches(pattern, response.body, ctx):
            raise _unexpected("the body does not match an expression")
    await _judge_headers(ctx, http.fail_if_header_matches, response, wanted=False)
    await _judge_headers(ctx, http.fail_if_header_not_matches, response, wanted=True)
    outcome.regex_failed = False


async def _judge_headers(
    ctx: ProbeContext, several: Iterable[HeaderMatch], response: Response, *, wanted: bool
) -> None:
    for each in several:
        values = response.every(each.header.lower())
        if not values:
            if each.allow_missing:
                continue
            raise _unexpected(f"no field {each.header}")
        found = [await matches(each.regexp, value.encode("latin-1"), ctx) for value in values]
        if any(found) is not wanted:
            raise _unexpected(f"the field {each.header}")


def _unexpected(detail: str) -> Failed:
    return Failed(Reason.UNEXPECTED_ANSWER, detail, phase="http.download")
