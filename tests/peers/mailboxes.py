"""Servers of mailboxes from the system's packages: their files, how they start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from seventh import protocols
from seventh.labkit.mailbox import FIRST, PASSWORD, USER
from seventh.labkit.mailhost import HOST
from seventh.labkit.serve import Kit
from seventh.model.options import Options
from seventh.model.target import Target
from tests.options import changed, options_with
from tests.peers import need_binary
from tests.peers.starttls import HARDENED
from tests.peers.test_fix_lines import directives, said

NOBODY = 65534
TLS = "ssl = required\nssl_cert = <{cert}\nssl_key = <{key}\n" + "".join(
    f"{line}\n"
    for rule in protocols.rules("tls")
    if rule.id in HARDENED
    for line in directives(said(rule, "dovecot").splitlines())
)
QUICK = "auth_failure_delay = 0\nimap_idle_notify_interval = 1 secs\n"
MECHANISMS = "auth_mechanisms = plain scram-sha-256\n"


class Running(NamedTuple):
    """A server with both protocols, in clear and with implicit TLS."""

    ports: dict[str, int]
    folder: Path
    options: Options

    def target(self, scheme: str) -> Target:
        return Target(scheme=scheme, host=HOST, port=self.ports[scheme])

    def given(self, scheme: str, **more: Any) -> Options:
        """The options of a check of ``scheme``."""
        return changed(self.options, implicit_port=self.ports.get(f"{scheme}s"), **more)


def different_ports(count: int) -> list[int]:
    """Ports that are free just now; one after another, the same might be found twice."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in held]


@contextlib.asynccontextmanager
async def dovecot(
    kit: Kit,
    lines: str = "",
    *,
    tls: str = TLS,
    fix: str = "",
    environment: dict[str, str] | None = None,
) -> AsyncIterator[Running]:
    """Run Dovecot with one user, whose mailbox has a message; ``lines`` are added to its file.

    Then ``fix``, with ports of this machine's in the place of 993 and 995.
    """
    if os.geteuid() != 0:
        pytest.skip("Dovecot starts as root only")
    program = need_binary("dovecot")
    for name in ("imap", "pop3"):
        if not (Path("/usr/lib/dovecot") / name).exists():
            pytest.skip(f"dovecot-{name}d is not installed")
    with tempfile.TemporaryDirectory(prefix="seventh-peer-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        _mailbox(folder)
        ports = dict(zip(("imap", "imaps", "pop3", "pop3s"), different_ports(4), strict=True))
        conf = folder / "dovecot.conf"
        for well_known, name in (("993", "imaps"), ("995", "pop3s")):
            fix = fix.replace(f"port = {well_known}\n", f"port = {ports[name]}\n")
        conf.write_text(_configuration(folder, kit, ports, lines + fix, tls))
        options = login_options(folder, kit)
        async with started((program, "-F", "-c", str(conf)), folder, ports["imap"], environment):
            yield Running(ports, folder, options)


@contextlib.asynccontextmanager
async def started(
    words: tuple[str, ...], folder: Path, port: int, environment: dict[str, str] | None = None
) -> AsyncIterator[None]:
    """Run a server in ``folder`` from when ``port`` greets."""
    log = folder / "output"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder,
            start_new_session=True, env={**os.environ, **(environment or {})},
        )  # fmt: skip
    try:
        await _greeting(process, port, log)
        yield
    except AssertionError as error:
        error.add_note(f"what the server wrote last:\n{_said(log)}")
        raise
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def login_options(folder: Path, kit: Kit) -> Options:
    """The options of a check as the mailbox's user."""
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    return options_with(
        timeout_seconds=20.0, ca_file=str(kit.authority.ca_file), server_name="lab.test",
        user=USER, password_file=str(password), transcript=True,
    )  # fmt: skip


def _mailbox(folder: Path) -> None:
    """Make the user's mailbox below a folder that other users may enter."""
    folder.chmod(0o755)
    home = folder / "home"
    for name in ("cur", "new", "tmp"):
        (home / "Maildir" / name).mkdir(parents=True)
    (home / "Maildir" / "new" / "1.M1P1.lab").write_bytes(FIRST)
    for path in (home, *home.rglob("*")):
        os.chown(path, NOBODY, NOBODY)


def _configuration(folder: Path, kit: Kit, ports: dict[str, int], lines: str, tls: str) -> str:
    issued = kit.authority.issue("lab.test", HOST)
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    listeners = "".join(
        f"service {name}-login {{\n inet_listener {name} {{\n  port = {ports[name]}\n }}\n"
        f" inet_listener {name}s {{\n  port = {ports[f'{name}s'] if tls else 0}\n  ssl = yes\n"
        " }\n}\n"
        for name in ("imap", "pop3")
    )
    return (
        f"protocols = imap pop3\nlisten = {HOST}\nbase_dir = {folder}/run\n"
        f"state_dir = {folder}/run\nlog_path = /dev/stderr\nfirst_valid_uid = 1\n"
        f"passdb {{\n driver = passwd-file\n args = {folder}/users\n}}\n"
        "userdb {\n driver = static\n"
        f" args = uid={NOBODY} gid={NOBODY} home={folder}/home\n}}\n"
        f"mail_location = maildir:~/Maildir\n{QUICK}{MECHANISMS}{listeners}"
        + (tls.format(cert=issued.cert_file, key=issued.key_file) if tls else "ssl = no\n")
        + lines
    )


def _said(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def _greeting(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    """Wait until the server greets."""
    async with asyncio.timeout(20):
        while True:
            assert process.returncode is None, _said(log)
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(HOST, port)
                greeted = await reader.readline()
                writer.close()
                if greeted:
                    return
            await asyncio.sleep(0.02)  # its port is not open yet; nothing can be waited on
