"""Where it was measured, in one line a part."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bench.peers import MissingError, need


def describe() -> list[str]:
    """The machine and the versions of everything that takes part."""
    return [
        f"{os.cpu_count()} × {_cpu()}, Linux {platform.release()}",
        _libraries(),
        ", ".join(_tools()),
    ]


def _libraries() -> str:
    return (
        f"Python {platform.python_version()}, uvloop {version('uvloop')}, "
        f"msgspec {version('msgspec')}; pyOpenSSL {version('pyOpenSSL')} with {_our_openssl()}, "
        f"stdlib ssl with {_stdlib_openssl()}"
    )


def _cpu() -> str:
    found = re.search(r"^model name\s*: (.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return re.sub(r"\(R\)|\(TM\)", "", found.group(1)) if found else platform.machine()


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _our_openssl() -> str:
    from OpenSSL import SSL

    return _short(SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode())


def _stdlib_openssl() -> str:
    import ssl

    return _short(ssl.OPENSSL_VERSION)


def _short(text: str) -> str:
    return " ".join(text.split()[:2])


def _tools() -> list[str]:
    asked = {
        "blackbox_exporter": ("prometheus-blackbox-exporter", "--version", r"version ([\d.]+)"),
        "nginx": ("nginx", "-v", r"nginx/([\d.]+)"),
        "OpenSSH": ("ssh", "-V", r"OpenSSH_(\S+?),? "),
        "ssh-audit": ("ssh-audit", "--help", r"ssh-audit v([\d.]+)"),
    }
    return [f"{name} {_tool(*how)}" for name, how in asked.items()]


def _tool(binary: str, option: str, pattern: str) -> str:
    try:
        path = need(binary)
    except MissingError:
        return "(not installed)"
    ran = subprocess.run([path, option], capture_output=True, text=True, check=False)
    found = re.search(pattern, ran.stdout + ran.stderr)
    return found.group(1) if found else "(unknown)"


def is_quick() -> bool:
    """Whether this run takes short cuts; the page says so."""
    return "--quick" in sys.argv
