"""What the mail protocols share: the greeting that does not come, and the credentials."""

from __future__ import annotations

import asyncio

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Handler, Kit, tcp_server
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.failure import Reason, UsageError
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.net.mail import credentials_of, withheld
from seventh.net.probe_context import ProbeContext
from tests.hostile.servers import Reader, Writer

SCHEMES = pytest.mark.parametrize("scheme", ["imap", "pop3"])


async def failure(scheme: str, handler: Handler, seconds: float = 1.0) -> tuple[Reason, str]:
    async with tcp_server(handler) as port:
        target = Target(scheme=scheme, host="127.0.0.1", port=port)
        report = await check_one(target, Options(timeout_seconds=seconds))
    assert report.failure is not None
    assert report.failure.phase == f"{scheme}.greeting"
    return report.failure.reason, report.failure.detail


@SCHEMES
async def test_a_server_where_the_client_begins_is_named(scheme: str) -> None:
    async def http(reader: Reader, writer: Writer) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    reason, detail = await failure(scheme, http)
    assert reason is Reason.PROTOCOL_MISMATCH
    assert detail == f"the port serves HTTP, not {scheme.upper()}"


@SCHEMES
async def test_a_port_of_implicit_tls_is_named(scheme: str, kit: Kit) -> None:
    async with tls_server(server_context(kit.authority.issue())) as port:
        target = Target(scheme=scheme, host="127.0.0.1", port=port)
        report = await check_one(target, Options(timeout_seconds=1.0))
    assert report.failure is not None
    assert report.failure.detail == (
        f"the port serves TLS, not {scheme.upper()}: use {scheme}s://127.0.0.1:{port}"
    )


@SCHEMES
async def test_a_late_greeting_is_none(scheme: str) -> None:
    async def late(reader: Reader, writer: Writer) -> None:
        await reader.readline()
        writer.write(b"* OK ready\r\n" if scheme == "imap" else b"+OK ready\r\n")
        await writer.drain()
        await reader.read()

    assert (await failure(scheme, late))[0] is Reason.PEER_SILENT


@SCHEMES
async def test_another_greeting_is_named_at_once(scheme: str) -> None:
    async def smtp(reader: Reader, writer: Writer) -> None:
        writer.write(b"220 mx.example ESMTP\r\n")
        await writer.drain()
        await reader.read()

    started = asyncio.get_running_loop().time()
    reason, detail = await failure(scheme, smtp, 10.0)
    assert reason is Reason.PROTOCOL_MISMATCH
    assert detail == f"the port serves SMTP, not {scheme.upper()}"
    assert asyncio.get_running_loop().time() - started < 5


def ctx(**options: object) -> ProbeContext:
    return ProbeContext(Target(scheme="imap", host="h", port=1), Options(**options))  # type: ignore[arg-type]


def test_credentials_need_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEVENTH_PASSWORD", "secret")
    assert credentials_of(ctx(), None) is None
    found = credentials_of(ctx(user="anna"), None)
    assert found is not None
    assert (found.user, found.password, found.token) == ("anna", b"secret", b"")
    token = credentials_of(ctx(user="anna"), "t")
    assert token is not None
    assert (token.password, token.token) == (b"", b"t")
    monkeypatch.delenv("SEVENTH_PASSWORD")
    assert credentials_of(ctx(user="anna"), None) is None
    with pytest.raises(
        UsageError,
        match=r"^the password file /nonexistent cannot be read: No such file or directory$",
    ):
        credentials_of(ctx(user="anna", password_file="/nonexistent"), None)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (TlsFacts(chain_state="trusted", host_matches=True), None),
        (TlsFacts(chain_state="trusted", host_matches=False), "certificate"),
        (TlsFacts(chain_state="trusted"), "certificate"),
        (TlsFacts(chain_state="unverified", host_matches=True), "certificate"),
        (TlsFacts(chain_state="trusted", host_matches=True,
                  certificate_reason=Reason.TLS_CERTIFICATE_EXPIRED), "certificate"),
        (TlsFacts(), "certificate"),
    ],
)  # fmt: skip
def test_a_credential_needs_a_verified_server(facts: TlsFacts, why: str | None) -> None:
    for permitted in (False, True):
        context = ctx(allow_plaintext=permitted)
        context.facts["tls"] = facts
        assert withheld(context, encrypted=True) == why
        assert withheld(context, encrypted=False) == (None if permitted else "no-tls")
