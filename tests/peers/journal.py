"""A journal that the real systemd-journald has written, in namespaces of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.peers import need_binary

_DAEMONS = (Path("/usr/lib/systemd/systemd-journald"), Path("/lib/systemd/systemd-journald"))
_SECONDS = 20
_INSIDE = """
import ctypes, json, os, shutil, signal, socket, subprocess, sys, time
def end_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
daemon, journalctl, target = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
os.makedirs("/run/log/journal")
os.makedirs("/run/systemd/journal")
process = subprocess.Popen([daemon], preexec_fn=end_with_parent)
entries = json.load(sys.stdin)
path = "/run/systemd/journal/socket"
while not os.path.exists(path):
    assert process.poll() is None
    time.sleep(0.01)  # it is not there yet; nothing can be waited on
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
    for identifier, message in entries:
        text = f"PRIORITY=6\\nSYSLOG_IDENTIFIER={identifier}\\nMESSAGE={message}\\n"
        client.sendto(text.encode(), path)
words = [journalctl, "-q", "-D", "/run/log/journal", "-o", "cat", "-n", "1", "-t", entries[-1][0]]
while entries[-1][1] not in subprocess.run(words, capture_output=True, text=True).stdout:
    assert process.poll() is None
    time.sleep(0.01)  # as above
process.terminate()
process.wait()
shutil.copytree("/run/log/journal", target)
"""


def written(folder: Path, entries: Sequence[tuple[str, str]]) -> Path:
    """Have journald write entries, each an identifier and a message; return the journal's folder.

    Neither the machine's own journal nor its audit is touched.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root for a mount namespace")
    daemon = next((path for path in _DAEMONS if path.exists()), None)
    if daemon is None:
        pytest.skip("systemd-journald is not installed")
    words = need_binary("unshare"), "-m", "-n", sys.executable, "-c", _INSIDE
    subprocess.run(
        [*words, str(daemon), need_binary("journalctl"), str(folder)],
        input=json.dumps(entries), text=True, check=True, timeout=_SECONDS,
    )  # fmt: skip
    return folder
