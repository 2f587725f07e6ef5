"""A round trip through real servers: Postfix delivers, by LMTP or itself, Dovecot shows it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from seventh.engine.check import check_one
from seventh.labkit.mailbox import FIRST, USER
from seventh.labkit.mailhost import HOST
from seventh.labkit.names import Zone, name_server
from seventh.labkit.serve import Kit, free_port
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.roundtrip import RoundTrip
from tests.options import changed
from tests.peers.mailboxes import NOBODY, Running, dovecot
from tests.peers.postfix import postfix
from tests.peers.starttls import Command, Place, running
from tests.reports import facts, found

pytestmark = pytest.mark.peer
ADDRESS = f"{USER}@lab.test"
QUEUE = (
    "virtual unix - n n - - virtual\n"
    "qmgr unix n - n 1 1 qmgr\nlmtp unix - - n - - lmtp\nbounce unix - - n - 0 bounce\n"
    "defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\n"
)
RULES = {"SMTP-BOUNCE", "SMTP-DUPLICATE", "SMTP-E2E-SLOW"}


def lmtp_server() -> Path | None:
    """Dovecot's LMTP server, which is a package of its own."""
    folders = map(Path, os.environ["PATH"].split(os.pathsep))
    found = (folder.parent / "lib" / "dovecot" / "lmtp" for folder in folders)
    return next((path for path in found if path.exists()), None)


def delivering(main: str) -> Callable[[Place, int], Command]:
    """Postfix that delivers."""
    build = postfix(f"{main}local_recipient_maps = inline:{{{{{USER}=x}}}}\n", QUEUE)

    def with_queue(place: Place, port: int) -> Command:
        command = build(place, port)
        subprocess.run(["postfix", "-c", place.folder, "check"], check=True, capture_output=True)
        return command

    return with_queue


class Host:
    """The two servers, and how a check reaches them."""

    def __init__(self, kit: Kit, port: int, box: Running, resolver: str) -> None:
        self._kit, self._port, self._box, self._resolver = kit, port, box, resolver
        self.home = box.folder / "home" / "Maildir"

    async def check(self, scheme: str, **more: Any) -> tuple[Report, RoundTrip]:
        secret = self._box.options.password_file
        options = changed(
            Options(timeout_seconds=60.0), ca_file=str(self._kit.authority.ca_file),
            server_name="lab.test", resolver=self._resolver, allow_write=True, mail_to=ADDRESS,
            roundtrip=self._box.target(scheme), roundtrip_user=USER,
            roundtrip_password_file=secret, **more,
        )  # fmt: skip
        report = await check_one(Target(scheme="smtp", host="127.0.0.1", port=self._port), options)
        made = facts(report, SmtpFacts).roundtrip
        assert made is not None, report.failure
        return report, made

    def messages(self) -> list[bytes]:
        """What is in the mailbox."""
        names = [path for name in ("cur", "new") for path in (self.home / name).iterdir()]
        return [path.read_bytes() for path in names]


@contextlib.asynccontextmanager
async def mail_host(
    kit: Kit, more: str = "", *, lmtp: bool = False, zone: Zone | None = None
) -> AsyncIterator[Host]:
    """Run both servers; Postfix writes into the mailbox, or has Dovecot do it."""
    program, port = lmtp_server(), free_port(host=HOST)
    if lmtp and program is None:
        pytest.skip("dovecot-lmtpd is not installed")
    lines = (
        "protocols = imap pop3 lmtp\nauth_username_format = %n\n"
        f"service lmtp {{\n executable = {program}\n"
        f" inet_listener lmtp {{\n  address = {HOST}\n  port = {port}\n }}\n}}\n"
    )
    async with dovecot(kit, lines if lmtp else "") as box:
        to_maildir = (
            f"local_transport = virtual\nvirtual_mailbox_base = {box.folder}\n"
            f"virtual_mailbox_maps = static:home/Maildir/\nvirtual_uid_maps = static:{NOBODY}\n"
            f"virtual_gid_maps = static:{NOBODY}\n"
        )
        main = f"local_transport = lmtp:inet:[{HOST}]:{port}\n" if lmtp else to_maildir
        # A busy Dovecot may refuse the first attempt: the next one comes a second later.
        main += "minimal_backoff_time = 1s\nmaximal_backoff_time = 1s\nqueue_run_delay = 1s\n"
        main += "transport_retry_time = 1s\n"
        async with (
            running(delivering(main + more), kit) as smtp,
            name_server({"lab.test": {"A": ("127.0.0.1",)}, **(zone or {})}) as resolver,
        ):
            yield Host(kit, smtp, box, resolver)


@pytest.mark.parametrize(("lmtp", "hops"), [(False, 1), (True, 2)], ids=["maildir", "lmtp"])
async def test_mail_lands_and_only_that_message_is_removed(kit: Kit, lmtp: bool, hops: int) -> None:
    async with mail_host(kit, lmtp=lmtp) as host:
        for scheme, how in (("imaps", "idle"), ("imap", "idle"), ("pop3s", "poll")):
            report, made = await host.check(scheme)
            assert report.failure is None, report.failure
            assert (made.noticed_by, made.copies, made.removed) == (how, 1, True), made
            assert (made.hops[0].by, made.hops[0].seconds, len(made.hops)) == (
                "lab.test",
                None,
                hops,
            )
            assert all(hop.seconds in {0.0, 1.0, 2.0} for hop in made.hops[1:])
            assert not found(report) & RULES
            assert host.messages() == [FIRST]


async def test_a_message_above_the_limit_is_a_bounce_and_nothing_is_left(kit: Kit) -> None:
    async with mail_host(kit, "message_size_limit = 100000\n") as host:
        report, made = await host.check("imaps", roundtrip_size_bytes=90_000)
        assert made.tried is not None
        assert (made.tried.command, made.tried.answer.code) == ("mail", 552)
        assert found(report) & RULES == {"SMTP-BOUNCE"}
        report, made = await host.check("imaps", roundtrip_size_bytes=60_000)
        assert (made.removed, found(report) & RULES) == (True, set())
        assert host.messages() == [FIRST]


async def test_a_server_that_delivers_twice_is_found(kit: Kit) -> None:
    async with mail_host(kit, "always_bcc = copy@lab.test\n") as host:
        report, made = await host.check("imaps")
        assert (made.copies, made.removed) == (2, False)
        assert found(report) & RULES == {"SMTP-DUPLICATE"}
        assert len(host.messages()) == 3
