"""OpenDKIM in its test mode, which verifies and signs files with given records, and as a milter."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from seventh.labkit.serve import free_port
from tests.peers import need_binary
from tests.peers.ports import listening

_RESULT = re.compile(r"\bdkim=(\w+)")


def results(
    folder: Path, messages: Sequence[bytes], records: Mapping[str, bytes]
) -> list[tuple[str, ...]]:
    """The results of each message's signatures, by a verifier that knows ``records``."""
    dns = folder / "records"
    dns.write_bytes(b"".join(name.encode() + b" " + text + b"\n" for name, text in records.items()))
    conf = _write(folder, "verify.conf", f"TestDNSData file:{dns}\nMode v\n")
    names = [str(folder / f"{number}.eml") for number in range(len(messages))]
    for name, message in zip(names, messages, strict=True):
        Path(name).write_bytes(message)
    return [tuple(_RESULT.findall(_ran(conf, name))) for name in names]


def sign(folder: Path, message: bytes, key: bytes, canon: str, more: str = "") -> bytes:
    """The message with a signature for s1 of example.org."""
    private = folder / "private.pem"
    private.write_bytes(key)
    private.chmod(0o600)
    conf = _write(
        folder, "sign.conf",
        f"Domain example.org\nSelector s1\nKeyFile {private}\nMode s\nRequireSafeKeys no\n"
        f"Canonicalization {canon}\n"
        f"{more}",
    )  # fmt: skip
    (folder / "plain.eml").write_bytes(message)
    said = _ran(conf, str(folder / "plain.eml"))
    value = re.search(r"hname='DKIM-Signature' hvalue='(.*?)'\n", said, re.DOTALL)
    assert value is not None, said
    return b"DKIM-Signature: " + value[1].replace("\n", "\r\n").encode() + b"\r\n" + message


@contextlib.asynccontextmanager
async def milter(folder: Path, selector: str, key: bytes, more: str = "") -> AsyncIterator[int]:
    """Run a milter that signs for lab.test; gives its port."""
    private = folder / f"{selector}.pem"
    private.write_bytes(key)
    private.chmod(0o600)
    port = free_port()
    conf = _write(
        folder, f"{selector}.conf",
        f"Domain lab.test\nSelector {selector}\nKeyFile {private}\nMode s\nRequireSafeKeys no\n"
        f"Socket inet:{port}@127.0.0.1\nInternalHosts 127.0.0.1\nCanonicalization relaxed/relaxed\n"
        f"{more}",
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(need_binary("opendkim"), "-f", "-x", conf)
    try:
        await listening(port, process)
        yield port
    finally:
        process.kill()  # on SIGTERM its library waits for seconds
        await process.wait()


def _write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"Syslog no\n{text}")
    return str(path)


def _ran(conf: str, name: str) -> str:
    run = subprocess.run(
        [need_binary("opendkim"), "-x", conf, "-t", name, "-v", "-v"],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout
