"""What other clients see of the same mail servers: aiosmtplib, and ``openssl s_client``."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from collections.abc import Callable
from pathlib import Path

import aiosmtplib
import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.smtp.facts import Extensions, SmtpFacts
from tests.peers import need_binary
from tests.peers.exim import exim
from tests.peers.mailboxes import dovecot
from tests.peers.postfix import PASSWORD, SASL, USER, postfix, with_dovecot
from tests.peers.starttls import Command, Place, running
from tests.peers.test_mail_send import NOBODY, send
from tests.peers.test_smtp import visit
from tests.reports import facts

pytestmark = pytest.mark.peer
AT_ONCE = "service anvil {\n unix_listener anvil-auth-penalty {\n  mode = 0\n }\n}\n"
"""Dovecot delays further logins after a failed one for seconds, unless told otherwise."""
POSTFIX = with_dovecot(postfix(SASL + "smtpd_tls_auth_only = no\n"))


def connected(port: int, kit: Kit) -> aiosmtplib.SMTP:
    context = ssl.create_default_context(cafile=str(kit.authority.ca_file))
    return aiosmtplib.SMTP(
        hostname="127.0.0.1", port=port, use_tls=False, start_tls=False, timeout=15,
        tls_context=context, local_hostname="client.lab.test",
    )  # fmt: skip


def theirs(client: aiosmtplib.SMTP) -> tuple[set[str], int | None, set[str]]:
    listed = client.esmtp_extensions
    size = listed.get("size", "")
    return (
        {name.upper().partition("=")[0] for name in listed},
        int(size) if size.isdigit() else None,
        {name.upper() for name in client.supported_auth_methods},
    )


def ours(listed: Extensions | None) -> tuple[set[str], int | None, set[str]]:
    assert listed is not None
    return set(listed.keywords), listed.size_bytes, set(listed.mechanisms)


@pytest.mark.parametrize(
    "build", [pytest.param(POSTFIX, id="postfix"), pytest.param(exim(), id="exim")]
)
async def test_the_extensions_are_those_that_aiosmtplib_reads(
    build: Callable[[Place, int], Command], kit: Kit
) -> None:
    async with running(build, kit) as port:
        learnt = facts(await visit(("127.0.0.1", port), kit, options={}), SmtpFacts)
        async with connected(port, kit) as client:
            await client.ehlo()
            before = theirs(client)
            await client.starttls(server_hostname="lab.test")
            await client.ehlo()
            inside = theirs(client)
    assert (ours(learnt.in_clear), ours(learnt.inside_tls)) == (before, inside)


async def test_postfix_answers_aiosmtplib_as_us(kit: Kit, tmp_path: Path) -> None:
    """A message, an unknown recipient, and logins with the right and a wrong password."""
    (tmp_path / "right").write_text(PASSWORD)
    (tmp_path / "wrong").write_text("wrong")
    async with running(POSTFIX, kit, more=AT_ONCE) as port:
        at = ("127.0.0.1", port)
        (_, taken), (_, unknown) = [
            await send(port, kit, recipients=(to,)) for to in (USER, NOBODY)
        ]
        logins = [
            facts(
                await visit(
                    at, kit, "submission",
                    options={"user": USER, "password_file": str(tmp_path / name)},
                ),
                SmtpFacts,
            ).login
            for name in ("right", "wrong")
        ]  # fmt: skip
        async with connected(port, kit) as client:
            await client.starttls(server_hostname="lab.test")
            _, queued = await client.sendmail(USER, [USER], b"Subject: hello\r\n\r\nhello\r\n")
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
                await client.sendmail(USER, [NOBODY], b"Subject: hello\r\n\r\nhello\r\n")
            with pytest.raises(aiosmtplib.SMTPAuthenticationError) as rejected:
                await client.login(USER, "wrong")
            accepted = await client.login(USER, PASSWORD)
    (recipient,) = refused.value.recipients
    (tried,) = unknown.recipients
    assert (tried.answer.code, tried.answer.text) == (recipient.code, recipient.message)
    assert taken.answer is not None
    # By BDAT Postfix says the size, too.
    assert re.sub(r"\d+ bytes |\w+$", "", taken.answer.text) == re.sub(r"\w+$", "", queued)
    assert [(one.answer.code, one.answer.text) for one in logins if one is not None] == [
        (accepted.code, accepted.message), (rejected.value.code, rejected.value.message)
    ]  # fmt: skip


# -- openssl s_client ------------------------------------------------------------------------------


async def seen(port: int, host: str, kit: Kit, *words: str) -> tuple[str, str, str]:
    """Version, cipher suite and certificate of a handshake by ``openssl s_client``."""
    process = await asyncio.create_subprocess_exec(
        need_binary("openssl"), "s_client", "-connect", f"{host}:{port}", *words,
        "-servername", "lab.test", "-verify_hostname", "lab.test", "-verify_return_error",
        "-CAfile", str(kit.authority.ca_file),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    output, _ = await process.communicate()
    text = output.decode("ascii", "replace")
    said = re.search(r"New, (TLSv[0-9.]+), Cipher is (\S+)", text)
    assert said is not None, text
    (pem,) = re.findall(r"-----BEGIN CERT.*?-----END CERTIFICATE-----\n", text, re.DOTALL)[:1]
    return said[1], said[2], _fingerprint(pem)


def _fingerprint(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def handshake(tls: TlsFacts) -> tuple[str | None, str | None, str]:
    return tls.version, tls.cipher, tls.chain[0].sha256


async def test_postfix_shakes_hands_with_openssl_as_with_us(kit: Kit) -> None:
    async with running(postfix(), kit) as port:
        learnt = facts(await visit(("127.0.0.1", port), kit, options={}), TlsFacts)
        known = await seen(port, "127.0.0.1", kit, "-starttls", "smtp")
    assert handshake(learnt) == known


async def test_dovecot_shakes_hands_with_openssl_as_with_us(kit: Kit) -> None:
    async with dovecot(kit) as server:
        for scheme in ("imap", "pop3"):
            report = await check_one(server.target(scheme), server.given(scheme))
            target = server.target(scheme)
            known = await seen(target.port, target.host, kit, "-starttls", scheme)
            assert handshake(facts(report, TlsFacts)) == known, scheme
