"""Our reader of mosquitto.conf beside mosquitto: what it refuses, and what a fixed file makes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.engine.fix import fix_file
from seventh.engine.lint import Wanted, lint_file
from seventh.labkit.serve import Kit, free_port
from seventh.lint.mosquitto.conf import BRIDGE, GLOBAL, LISTENER, SECURITY, read
from seventh.lintkit.files import Files, Text
from seventh.model.target import Target
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.mosquitto import mosquitto, password_file
from tests.peers.ports import listening
from tests.reports import found

pytestmark = pytest.mark.peer

WANTED = Wanted(kind="mosquitto.conf")
BAD = """allow_anonymous true
connection hub
address 127.0.0.1:1
topic berlin/pump/# both 2
try_private false
listener {port}
"""


async def said(folder: Path, text: str) -> str:
    """What mosquitto says of a file that it refuses, else nothing after its start."""
    path = folder / "asked.conf"
    path.write_text(text)
    process = await asyncio.create_subprocess_exec(
        need_binary("mosquitto"), "-c", str(path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    while line := (await process.stdout.readline()).decode():
        lines.append(line)
        if "running" in line:
            process.terminate()
            break
    await process.wait()
    return "" if any("running" in line for line in lines) else "".join(lines)


NEWER = frozenset(
    {
        "accept_protocol_versions", "enable_control_api", "global_plugin", "retain_expiry_interval",
        "bridge_max_topic_alias", "bridge_receive_maximum", "bridge_reload_type",
        "bridge_session_expiry_interval", "bridge_tcp_keepalive", "bridge_tcp_user_timeout",
        "bridge_tls_use_os_certs", "disable_client_cert_date_checks", "enable_proxy_protocol",
        "max_topic_alias_broker", "websockets_origin",
    }
)  # fmt: skip
"""Settings of versions after 2.0.11."""


def test_each_setting_is_one_of_mosquitto() -> None:
    """The program has the name of each setting that it reads; we invent none."""
    program = Path(need_binary("mosquitto")).read_bytes()
    ours = (BRIDGE | LISTENER | SECURITY | GLOBAL) - NEWER
    assert {name for name in ours if f"{name}\0".encode() not in program} == set()


@pytest.mark.parametrize(
    "line", ["unknown 1", "listener", "listener x", "topic a", "allow_anonymous", "address h"]
)
async def test_both_refuse(tmp_path: Path, line: str) -> None:
    text = f"user root\nlistener {free_port()} 127.0.0.1\n{line}\n"
    files = Files()
    read(Text("m.conf", tuple(text.splitlines())), files)
    assert await said(tmp_path, text) != ""
    assert files.problems != []


async def test_a_fixed_file_starts_and_is_clean(kit: Kit, tmp_path: Path) -> None:
    """Each line that is written, in the real program: lint and check then say nothing of it."""
    port = free_port()
    path = tmp_path / "mosquitto.conf"
    passwords = password_file(tmp_path)
    path.write_text(f"user root\n{BAD.format(port=port)}password_file {passwords}\n")
    before = {finding.id for finding in lint_file(path, WANTED).findings}
    for change in fix_file(path, WANTED, ()).changes:
        change.path.write_bytes(change.after)
    after = {finding.id for finding in lint_file(path, WANTED).findings}
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            need_binary("mosquitto"), "-c", str(path), stdout=output, stderr=output
        )
    try:
        await listening(port, process, log)
        target = Target(scheme="mqtt", host="127.0.0.1", port=port)
        report = await check_one(target, options_with())
    finally:
        process.terminate()
        await process.wait()
    assert before == {"MQTT-ANON", "MQTT-PLAINTEXT", "MQTT-BRIDGE-LOOP", "MQTT-EXPIRY-FOREVER",
                      "MQTT-PKT-UNLIMITED"}  # fmt: skip
    assert after == set()
    assert not {"MQTT-ANON", "MQTT-PLAINTEXT"} & set(found(report))


async def test_the_same_listeners_as_mosquitto_opens(kit: Kit) -> None:
    async with mosquitto(kit, "listener {1} 127.0.0.1\nlistener {2} 127.0.0.1\n", 2) as running:
        text = (running.folder / "mosquitto.conf").read_text()
    conf = read(Text("m.conf", tuple(text.splitlines())), Files())
    assert tuple(int(each.words[0]) for each in conf.listeners) == running.ports
