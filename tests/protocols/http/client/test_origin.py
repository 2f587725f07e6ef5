"""The site's budget, its policy for what a peer names, and how it looks at several addresses."""

from __future__ import annotations

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.labkit.web.handler import Answer
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.protocols.http import SPEC, lab
from seventh.protocols.http.client.origin import MAX_REQUESTS, Site
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.lab.setup import Setup
from seventh.protocols.http.probe.redirects import follow
from seventh.protocols.http.wire.url import Origin, Url
from seventh.web.message import Request
from tests.options import options_with
from tests.protocols.http.rules.looks import job
from tests.reports import net_facts

PUBLIC = Address(ip="198.41.0.4", port=443)


def far_site() -> Site:
    """A site at a public address that nothing is sent to."""
    target = Target(scheme="https", host="www.example.org", port=443)
    site = Site(ProbeContext(target, Options(), connections=0))
    site.move_to(PUBLIC)
    return site


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "fd00::1"]
)
async def test_a_public_peer_steers_nobody_inwards(host: str) -> None:
    site = far_site()
    with pytest.raises(Failed) as caught:
        await site.opened(Origin("http", host, 80), None)
    assert caught.value.reason is Reason.ADDRESS_POLICY


async def test_such_a_redirect_is_a_failure_and_is_not_followed() -> None:
    from tests.protocols.http.probe.test_hsts import answer

    site = far_site()
    await follow(site, answer(302, ("location", "http://169.254.169.254/latest/meta-data")))
    facts = site.ctx.facts["http"]
    assert isinstance(facts, HttpFacts) and facts.redirects is not None
    assert facts.redirects.stopped.startswith("address-policy")
    assert site.ctx.failure is not None
    assert site.ctx.failure.failure().phase == "http.redirect"
    assert site.base is None


async def test_requests_are_counted_and_capped(kit: Kit) -> None:
    async with lab.site(Setup(), kit) as served:
        target, options = job(served)
        ctx = ProbeContext(target, options, connections=SPEC.connections)
        site = Site(ctx)
        await site.resolve()
        for _ in range(MAX_REQUESTS - 1):
            assert (await site.get("/things")).status == 200
        assert (await site.get_at(site.address)).status == 200
        with pytest.raises(Failed) as caught:
            await site.get()
        assert caught.value.reason is Reason.BUDGET_EXCEEDED
        assert site.requests == MAX_REQUESTS
        ctx.close()


async def test_connections_are_kept_and_fresh_ones_are_new(kit: Kit) -> None:
    async with lab.site(Setup(), kit) as served:
        target, options = job(served)
        ctx = ProbeContext(target, options, connections=3)
        site = Site(ctx)
        await site.resolve()
        left = ctx.connections_left(site.address)
        for _ in range(3):
            await site.opened(site.origin, "2")
        assert ctx.connections_left(site.address) == left - 1
        await site.opened(site.origin, "2", fresh=True)
        assert ctx.connections_left(site.address) == left - 2
        with pytest.raises(Failed):
            await site.get(method="DELETE")
        await site.pool.aclose()
        ctx.close()


async def test_two_addresses_are_compared(kit: Kit) -> None:
    """The second address is another server: of the same name, with another status."""
    from seventh.labkit.names import name_server
    from seventh.labkit.serve import free_port
    from seventh.labkit.web.serve import web_server

    async def good(_: Request) -> Answer:
        return Answer(headers=(("Server", "first"),), body=b"ok")

    async def bad(_: Request) -> Answer:
        return Answer(status=404, headers=(("Server", "second"),))

    issued = kit.authority.issue(lab.NAME)
    port = free_port()
    zone = {lab.NAME: {"A": ("127.0.0.1", "127.0.0.2")}}
    async with (
        web_server(good, issued=issued, port=port),
        web_server(bad, issued=issued, port=port, host="127.0.0.2"),
        name_server(zone) as resolver,
    ):
        options = options_with(resolver=resolver, ca_file=str(kit.authority.ca_file))
        target = Target(scheme="https", host=lab.NAME, port=port)
        report = await check_one(target, options)
    traits = {difference.trait for difference in net_facts(report).differences}
    assert {"status", "server"} <= traits and "certificate" not in traits
    assert "NET-ADDR-DRIFT" in {f.id for f in report.findings}
    assert "TLS-NO-RESUME" in {f.id for f in report.findings}


def test_only_the_own_origin_gets_the_person_s_fields() -> None:
    site = far_site()
    own = site.request(Url(site.origin, "/"))
    other = site.request(Url(Origin("https", "other.test", 443), "/"))
    assert own.get("user-agent") == "seventh" == other.get("user-agent")
