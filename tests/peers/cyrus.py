"""Cyrus from packages that may be unpacked beside the system: its files, and how it starts."""

from __future__ import annotations

import contextlib
import imaplib
import os
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.labkit.mailbox import FIRST, PASSWORD, USER
from seventh.labkit.mailhost import HOST
from seventh.labkit.serve import Kit, find_program, free_port
from tests.peers.mailboxes import NOBODY, Running, login_options, started

NAMES = ("imap", "imaps", "pop3", "pop3s")


def _programs() -> tuple[Path, dict[str, str]]:
    """The folder of Cyrus's programs, and the environment with its libraries."""
    if os.geteuid() != 0:
        pytest.skip("Cyrus starts as root only")
    master = find_program("cyrmaster")
    if master is None:
        pytest.skip("cyrmaster is not installed")
    programs = Path(master).resolve().parent
    libraries = os.pathsep.join(map(str, programs.parents[1].glob("*-linux-*")))
    environment = {"LD_LIBRARY_PATH": libraries}
    for name in ("master", "imapd", "pop3d"):
        if not (programs / name).exists():
            pytest.skip(f"Cyrus has no {name} here")
        ran = subprocess.run(
            ["ldd", programs / name], capture_output=True, text=True, check=False, env=environment
        )
        missing = [line.split()[0] for line in ran.stdout.splitlines() if "not found" in line]
        if missing:
            pytest.skip(f"Cyrus's {name} lacks {', '.join(missing)}")
    return programs, environment


@contextlib.asynccontextmanager
async def cyrus(kit: Kit, lines: str = "") -> AsyncIterator[Running]:
    """Run Cyrus with one user, whose mailbox has a message; ``lines`` are added to imapd.conf."""
    programs, environment = _programs()
    passwords = find_program("saslpasswd2")
    if passwords is None:
        pytest.skip("saslpasswd2 is not installed")
    with tempfile.TemporaryDirectory(prefix="seventh-peer-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        ports = {name: free_port(host=HOST) for name in NAMES}
        main, services = _configuration(folder, kit, programs, ports, lines)
        _accounts(folder, passwords)
        words = (str(programs / "master"), "-D", "-C", str(main), "-M", str(services),
                 "-p", f"{folder}/pid")  # fmt: skip
        async with started(words, folder, ports["imap"], environment):
            yield Running(ports, folder, login_options(folder, kit))


def _accounts(folder: Path, passwords: str) -> None:
    """Give the user a password, and all files to Cyrus."""
    subprocess.run(
        [passwords, "-c", "-p", "-f", folder / "sasldb", "-u", "lab.test", USER],
        input=PASSWORD.encode(), check=True, capture_output=True,
    )  # fmt: skip
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)


def _configuration(
    folder: Path, kit: Kit, programs: Path, ports: dict[str, int], lines: str
) -> tuple[Path, Path]:
    folder.chmod(0o755)
    for name in ("db/socket", "spool", "proc", "lock"):
        (folder / name).mkdir(parents=True)
    issued = kit.authority.issue("lab.test", HOST)
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(issued.cert_file.read_bytes())
    key.write_bytes(issued.key_file.read_bytes())
    main = folder / "imapd.conf"
    main.write_text(
        f"configdirectory: {folder}/db\nproc_path: {folder}/proc\n"
        f"mboxname_lockpath: {folder}/lock\n"
        f"defaultpartition: default\npartition-default: {folder}/spool\n"
        "cyrus_user: nobody\ncyrus_group: nogroup\nservername: lab.test\n"
        "sasl_pwcheck_method: auxprop\nsasl_auxprop_plugin: sasldb\n"
        f"sasl_sasldb_path: {folder}/sasldb\nsasl_mech_list: PLAIN SCRAM-SHA-256\n"
        "allowplaintext: no\nfailedloginpause: 0s\nautocreate_quota: 1000\n"
        f"tls_server_cert: {cert}\ntls_server_key: {key}\n{lines}"
    )
    services = folder / "cyrus.conf"
    services.write_text(
        f'START {{\n recover cmd="{programs}/ctl_cyrusdb -C {main} -r"\n}}\nSERVICES {{\n'
        + "".join(
            f' {name} cmd="{programs}/{name[:4]}d'
            f'{" -s" if name.endswith("s") else ""} -C {main}" listen="{HOST}:{port}"\n'
            for name, port in ports.items()
        )
        + "}\n"
    )
    return main, services


def client(server: Running, kit: Kit) -> imaplib.IMAP4:
    """Log in as the user; the login makes the mailbox."""
    context = ssl.create_default_context(cafile=str(kit.authority.ca_file))
    connected = imaplib.IMAP4(HOST, server.ports["imap"])
    connected.starttls(context)
    connected.login(USER, PASSWORD)
    return connected


def deliver(server: Running, kit: Kit) -> None:
    """Put a message into the mailbox."""
    with client(server, kit) as connected:
        assert connected.append("INBOX", "", "", FIRST)[0] == "OK"  # type: ignore[arg-type]
