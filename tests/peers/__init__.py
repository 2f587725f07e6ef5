"""Real servers from the system's packages."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from pathlib import Path

import pytest


def account_home() -> Path:
    """The account's own home, which is OpenSSH's whatever HOME says."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir)


def need_binary(name: str) -> str:
    """The program's absolute path; the test is skipped, saying so, where it is not installed."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join(
        [os.environ.get("PATH", ""), beside, "/usr/sbin", "/usr/local/sbin", "/sbin"]
    )
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found
