"""net-snmp's agent on loopback, with a folder of its own for what it keeps."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import pulse_one
from seventh.labkit.serve import free_port
from seventh.model.options import Options
from seventh.model.target import Target
from tests.options import options_with
from tests.peers import need_binary

AUTH, PRIV = "authentication-password", "privacy-password"
ASK = options_with(retries=0, reply_seconds=0.2, timeout_seconds=1.0)


@contextlib.asynccontextmanager
async def snmpd(folder: Path, conf: str, *, listens: bool = False) -> AsyncIterator[Target]:
    """Run snmpd with ``conf``; gives its target when it answers.

    Where ``conf`` says on what it ``listens``, its port 161 becomes a free one.
    """
    program = need_binary("snmpd")
    port = free_port(socket.SOCK_DGRAM)
    file = folder / f"snmpd-{port}.conf"
    file.write_text(conf.replace(":161", f":{port}") if listens else conf, encoding="utf-8")
    address = () if listens else (f"udp:127.0.0.1:{port}",)
    log = folder / f"snmpd-{port}.log"
    kept = folder / f"kept-{port}"
    kept.mkdir()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            program, "-f", "-Lo", "-C", "-c", str(file), "-I", "-smux", *address,
            stdout=output, stderr=output, stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, "SNMP_PERSISTENT_DIR": str(kept), "MIBS": ""},
        )  # fmt: skip
    target = Target(scheme="snmp", host="127.0.0.1", port=port)
    try:
        await _answering(target, process, log)
        yield target
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _answering(target: Target, process: asyncio.subprocess.Process, log: Path) -> None:
    for _ in range(100):
        report = await pulse_one(target, ASK)
        if report.failure is None:
            return
        if process.returncode is not None:
            pytest.fail(f"snmpd ended: {_said(log)}")
        await asyncio.sleep(0.02)  # its port is closed: nothing can be waited on
    pytest.fail(f"snmpd does not answer: {_said(log)}")


def _said(log: Path) -> str:
    return log.read_text(errors="replace")


def credential(folder: Path, user: str, **more: str) -> Options:
    """Return the options of ``user`` with authPriv by SHA-256 and AES, unless ``more`` differs."""
    given = {"user": user, "auth": "sha256", "auth_password": AUTH, "priv": "aes",
             "priv_password": PRIV, **more}  # fmt: skip
    for name in ("auth", "priv"):
        file = folder / f"{name}-{given[f'{name}_password']}"
        file.write_text(given.pop(f"{name}_password"), encoding="utf-8")
        file.chmod(0o600)
        given[f"{name}_password_file"] = str(file)
    return options_with(retries=1, reply_seconds=0.5, **given)
