"""mosquitto, from the system's packages: its file, how it starts and stops."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit, free_port
from tests.peers import need_binary
from tests.peers.ports import listening

USER, PASSWORD = "anna", "corr3ct"


class Running(NamedTuple):
    """A broker: its ports in the order of its listeners, and the folder of its files."""

    ports: tuple[int, ...]
    folder: Path


def password_file(folder: Path) -> Path:
    """Write the broker's password file as mosquitto_passwd does, with one user."""
    salt, rounds = os.urandom(12), 101
    hashed = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, rounds)
    parts = (str(rounds), *(base64.b64encode(each).decode() for each in (salt, hashed)))
    file = folder / "passwd"
    file.write_text(f"{USER}:$7${'$'.join(parts)}\n", encoding="ascii")
    return file


def acl_file(folder: Path) -> Path:
    """Write an access control list that permits the user the topics of the check."""
    file = folder / "acl"
    file.write_text(f"user {USER}\ntopic readwrite seventh/#\n", encoding="ascii")
    return file


@contextlib.asynccontextmanager
async def mosquitto(kit: Kit, lines: str, listeners: int = 1) -> AsyncIterator[Running]:
    """Run a broker with ``lines``.

    In them ``{1}``, ``{2}`` … are free ports, and the paths of a usual installation become those
    of files made here.
    """
    program = need_binary("mosquitto")
    ports = tuple(free_port() for _ in range(listeners))
    with tempfile.TemporaryDirectory(prefix="seventh-peer-") as made:
        folder = Path(made)
        text = _placed(lines, folder, kit, kit.authority.issue())
        for number, port in enumerate(ports, 1):
            text = text.replace(f"{{{number}}}", str(port))
        conf, log = folder / "mosquitto.conf", folder / "log"
        user = "user root\n" if os.geteuid() == 0 else ""
        conf.write_text(f"{user}{text}", encoding="utf-8")
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                program, "-c", str(conf), stdout=output, stderr=output
            )
        try:
            for port in ports:
                await listening(port, process, log)
            yield Running(ports, folder)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


def _placed(lines: str, folder: Path, kit: Kit, issued: Issued) -> str:
    """Return ``lines`` with paths of files that are here."""
    for path, here in {
        "/etc/mosquitto/certs/fullchain.pem": issued.cert_file,
        "/etc/mosquitto/certs/private.pem": issued.key_file,
        "/etc/mosquitto/certs/ca.pem": kit.authority.ca_file,
        "/etc/mosquitto/passwd": password_file(folder),
        "/etc/mosquitto/acl": acl_file(folder),
    }.items():
        lines = lines.replace(path, str(here))
    return lines
