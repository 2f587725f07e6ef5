"""Real receivers of alerts: Debian's Alertmanager, mail servers, and Apprise."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email
import email.policy
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seventh.labkit.serve import Kit, free_port
from seventh.notify import alertmanager, apprise, smtp
from seventh.notify.message import message_of
from seventh.notify.receiver import NotReceivedError, Receiver
from tests.notify.made import SINCE, due, ended, member, receiver
from tests.notify.sink import sink
from tests.peers import need_binary
from tests.peers.ports import listening

pytestmark = pytest.mark.peer
BEGUN = due(member(1, team="web", **{"a-b": "1"}), member(2, team="web"))
MESSAGE = message_of(BEGUN)


# -- Alertmanager ----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def alert_manager(folder: Path) -> AsyncIterator[int]:
    binary, port = need_binary("prometheus-alertmanager"), free_port()
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    process = await asyncio.create_subprocess_exec(
        binary, f"--config.file={config}", f"--storage.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await listening(port, process)
        yield port
    finally:
        process.kill()
        await process.wait()


async def known(port: int) -> list[dict[str, Any]]:
    """What amtool says that it knows."""
    process = await asyncio.create_subprocess_exec(
        need_binary("amtool"), f"--alertmanager.url=http://127.0.0.1:{port}", "alert", "query",
        "-o", "json", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    alerts: list[dict[str, Any]] = msgspec.json.decode(said)
    return alerts


async def test_alertmanager_has_an_alert_until_its_end(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    async with alert_manager(tmp_path) as port:
        to = receiver(tmp_path, "alertmanager", f"http://127.0.0.1:{port}/")
        for _ in range(2):  # sent again, it is the same
            await alertmanager.send(to, [BEGUN], now)
        (alert,) = await known(port)
        assert alert["labels"] == {
            "alertname": "SeventhTargetDown", "notification": "7", "team": "web", "phase": "tls",
            "reason": "tls-certificate-expired", "blame": "peer",
        }  # fmt: skip
        assert alert["annotations"] == {"summary": MESSAGE.title, "description": MESSAGE.text}
        assert alert["startsAt"] == "2026-09-21T14:13:20.000Z"
        ends = dt.datetime.fromisoformat(alert["endsAt"])
        assert ends - now == pytest.approx(dt.timedelta(minutes=5), abs=dt.timedelta(seconds=1))
        end = msgspec.structs.replace(ended(BEGUN), resolved_ns=SINCE + 60 * 10**9)
        await alertmanager.send(to, [end], now)
        assert await known(port) == []


def test_an_alert_of_one_target_has_its_name_and_labels() -> None:
    made = alertmanager.alert(due(member(1, **{"1x": "a", "é": "b"})), dt.datetime.now(dt.UTC))
    assert made["labels"] == {
        "alertname": "SeventhTargetDown", "notification": "7", "target": "web1", "_1x": "a",
        "_": "b", "phase": "tls", "reason": "tls-certificate-expired", "blame": "peer",
    }  # fmt: skip


async def test_what_alertmanager_refuses_is_said(tmp_path: Path) -> None:
    async with alert_manager(tmp_path) as port:
        to = receiver(tmp_path, "alertmanager", f"http://127.0.0.1:{port}/none")
        with pytest.raises(NotReceivedError) as caught:
            await alertmanager.send(to, [BEGUN], dt.datetime.now(dt.UTC))
    assert str(caught.value) == "status 404: 404 page not found"


# -- mail ------------------------------------------------------------------------------------------


class Mailbox:
    """What aiosmtpd has received."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str], bytes]] = []
        self.answer = "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.got.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return self.answer


