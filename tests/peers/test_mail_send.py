"""``seventh mail send`` at real servers: what they take, and what swaks says of the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from seventh.engine.work import do
from seventh.labkit.serve import Kit
from seventh.model.failure import Failure
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.smtp import SPEC
from seventh.protocols.smtp.facts.mail import Cause
from seventh.protocols.smtp.work import Sent, target_of
from tests.options import changed
from tests.peers import need_binary
from tests.peers.exim import exim
from tests.peers.opensmtpd import opensmtpd
from tests.peers.postfix import PASSWORD, SASL, USER, postfix, with_dovecot
from tests.peers.starttls import Command, Place, running

pytestmark = pytest.mark.peer
(SEND,) = SPEC.verbs
NOBODY = "nobody@lab.test"


async def send(port: int, kit: Kit, scheme: str = "smtp", **more: object) -> tuple[int, Sent]:
    shown: list[msgspec.Struct] = []
    options = changed(
        Options(timeout_seconds=15.0), ca_file=str(kit.authority.ca_file), server_name="lab.test",
        server=Target(scheme=scheme, host="127.0.0.1", port=port), sender=USER,
        **{"recipients": (USER,), **more},
    )  # fmt: skip
    failure: Failure | None
    code, failure = await do(target_of(options), options, SEND, {}, shown.append, print)
    assert failure is None, failure
    (sent,) = shown
    assert isinstance(sent, Sent)
    return code, sent


@pytest.mark.parametrize(
    ("build", "refusal"),
    [
        pytest.param(postfix(), (550, "5.1.1", Cause.NO_SUCH_USER), id="postfix"),
        pytest.param(exim(), (550, "", Cause.RELAYING), id="exim"),
        pytest.param(opensmtpd(), (524, "5.2.4", Cause.OTHER), id="opensmtpd"),
    ],
)
async def test_servers_take_a_message_and_refuse_an_unknown_user(
    build: Callable[[Place, int], Command],
    refusal: tuple[int, str, Cause],
    kit: Kit,
    tmp_path: Path,
) -> None:
    (tmp_path / "body").write_text(".\n..\ngrün\n", "utf-8")
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 1000)
    more = {"text_file": str(tmp_path / "body"), "attachments": (str(tmp_path / "data.bin"),)}
    async with running(build, kit) as port:
        code, sent = await send(port, kit, **more)
        assert sent.answer is not None
        assert (code, sent.answer.code) == (0, 250), str(sent)
        code, sent = await send(port, kit, recipients=(NOBODY,))
        (refused,) = sent.recipients
        answer = refused.answer
        assert (code, answer.code, answer.status, answer.cause) == (2, *refusal)


async def test_postfix_that_requires_tls_and_does_not_offer_it(kit: Kit) -> None:
    """As behind a firewall that removes STARTTLS: no login would help."""
    hidden = "smtpd_tls_security_level = encrypt\nsmtpd_discard_ehlo_keywords = starttls\n"
    async with running(postfix(hidden), kit) as port:
        code, sent = await send(port, kit)
    (refused,) = sent.recipients
    answer = refused.answer
    assert (code, answer.code, answer.cause) == (2, 530, Cause.ENCRYPTION_REQUIRED)
    assert answer.text == "5.7.0 Must issue a STARTTLS command first"


async def test_postfix_takes_from_a_user_what_it_takes_from_swaks(kit: Kit) -> None:
    swaks = need_binary("swaks")
    secret = kit.folder / "send-password"
    secret.write_text(f"{PASSWORD}\n")
    build = with_dovecot(
        postfix(SASL + "smtpd_relay_restrictions = permit_sasl_authenticated, reject\n")
    )
    login = {"user": USER, "password_file": str(secret)}
    async with running(build, kit) as port:
        code, sent = await send(port, kit, "submission", **login)
        assert code == 0, str(sent)
        without, refused = await send(port, kit, "submission")
        assert without == 2
        said = await asyncio.create_subprocess_exec(
            swaks, "--server", f"127.0.0.1:{port}", "--from", USER, "--to", USER, "--tls",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await said.communicate()
    (mine,) = refused.recipients
    (theirs,) = re.findall(r"^<~\*\*? +(.*)$", output.decode(), re.MULTILINE)[:1]
    assert str(mine.answer) == theirs
