"""The guards of the house hold: each goes red in a copy of the source with a fault in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import seventh
from tests.conformance.purity import violations

pytestmark = pytest.mark.uncounted

SOURCE = Path(seventh.__file__).parent
PYPROJECT = SOURCE.parent.parent / "pyproject.toml"

PURE = "no socket, clock or thread in model, facts, wire and rules"
SPEC = "a room's spec imports the model, msgspec and nothing else"
LAB = "only labs use the lab kit"
ROOMS = "rooms never import each other"
LINT = "a linter reads files and nothing else"
PLANTS = [
    # A file, what is added to it, the module that is then imported, and why it must not be.
    ("protocols/ssh/wire/channels.py", "import socket", "socket", PURE),
    ("protocols/ntp/facts/together.py", "import asyncio", "asyncio", PURE),
    ("protocols/net/facts.py", "import ssl", "ssl", PURE),
    ("protocols/tls/rules/handshake.py", "from OpenSSL import SSL", "OpenSSL.SSL", PURE),
    ("protocols/http/rules/caching.py", "from seventh.net.probe_context import ProbeContext",
     "seventh.net.probe_context.ProbeContext", PURE),
    ("protocols/http/rules/origin.py", "from seventh import net", "seventh.net", PURE),
    ("protocols/http/wire/deeper/x.py", "import select", "select", PURE),
    ("protocols/http/probe/content/rules/x.py", "import threading", "threading", PURE),
    ("wire/websocket_frames.py", "def late():\n    import time", "time", PURE),
    ("protocols/websocket/wire/deflate.py", "if TYPE_CHECKING:\n    import uvloop", "uvloop", PURE),
    ("protocols/ssh/wire/kex.py", 'importlib.import_module("socket")', "socket", PURE),
    ("protocols/ssh/wire/ciphers.py", '__import__("subprocess")', "subprocess", PURE),
    ("protocols/ssh/rules/login.py", "import_module(name)", "a name that is computed", PURE),
    ("protocols/ntp/wire/keys.py", "from ...net import lab", "seventh.protocols.net.lab", ROOMS),
    ("protocols/websocket/wire/handshake.py", "from seventh.web import h1", "seventh.web.h1", PURE),
    ("web/message.py", "import time", "time", PURE),
    ("model/report.py", "import time", "time", PURE),
    ("wire/reader.py", "import socket", "socket", PURE),
    ("rules/run.py", "import asyncio", "asyncio", PURE),
    ("protocols/ssh/__init__.py", "import rich", "rich", SPEC),
    ("protocols/tls/__init__.py", "from seventh.net import connect", "seventh.net.connect", SPEC),
    ("protocols/ntp/__init__.py", "from .facts import NtpFacts",
     "seventh.protocols.ntp.facts.NtpFacts", SPEC),
    ("protocols/net/__init__.py", "import time", "time", SPEC),
    ("protocols/http/probe/content/caching.py", "from seventh.labkit.serve import Kit",
     "seventh.labkit.serve.Kit", LAB),
    ("protocols/ssh/client/config/host.py", "import seventh.labkit.ca", "seventh.labkit.ca", LAB),
    ("engine/check.py", "import seventh.labkit", "seventh.labkit", LAB),
    ("protocols/ntp/probe/nts.py", "from seventh.protocols.ssh.facts import SshFacts",
     "seventh.protocols.ssh.facts.SshFacts", ROOMS),
    ("protocols/http/lab/events.py", "from seventh.protocols import ntp", "seventh.protocols.ntp",
     ROOMS),
    ("lint/nginx/tls.py", "import socket", "socket", LINT),
    ("lint/openssh/sshd.py", "from seventh.net.names import resolve", "seventh.net.names.resolve",
     LINT),
    ("lint/chrony/deeper/x.py", "from seventh.labkit.serve import Kit", "seventh.labkit.serve.Kit",
     LAB),
]  # fmt: skip
ALLOWED = [
    ("protocols/http/probe/content/coding.py", "import asyncio, socket, time"),
    ("protocols/ssh/client/auth.py", "from seventh.net.probe_context import ProbeContext"),
    ("protocols/ssh/lab/deeper/x.py", "from seventh.labkit.serve import Kit"),
    ("protocols/net/lab.py", "from seventh.labkit.serve import Kit"),
    ("protocols/ntp/wire/packet.py", "from seventh.web.message import Headers"),
    ("lint/ntpd/views.py", "from seventh.lint.chrony import conf"),
    ("lint/caddy/views.py", "from seventh.protocols.ssh.facts import SshFacts"),
]
BREAKS = {
    # By contract of pyproject.toml: a file and a line that break it.
    "Who may import whom": ("net/probe_context.py", "import seventh.engine.check"),
    "Facts, wire and rules never touch a socket, a clock or a thread": (
        "protocols/http/probe/content/rules/x.py", "import threading"),
    "Schedule, verdicts and alerts of watch are pure: time is passed in": (
        "watch/verdict.py", "import time"),
    "What a link decides is pure: time is passed in": ("link/way.py", "import time"),
    "Values of web touch no socket and no clock": ("web/message.py", "import time"),
    "Rooms never import each other": (
        "protocols/ntp/probe/nts.py", "from seventh.protocols.ssh.facts import SshFacts"),
    "Only labs use the lab kit": (
        "protocols/http/probe/content/caching.py", "from seventh.labkit.serve import Kit"),
    "Linters read files and nothing else": ("lint/nginx/tls.py", "import socket"),
    "Formats never import each other": (
        "render/formats/json.py", "import seventh.render.formats.html"),
}  # fmt: skip


def copy(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(SOURCE, folder / "seventh", ignore=ignored)


def plant(root: Path, file: str, line: str) -> None:
    """Add a line to a file, which is made with its folders where it is missing."""
    path = root / file
    for folder in reversed(path.relative_to(root).parents):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "__init__.py").touch()
    with path.open("a", encoding="utf-8") as opened:
        opened.write(f"\n{line}\n")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is found in a copy with all the plants, whether allowed or not."""
    root = copy(tmp_path_factory.mktemp("planted"))
    for file, line, *_ in [*PLANTS, *ALLOWED]:
        plant(root, file, line)
    return violations(root)


def test_the_source_keeps_every_promise() -> None:
    assert violations(SOURCE) == []


@pytest.mark.parametrize(("file", "line", "name", "why"), PLANTS)
def test_a_guard_goes_red(planted: list[str], file: str, line: str, name: str, why: str) -> None:
    assert f"{file} imports {name}: {why}" in planted


def test_nothing_else_goes_red(planted: list[str]) -> None:
    assert len(planted) == len(PLANTS)


def contracts() -> list[str]:
    tool = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]
    return [contract["name"] for contract in tool["importlinter"]["contracts"]]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy in which each contract is broken once."""
    folder = tmp_path_factory.mktemp("contracts")
    root = copy(folder)
    for file, line in BREAKS.values():
        plant(root, file, line)
    ran = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", PYPROJECT, "--no-cache"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("contract", contracts())
def test_every_contract_of_the_import_linter_can_break(said: str, contract: str) -> None:
    assert f"{contract} BROKEN" in said
    path, line = BREAKS[contract]
    module = ".".join(["seventh", *Path(path).with_suffix("").parts])
    assert module in said.partition("Broken contracts")[2].partition(contract)[2], line
