"""A site's check looks up CAA records, too."""

from __future__ import annotations

from seventh.engine.check import check_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import server_context
from seventh.labkit.web.serve import web_server
from seventh.model.target import Target
from seventh.model.tlsfacts import Caa, TlsFacts
from seventh.protocols.http.lab import content
from tests.options import options_with
from tests.reports import facts, found

NAME = "www.example.org"


async def test_a_site_has_its_caa_records(kit: Kit) -> None:
    context = server_context(kit.authority.issue(NAME), alpn=(b"http/1.1",))
    zone = {NAME: {"A": ("127.0.0.1",)}, "example.org": {"CAA": ('0 issue "ca.example"',)}}
    async with (
        name_server(zone) as resolver,
        web_server(content.site(), versions=("1.1",), context=context) as port,
    ):
        report = await check_one(
            Target(scheme="https", host=NAME, port=port),
            options_with(resolver=resolver, ca_store=str(kit.authority.ca_file)),
        )
    assert facts(report, TlsFacts).caa == Caa(name="example.org", records=('0 issue "ca.example"',))
    assert "TLS-CAA" in report.passed and "TLS-CAA" not in found(report)
