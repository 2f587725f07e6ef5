"""What each command may load: starting fast is a matter of what is left out.

Nothing here is timed; `make bench` measures. Each command runs in an interpreter of its own and
tells what it had loaded when it was done.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from seventh.lab import start
from seventh.labkit.serve import Kit, Served, tcp_server
from tests.cli.test_read import REPORT

_TELL = """
import sys
from seventh.cli.main import main
code = main(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""
# What uvloop's compiled parts register beside it.
_CYTHON = ("_cython_", "cython_runtime")
BASE = {"seventh", "msgspec", "typing_extensions", "uvloop"}
CRYPTOGRAPHY = {"cryptography", "_cffi_backend", "_openssl", "bcrypt"}

# Of the standard library, what is heavy and once came along unasked.
HEAVY = {
    "email", "html", "http", "importlib.resources", "json", "multiprocessing", "sqlite3",
    "tempfile", "tomllib", "unicodedata", "unittest", "xml",
}  # fmt: skip

# What only some options and some targets need.
UNUSED = {
    "seventh.engine.elsewhere", "seventh.engine.hosts", "seventh.engine.limits",
    "seventh.engine.places", "seventh.engine.together", "seventh.net.proxy", "seventh.cli.places",
}  # fmt: skip


async def loaded(*arguments: str, code: int | None = None) -> set[str]:
    """The modules that a command loads beyond what the interpreter itself does."""
    bare = await _modules("-c", "import sys; print(*sorted(sys.modules), file=sys.stderr)")
    return await _modules("-c", _TELL, *arguments, code=code) - bare


async def _modules(*command: str, code: int | None = None) -> set[str]:
    """What a process tells that it has loaded; it ends with ``code``, else with any but 3."""
    # A run that measures coverage would load coverage's own modules here, too.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    ended = process.returncode
    assert ended == code if code is not None else ended != 3, said.decode()
    return set(said.decode().split())


def distributions(modules: set[str]) -> set[str]:
    """The top-level packages among ``modules`` that are not the standard library's."""
    top = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
    return {name for name in top if not name.startswith(_CYTHON)}


def check_of(served: Served) -> list[str]:
    """The command line that checks a reference server, as a script would write it."""
    flags = {"ca_file": "--ca", "server_name": "--server-name"}
    options = [
        text
        for name, value in served.options.items()
        if name in flags
        for text in (flags[name], str(value))
    ]
    # By address: a name's records need the DNS library, and that is no part of the room.
    target = served.target.replace("ssh.lab.test", "127.0.0.1")
    samples = ["--samples", "1"] if target.startswith("ntp:") else []
    return ["check", target, "--format", "json", *samples, *options]


async def test_the_version_is_told_by_nearly_nothing() -> None:
    assert await loaded("--version") == {
        "__future__",
        "gc",
        "seventh",
        "seventh.cli",
        "seventh.cli.main",
        "seventh.cli.streams",
    }


async def test_a_listing_loads_no_event_loop_and_no_network() -> None:
    modules = await loaded("ports")
    assert distributions(modules) <= {"seventh", "msgspec", "typing_extensions"}
    assert not {name for name in modules if name.startswith(("asyncio", "seventh.net"))}


@pytest.mark.parametrize(
    ("room", "packages", "standard"),
    [
        ("ntp", BASE, set()),
        ("ssh", BASE | CRYPTOGRAPHY, {"tomllib"}),  # its table of algorithms
        (
            "tls",
            BASE | CRYPTOGRAPHY | {"OpenSSL"},
            {"email", "unicodedata", "tomllib"},
        ),  # email is cryptography's; its table of clients
    ],
)
async def test_a_check_loads_its_own_room_only(
    room: str, packages: set[str], standard: set[str], kit: Kit
) -> None:
    async with start.serving(room, None, kit) as served:
        modules = await loaded(*check_of(served))
    assert f"seventh.protocols.{room}.probe" in modules
    assert_lean(modules, room, packages, standard)


async def test_a_port_is_checked_with_the_least() -> None:
    async with tcp_server(_silent) as port:
        modules = await loaded("check", f"tcp://127.0.0.1:{port}", "--format", "json")
    assert_lean(modules, "net", BASE, set())
    assert not modules & {"seventh.net.idle", "seventh.model.tlsfacts"}


async def test_a_plain_site_loads_no_tls_no_quic_and_no_coding() -> None:
    async with tcp_server(_answer) as port:
        modules = await loaded("check", f"http://127.0.0.1:{port}/", "--format", "json")
    assert distributions(modules) <= BASE | {"h11"}
    assert {name.split(".")[2] for name in modules if _is_part(name)} <= {"http", "net"}


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.read()


def assert_lean(modules: set[str], room: str, packages: set[str], standard: set[str]) -> None:
    """Only these packages, only this room beside the network's, only the format asked for."""
    assert distributions(modules) <= packages
    assert modules & HEAVY <= standard
    assert {name.split(".")[2] for name in modules if _is_part(name)} <= {room, "net"}
    assert not {name for name in modules if _is_part(name) and name.endswith(".checklist")}
    rendering = {name for name in modules if name.startswith("seventh.render.")}
    names = ("document", "entries", "formats", "formats.json", "wording", "view")
    assert rendering == {f"seventh.render.{name}" for name in names}
    assert not {name for name in modules if name.startswith(("seventh.lab", "seventh.labkit"))}
    assert not modules & UNUSED


def _is_part(name: str) -> bool:
    """Whether it is more of a room than the spec that every start reads."""
    return name.startswith("seventh.protocols.") and name.count(".") >= 3


async def test_a_name_is_resolved_by_the_system_without_a_dns_library() -> None:
    modules = await loaded("check", "tcp://localhost:1", "--format", "json")
    assert distributions(modules) <= BASE


@pytest.mark.parametrize(
    ("data", "code", "packages", "standard"),
    [
        (REPORT, 0, BASE, {"email", "tempfile", "xml"}),
        (b"From: a@example.org\n\nTea\n", 3, BASE | CRYPTOGRAPHY,
         {"email", "tempfile", "unicodedata"}),
    ],
    ids=["report", "message"],
)  # fmt: skip
async def test_reading_a_file_loads_no_dns_unless_it_asks(
    data: bytes, code: int, packages: set[str], standard: set[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(data)
    words = ("read", str(tmp_path / "file"), "--offline", "--format", "json")
    modules = await loaded(*words, code=code)
    assert_lean(modules, "mail", packages, standard)


@pytest.mark.parametrize("room", ["imap", "pop3"])
async def test_a_pulse_of_a_mailbox_needs_neither_login_nor_rules(room: str) -> None:
    """What the probe loads by itself is all that a pulse has."""
    probe = f"seventh.protocols.{room}.probe"
    modules = await _modules("-c", f"import sys, {probe}; print(*sys.modules, file=sys.stderr)")
    assert {name for name in modules if name.startswith(probe)} == {probe}
    assert not {name for name in modules if name.startswith(f"seventh.protocols.{room}.rules")}
    assert "seventh.net.tls.handshake" in modules
