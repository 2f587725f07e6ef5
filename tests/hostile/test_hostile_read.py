"""Files that were made to exhaust whoever reads them: ten megabytes cost next to nothing."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from tests.protocols.mail.wire.test_aggregate import META, record

_PEAK = """
import re, sys
from seventh.cli.main import main
code = main(["read", sys.argv[1], "--offline", "--format", "json", "--output", "/dev/null"])
print(code, re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
"""
_SIZE = 10_000_000
_MORE_KIB = 6 * 1024
SMALL = f"<feedback>{META}{record()}</feedback>".encode()
MESSAGE = (
    b"From: a@example.org\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org;"
    b" s=a; h=from; bh=AAAA; b=AAAA\n\n"
)


def peak(path: Path, data: bytes) -> tuple[int, int]:
    """The exit code, and the most memory that reading took, in KiB."""
    path.write_bytes(data)
    run = subprocess.run(
        [sys.executable, "-c", _PEAK, path], capture_output=True, text=True, check=True
    )
    code, kib = run.stdout.split()
    return int(code), int(kib)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("small", "large"),
    [
        (MESSAGE, gzip.compress(MESSAGE + b" \t" * (_SIZE // 2))),
        (SMALL, b"<feedback>" + b"<a>" * 10 + b" " * _SIZE + b"</a>" * 10 + SMALL[10:]),
    ],
    ids=["line", "text"],
)  # fmt: skip
def test_memory_does_not_grow_with_the_file(small: bytes, large: bytes, tmp_path: Path) -> None:
    code, base = peak(tmp_path / "small", small)
    again, most = peak(tmp_path / "large", large)
    assert again == code
    assert most < base + _MORE_KIB
