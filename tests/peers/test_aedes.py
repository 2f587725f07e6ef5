"""MQTT against aedes, a broker for Node.js that has MQTT 3.1.1 alone.

It is found as Node.js finds packages: ``npm install aedes`` in a folder, and NODE_PATH names its
``node_modules``.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import free_port
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.live import Ordered, Resumed, Retained
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.ports import listening
from tests.reports import facts, found

pytestmark = pytest.mark.peer

BROKER = """
let aedes
try { aedes = require('aedes') } catch { process.exit(77) }
const [port, login] = process.argv.slice(1)
aedes.Aedes.createBroker().then(broker => {
  if (login) broker.authenticate = (client, user, password, done) => {
    const right = user === 'anna' && String(password) === 'corr3ct'
    done(right ? null : Object.assign(new Error('no'), { returnCode: 4 }), right)
  }
  require('net').createServer(broker.handle).listen(Number(port), '127.0.0.1')
})
"""
LACKING = 77


@contextlib.asynccontextmanager
async def aedes(login: str = "") -> AsyncIterator[Target]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        need_binary("node"), "-e", BROKER, str(port), login, stdout=PIPE
    )
    ready = asyncio.ensure_future(listening(port))
    ended = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
        if process.returncode == LACKING:
            pytest.skip("aedes is not installed: npm install aedes, and set NODE_PATH")
        assert process.returncode is None
        yield Target(scheme="mqtt", host="127.0.0.1", port=port)
    finally:
        ready.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await ended


async def test_an_open_broker_without_version_5() -> None:
    async with aedes() as target:
        report = await check_one(target, Options())
        pulse = await pulse_one(target, Options())
    learnt = facts(report, MqttFacts)
    assert learnt.v5 is not None and learnt.v311 is not None
    assert (report.failure, pulse.failure) == (None, None)
    assert (learnt.v5.outcome, learnt.v5.code) == ("refused", 0x84)
    assert (learnt.v311.outcome, learnt.broker_limits, learnt.endless) == ("accepted", None, None)
    assert found(report) == {"MQTT-ANON", "MQTT-NO-V5"}


async def test_messages() -> None:
    given = options_with(allow_write=True, timeout_seconds=30.0)
    async with aedes() as target:
        report = await check_one(target, given)
    learnt = facts(report, MqttFacts)
    live = learnt.live
    assert live is not None
    assert (report.failure, learnt.unknown) == (None, {})
    assert found(report) == {"MQTT-ANON", "MQTT-NO-V5", "MQTT-ACL-WRITE"}
    assert (live.granted_qos, [each.missing for each in live.exchanges]) == (2, [None] * 3)
    assert live.order == Ordered(sent=20, received=20, misplaced=0)
    assert live.retained == Retained(copies=1, cleared=True)
    assert live.resumed == Resumed(present=True, sent=3, received=3)


@pytest.mark.parametrize(("password", "reason"), [("corr3ct", None), ("x", Reason.AUTH_REJECTED)])
async def test_a_login(tmp_path: Path, password: str, reason: Reason | None) -> None:
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text(f"{password}\n", encoding="utf-8")
    given = options_with(user="anna", password_file=str(file), allow_plaintext=True)
    async with aedes("login") as target:
        report = await check_one(target, given)
    learnt = facts(report, MqttFacts)
    assert (report.failure.reason if report.failure else None) == reason
    assert (learnt.anonymous, learnt.login_version) == (False, "3.1.1")
    assert "MQTT-ANON" in report.passed
