"""CUPS, which begins TLS inside HTTP for whoever asks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import free_port
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.http.facts import HttpFacts
from tests.peers import need_binary
from tests.peers.ports import listening

pytestmark = pytest.mark.peer


def configure(folder: Path, port: int) -> None:
    """Everything of a print server in a folder that its own user may enter."""
    folder.chmod(0o755)
    for kind in ("spool", "cache", "state"):
        (folder / kind).mkdir()
    (folder / "cupsd.conf").write_text(
        f"Listen 127.0.0.1:{port}\nDefaultAuthType None\nBrowsing No\n"
        "<Location />\nOrder allow,deny\nAllow all\n</Location>\n"
    )
    (folder / "cups-files.conf").write_text(
        f"ServerRoot {folder}\nRequestRoot {folder}/spool\nCacheDir {folder}/cache\n"
        f"StateDir {folder}/state\nAccessLog {folder}/access\nErrorLog {folder}/error\n"
        f"PageLog {folder}/page\nCreateSelfSignedCerts yes\nServerKeychain {folder}/ssl\n"
    )


@contextlib.asynccontextmanager
async def cups() -> AsyncIterator[int]:
    """A print server on a free port."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="seventh-cups-") as name:
        folder = Path(name)
        configure(folder, port)
        server = await asyncio.create_subprocess_exec(
            need_binary("cupsd"), "-f", "-c", str(folder / "cupsd.conf"),
            "-s", str(folder / "cups-files.conf"),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await listening(port)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            await server.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="cupsd starts as root alone")
async def test_tls_inside_http() -> None:
    async with cups() as port:
        target = Target(scheme="http", host="127.0.0.1", port=port)
        report = await check_one(target, Options())
    facts = report.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert facts.server.startswith("CUPS/")
    upgrade = facts.tls_upgrade
    assert upgrade is not None and (upgrade.status, upgrade.offered) == (101, True)
    assert "TLS/1.2" in upgrade.upgrade
    assert "HTTP-UPGRADE-TLS" in {finding.id for finding in report.findings}
