"""Apache httpd as Debian packages it, started with configurations of the tests' own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import pwd
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from seventh.labkit.ca import Issued
from seventh.labkit.serve import free_port
from tests.peers import need_binary
from tests.peers.ports import listening

MODULES = Path("/usr/lib/apache2/modules")
ALWAYS = ("mpm_event", "authz_core", "mime", "dir", "alias", "env", "setenvif", "headers",
          "filter", "deflate", "rewrite", "ssl", "socache_shmcb", "http2")  # fmt: skip
PROXY = ("proxy", "proxy_http", "proxy_wstunnel")
HOST = "www.lab.test"
END_SECONDS = 2.0
"""Apache gives a child ten seconds for its last words."""
HOUR_AGO = time.time() - 3600
_TYPES = "text/html html\ntext/css css\ntext/javascript js\nimage/png png\napplication/json json\n"


@contextlib.contextmanager
def site() -> Iterator[Path]:
    """A folder with a page, its assets and JSON, which Apache's own user may enter.

    Started by root, it serves as another user, who may not enter the folders that pytest makes.
    """
    with tempfile.TemporaryDirectory(prefix="seventh-apache-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "mime.types").write_text(_TYPES)
        write_files(folder / "www")
        yield folder


def write_files(root: Path) -> None:
    """A page with its assets, and a JSON file."""
    root.mkdir()
    (root / "index.html").write_text(
        '<!doctype html><link rel="stylesheet" href="a.css"><script src="a.js"></script>'
        '<img src="a.png">' + "<p>Words, and more words.</p>\n" * 100
    )
    (root / "a.js").write_text("let value = 1;\n" * 200)
    (root / "a.css").write_text("p { margin: 0 }\n" * 200)
    (root / "a.png").write_bytes(hashlib.shake_256(b"an image").digest(4096))
    (root / "data.json").write_text('{"numbers": [' + ", ".join(map(str, range(800))) + "]}")
    for file in root.iterdir():  # what changed within the last second gets a weak ETag
        os.utime(file, (HOUR_AGO, HOUR_AGO))


def configuration(
    folder: Path,
    port: int,
    hosts: Mapping[str, str],
    issued: Issued | None,
    modules: Sequence[str],
) -> Path:
    """The defaults of Apache's manual, and a virtual host at each address with its own lines."""
    tls = (
        f"SSLEngine on\nSSLCertificateFile {issued.cert_file}\nSSLCertificateKeyFile "
        f"{issued.key_file}\n" if issued is not None else ""
    )  # fmt: skip
    named = (*ALWAYS, *modules)
    for name in named:
        if not (MODULES / f"mod_{name}.so").exists():
            pytest.skip(f"Apache's mod_{name} is not installed")
    config = folder / "httpd.conf"
    config.write_text(
        "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in named)
        + f"\nServerRoot {folder}\nDefaultRuntimeDir {folder}\nPidFile {folder}/pid\n"
        f"ErrorLog {folder}/error.log\nMutex file:{folder}\nServerName {HOST}\n"
        f"TypesConfig {folder}/mime.types\nSSLSessionCache shmcb:{folder}/sessions(512000)\n"
        f"{_user()}DirectoryIndex index.html\nStartServers 1\n"
        f"<Directory {folder}>\nRequire all granted\n</Directory>\n"
        + "".join(
            f"Listen {ip}:{port} {'https' if issued else 'http'}\n<VirtualHost {ip}:{port}>\n"
            f"DocumentRoot {folder}/www\n{tls}{lines}\n</VirtualHost>\n"
            for ip, lines in hosts.items()
        )
    )
    return config


def _user() -> str:
    """Whom Apache is to serve as; root it refuses."""
    if os.geteuid() != 0:
        return ""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return f"User {'www-data' if 'www-data' in names else 'nobody'}\n"


@contextlib.asynccontextmanager
async def apache(
    folder: Path,
    lines: str | Mapping[str, str],
    issued: Issued | None = None,
    modules: Sequence[str] = (),
) -> AsyncIterator[int]:
    """Apache on a free port, with TLS where a certificate is given; ``lines`` by address."""
    hosts = {"127.0.0.1": lines} if isinstance(lines, str) else lines
    port = free_port()
    config = configuration(folder, port, hosts, issued, modules)
    log = folder / "error.log"  # what is wrong with its configuration goes there, too
    with log.open("wb") as said:
        server = await asyncio.create_subprocess_exec(
            need_binary("apache2"), "-f", str(config), "-DFOREGROUND",
            stdout=asyncio.subprocess.DEVNULL, stderr=said, start_new_session=True,
        )  # fmt: skip
    try:
        await listening(port, server, log)
        yield port
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(server.wait(), END_SECONDS)
        except TimeoutError:
            os.killpg(server.pid, signal.SIGKILL)  # its own session: nobody else is in it
            await server.wait()
