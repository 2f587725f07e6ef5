"""MQTT against the NATS server, which has MQTT 3.1.1 alone, over JetStream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import free_port
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.live import Foreign, Ordered, Resumed, Retained, TakenOver
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.ports import listening
from tests.reports import facts, found

pytestmark = pytest.mark.peer

CONF = """
listen: 127.0.0.1:{plain}
server_name: lab
jetstream {{ store_dir: "{folder}/store" }}
mqtt {{ listen: 127.0.0.1:{port} }}
{users}
"""
USERS = """
accounts {
  LAB {
    jetstream: enabled
    users: [ { user: anna, password: corr3ct, permissions: {
      publish: { deny: ["*.seventh"] } } } ]
  }
}
"""


@contextlib.asynccontextmanager
async def nats(folder: Path, users: str = "") -> AsyncIterator[Target]:
    program, port = need_binary("nats-server"), free_port()
    conf, log = folder / "nats.conf", folder / "log"
    conf.write_text(CONF.format(plain=free_port(), port=port, folder=folder, users=users), "ascii")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(conf), stdout=output, stderr=output
        )
    try:
        await listening(port, process, log)
        yield Target(scheme="mqtt", host="127.0.0.1", port=port)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def test_an_open_broker_without_version_5(tmp_path: Path) -> None:
    async with nats(tmp_path) as target:
        report = await check_one(target, options_with(allow_write=True, timeout_seconds=30.0))
        pulse = await pulse_one(target, Options())
    learnt = facts(report, MqttFacts)
    assert (report.failure, pulse.failure, learnt.unknown) == (None, None, {})
    live = learnt.live
    assert live is not None
    assert found(report) == {"MQTT-ANON", "MQTT-NO-V5", "MQTT-ACL-WRITE"}
    assert (live.granted_qos, [each.missing for each in live.exchanges]) == (2, [None] * 3)
    assert live.order == Ordered(sent=20, received=20, misplaced=0)
    assert live.retained == Retained(copies=1, cleared=True)
    assert live.resumed == Resumed(present=True, sent=3, received=3)
    assert (live.repeated_copies, live.taken_over) == (1, TakenOver(same="ended"))


async def test_a_login_that_may_not_write_everywhere(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("corr3ct\n", encoding="utf-8")
    given = options_with(
        user="anna", password_file=str(file), allow_plaintext=True, allow_write=True,
        timeout_seconds=30.0,
    )  # fmt: skip
    async with nats(tmp_path, USERS) as target:
        report = await check_one(target, given)
    live = facts(report, MqttFacts).live
    assert live is not None
    assert report.failure is None
    assert live.foreign == Foreign(read_code=1, acknowledged=True)
    assert found(report) == {"MQTT-NO-V5"}