@contextlib.asynccontextmanager
async def mail_server(kit: Kit) -> AsyncIterator[tuple[int, Mailbox]]:
    import ssl

    aiosmtpd = pytest.importorskip("aiosmtpd.smtp", reason="aiosmtpd is not installed")
    issued = kit.authority.issue()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.cert_file, issued.key_file)
    box = Mailbox()

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        good = (data.login, data.password) == (b"me", b"s3cret")
        return aiosmtpd.AuthResult(success=good, handled=False)

    server = await asyncio.get_running_loop().create_server(
        lambda: aiosmtpd.SMTP(
            box, hostname="lab.test", tls_context=context, authenticator=login, auth_required=True,
            enable_SMTPUTF8=True,
        ),
        "127.0.0.1", 0,
    )  # fmt: skip
    async with server:
        yield server.sockets[0].getsockname()[1], box


def by_mail(folder: Path, kit: Kit, port: int, password: str = "s3cret") -> Receiver:  # noqa: S107
    return receiver(
        folder, "smtp", f"submission://me@localhost:{port}", password, sender="seventh@lab.test",
        recipients=("ops@lab.test", "night@lab.test"), ca=str(kit.authority.ca_file),
    )  # fmt: skip


async def test_mail_has_the_text_and_an_id_that_stays(kit: Kit, tmp_path: Path) -> None:
    async with mail_server(kit) as (port, box):
        await smtp.send(by_mail(tmp_path, kit, port), MESSAGE)
    ((sender, recipients, data),) = box.got
    assert (sender, recipients) == ("seventh@lab.test", ["ops@lab.test", "night@lab.test"])
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert (message["Subject"], message["Message-ID"]) == (
        MESSAGE.title, "<seventh-store-7-firing@lab.test>",
    )  # fmt: skip
    assert message["To"] == "ops@lab.test, night@lab.test"
    assert message.get_content().replace("\r\n", "\n") == MESSAGE.text


async def test_what_a_mail_server_refuses_is_said(kit: Kit, tmp_path: Path) -> None:
    async with mail_server(kit) as (port, box):
        with pytest.raises(NotReceivedError) as caught:
            await smtp.send(by_mail(tmp_path, kit, port, "wr0ng-one"), MESSAGE)
        assert "wr0ng-one" not in str(caught.value)
        assert str(caught.value).startswith(("PLAIN as 'me'", "LOGIN as 'me'"))
        box.answer = "452 full"
        with pytest.raises(NotReceivedError) as caught:
            await smtp.send(by_mail(tmp_path, kit, port), MESSAGE)
        assert str(caught.value) == "not accepted: 452 full"


# -- Apprise ---------------------------------------------------------------------------------------


async def error_of(sending: Coroutine[Any, Any, None]) -> str:
    with pytest.raises(NotReceivedError) as caught:
        await sending
    return str(caught.value)


async def test_apprise_sends_by_its_own_plugins(tmp_path: Path) -> None:
    pytest.importorskip("apprise", reason="Apprise is not installed")
    async with sink() as it, sink() as refuses:
        refuses.status = 500
        works, fails = (
            receiver(tmp_path, "apprise", f"json://127.0.0.1:{each.port}/s3cretpath")
            for each in (it, refuses)
        )
        strange = receiver(tmp_path, "apprise", "s3cretpath://x")
        failed, unknown, _ = await asyncio.gather(
            error_of(apprise.send(fails, message_of(ended(BEGUN)))),
            error_of(apprise.send(strange, MESSAGE)),
            apprise.send(works, MESSAGE),
        )
    assert unknown == f"Apprise does not know what file:{tmp_path}/url has as a URL"
    assert ("500" in failed, "s3cretpath" in failed) == (True, False)
    fields = ("title", "message", "type")
    assert [it.received[0].body[name] for name in fields] == [
        MESSAGE.title, MESSAGE.text.strip(), "failure",
    ]  # fmt: skip
    assert refuses.received[0].body["type"] == "success"


async def test_apprise_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apprise", reason="Apprise is not installed")
    monkeypatch.setattr(apprise, "SECONDS", 0.2)
    async with sink() as it:
        it.status = 0
        to = receiver(tmp_path, "apprise", f"json://127.0.0.1:{it.port}/")
        with pytest.raises(NotReceivedError) as caught:
            await apprise.send(to, MESSAGE)
    assert str(caught.value) == "no end after 0.2 s"
