"""TLS after STARTTLS, against real servers: with TLS, without it, and with the advised lines."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.starttls import StarttlsName
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.tls.lab.starttls import front
from seventh.protocols.tls.wire.starttls import PROTOCOLS
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.starttls import HARDENED, SERVERS, serving
from tests.reports import found

pytestmark = pytest.mark.peer

EVERY = pytest.mark.parametrize("name", SERVERS)
GREETINGS = {
    "smtp": "ESMTP Postfix", "imap": "Dovecot", "pop3": "Dovecot", "sieve": "Pigeonhole",
    "mysql": "MariaDB", "ftp": "ProFTPD", "nntp": "InterNetNews",
}  # fmt: skip
UNRESUMED = {"imap", "pop3", "sieve", "nntp", "xmpp", "ldap"}
"""Dovecot and INN have a process, and Prosody a context, per connection; slapd makes no tickets."""


def target(port: int) -> Target:
    return Target(scheme="tls", host="127.0.0.1", port=port)


def options(kit: Kit, name: str | None, **more: Any) -> Options:
    ca = str(kit.authority.ca_file)
    return options_with(
        **{"timeout_seconds": 10.0, "ca_file": ca, "server_name": "lab.test", "starttls": name}
        | more
    )


def tls_facts(report: Report) -> TlsFacts:
    facts = report.facts["tls"]
    assert isinstance(facts, TlsFacts)
    return facts


@EVERY
async def test_a_server_that_follows_the_advice_passes(name: str, kit: Kit) -> None:
    async with serving(name, kit) as port:
        report = await check_one(target(port), options(kit, name))
        pulse = await pulse_one(target(port), options(kit, name))
    assert report.failure is None
    assert pulse.failure is None
    facts = tls_facts(report)
    assert facts.unknown == {}
    assert facts.version == "TLSv1.3"
    assert facts.chain_state == "trusted"
    assert facts.versions_refused == ("SSLv3", "TLSv1.0", "TLSv1.1")
    assert facts.broken_suites == facts.obsolete_suites == ()
    assert facts.starttls is not None
    assert facts.starttls.injected_bytes == 0
    assert GREETINGS.get(name, "") in facts.starttls.greeting
    assert found(report) - {"TLS-NO-PQ"} == ({"TLS-NO-RESUME"} if name in UNRESUMED else set())
    assert {finding.severity for finding in report.findings} <= {Severity.LOW}


@EVERY
async def test_a_server_without_tls_does_not_offer_it(name: str, kit: Kit) -> None:
    async with serving(name, kit, None) as port:
        report = await check_one(target(port), options(kit, name))
    assert report.failure is not None
    if name == "nntp":  # INN knows the command, and then misses its certificate
        assert report.failure.reason is Reason.STARTTLS_REFUSED
        assert "580 Error initializing TLS" in report.failure.detail
        return
    assert report.failure.reason is Reason.STARTTLS_NOT_OFFERED, report.failure.detail
    assert PROTOCOLS[name].enable in report.failure.detail  # type: ignore[index]


@EVERY
async def test_without_the_option_it_is_proposed_where_the_server_answers(
    name: str, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(name, kit) as port:
        monkeypatch.setattr("seventh.protocols.tls.probe.usual_at", {port: name}.get)
        report = await pulse_one(target(port), options(kit, None, timeout_seconds=3.0))
    assert report.failure is not None
    assert report.failure.detail.endswith(f"add --starttls {name}"), report.failure.detail


@pytest.mark.parametrize("name", ["smtp", "imap", "postgres", "mysql", "ftp"])
async def test_the_advice_about_suites_is_what_makes_the_difference(name: str, kit: Kit) -> None:
    async with serving(name, kit, ()) as port:
        before = await check_one(target(port), options(kit, name))
    async with serving(name, kit, HARDENED) as port:
        after = await check_one(target(port), options(kit, name))
    assert "TLS-WEAK-CIPHER" in found(before)
    assert "TLS-WEAK-CIPHER" not in found(after)


@pytest.mark.parametrize("name", PROTOCOLS)
async def test_openssls_client_understands_the_reference_servers(
    name: StarttlsName, kit: Kit
) -> None:
    context = server_context(kit.authority.issue())
    async with tls_server(context, front=front(name)) as port:
        client = await asyncio.create_subprocess_exec(
            need_binary("openssl"), "s_client", "-brief", "-starttls", name, "-verify_return_error",
            "-connect", f"127.0.0.1:{port}", "-CAfile", str(kit.authority.ca_file),
            "-servername", "lab.test", "-xmpphost", "lab.test",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await asyncio.wait_for(client.communicate(), 10)
    assert b"Protocol version: TLSv1.3" in said, said.decode()
    assert client.returncode == 0, said.decode()


async def test_dovecot_resumes_with_the_advised_line(kit: Kit) -> None:
    async with serving("imap", kit, more="service_count = 0\n") as port:
        report = await check_one(target(port), options(kit, "imap"))
    assert "TLS-NO-RESUME" not in found(report)
