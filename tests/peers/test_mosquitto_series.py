"""mosquitto over several checks: queues that grow, and the advised limits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.model.look import Look
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.rules.series import offline_flood
from seventh.protocols.mqtt.series import BrokerSeries, add
from seventh.rules.rule import Hit, Verdict
from tests.peers import need_binary
from tests.peers.mosquitto import PASSWORD, USER, mosquitto
from tests.peers.test_mosquitto import AS_USER, fix, login, mqtt, target

pytestmark = pytest.mark.peer
CHECKS = 4
MESSAGES = 600


async def client(name: str, *words: str, text: str = "") -> None:
    child = await asyncio.create_subprocess_exec(
        need_binary(name), *words, stdin=asyncio.subprocess.PIPE
    )
    await asyncio.wait_for(child.communicate(text.encode()), 30)
    assert child.returncode == 0


async def judged(kit: Kit, tmp_path: Path, lines: str, most: int) -> tuple[BrokerSeries, Verdict]:
    """Check a broker again and again, whose client is away while messages for it come."""
    options = login(kit, tmp_path, allow_plaintext=True, timeout_seconds=20.0)
    series = BrokerSeries()
    async with mosquitto(kit, f"sys_interval 1\n{lines}{AS_USER}") as server:
        where = (
            "-p",
            str(server.ports[0]),
            "-u",
            USER,
            "-P",
            PASSWORD,
            "-q",
            "1",
            "-t",
            "seventh/d",
        )
        await client("mosquitto_sub", *where, "-i", "device", "-c", "-E")
        for number in range(1, CHECKS + 1):
            text = "".join(f"{n}\n" for n in range(MESSAGES))
            await client("mosquitto_pub", *where, "-l", text=text)
            wanted = min(number * MESSAGES, most)
            facts = MqttFacts()
            while _kept(facts) < wanted:  # $SYS is of the last second
                facts = mqtt(await check_one(target(server, "mqtt"), options))
            look = Look(
                host="a", at_ns=number, steady_ns=0, every_seconds=60, facts={"mqtt": facts}
            )
            series = add(series, look)
    return series, offline_flood(series)


def _kept(facts: MqttFacts) -> float:
    numbers = facts.system.numbers if facts.system is not None else {}
    return numbers.get("stored", 0) - numbers.get("retained", 0)


async def test_a_queue_that_grows_and_the_advised_limits(kit: Kit, tmp_path: Path) -> None:
    series, verdict = await judged(kit, tmp_path, "max_queued_messages 0\n", 10**9)
    assert [each // MESSAGES for each in series.kept] == [1, 2, 3, 4]
    assert isinstance(verdict, Hit)
    series, verdict = await judged(kit, tmp_path, fix("MQTT-OFFLINE-FLOOD"), 1000)
    assert (len(series.kept), verdict) == (CHECKS, None)
