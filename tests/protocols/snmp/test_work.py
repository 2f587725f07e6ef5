"""The verbs at the lab's agent."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from seventh import protocols
from seventh.engine.work import do
from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.failure import Failure, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.snmp.lab import serve_setup
from seventh.protocols.snmp.lab.mib import BIG_TABLE
from seventh.protocols.snmp.lab.setup import COMMUNITY, QUICK, Setup
from seventh.protocols.snmp.work import as_csv
from tests.options import changed

VERBS = {verb.name: verb for verb in protocols.rooms()["snmp"].verbs}
BY_COMMUNITY = {"community_file": COMMUNITY, "retries": 0, "reply_seconds": 0.2}


class Done(msgspec.Struct):
    """What a verb did."""

    code: int
    failure: Failure | None
    shown: list[Any]
    progress: list[int]

    @property
    def lines(self) -> list[str]:
        return [line for each in self.shown for line in str(each).splitlines()]


Run = Callable[..., Any]


@contextlib.asynccontextmanager
async def agent(kit: Kit, setup: Setup) -> AsyncIterator[Run]:
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options())

        async def run(name: str, *words: str, path: str = "", **more: Any) -> Done:
            done = Done(0, None, [], [])
            there = Target(scheme="snmp", host=target.host, port=target.port, path=path)
            verb = VERBS[name]
            given = {argument.name: words for argument in verb.arguments}
            done.code, done.failure = await do(
                there, changed(options, **more), verb, given, done.shown.append,
                lambda count, _: done.progress.append(count),
            )  # fmt: skip
            return done

        yield run


async def test_get(kit: Kit) -> None:
    async with agent(kit, Setup(options=QUICK)) as run:
        done = await run("get", "sysName", "1.3.6.1.2.1.1.6.0", "ifDescr.9", path="/sysContact")
        many = await run("get", *[f"1.3.6.1.2.1.2.2.1.2.{n % 3 + 1}" for n in range(70)])
    assert (done.code, done.failure) == (0, None)
    assert done.lines == [
        "sysContact.0 = OctetString: lab@lab.test", "sysName.0 = OctetString: agent.lab.test",
        "sysLocation.0 = OctetString: here", "ifDescr.9 = noSuchInstance",
    ]  # fmt: skip
    assert as_csv(done.shown[1]) == "1.3.6.1.2.1.1.5.0,sysName.0,OctetString,agent.lab.test"
    assert as_csv(done.shown[3]) == "1.3.6.1.2.1.2.2.1.2.9,ifDescr.9,noSuchInstance,"
    assert len(many.shown) == 70


async def test_walk(kit: Kit) -> None:
    async with agent(kit, Setup(options=QUICK)) as run:
        names = await run("walk", "ifDescr", "sysName")
        one = await run("walk", "sysName.0")
        big = await run("walk", ".".join(map(str, BIG_TABLE)))
        some = await run("walk", ".".join(map(str, BIG_TABLE)), max_rows=100)
        book = await run("walk", "ifDescr", book=True)
    wanted = [f"ifDescr.{n} = OctetString: {w}" for n, w in enumerate(("lo", "eth0", "eth1"), 1)]
    assert names.lines == [*wanted, "sysName.0 = OctetString: agent.lab.test"]
    assert one.lines == ["sysName.0 = OctetString: agent.lab.test"]
    assert (len(big.shown), len({row.oid for row in big.shown}), big.code) == (3000, 3000, 0)
    assert big.progress == sorted(big.progress)
    assert big.progress[-1] == 3000
    assert (len(some.shown) >= 100, len(some.shown) < 200, some.code) == (True, True, 2)
    assert [line.split(" | ")[1] for line in book.lines[4:]] == ["ifDescr.1", "ifDescr.2",
                                                                 "ifDescr.3"]  # fmt: skip
    assert as_csv(book.shown[0]).splitlines()[0] == "1.3.6.1.2.1.2.2.1.2.1,ifDescr.1,OctetString,lo"


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_every_version_walks_the_same(kit: Kit, version: str) -> None:
    setup = Setup(community=COMMUNITY, options={**BY_COMMUNITY, "snmp_version": version})
    async with agent(kit, setup) as run:
        done = await run("walk", "ifDescr")
    assert (done.code, [row.value for row in done.shown]) == (0, ["lo", "eth0", "eth1"])


async def test_a_walk_that_goes_back_ends_or_resumes(kit: Kit) -> None:
    async with agent(kit, Setup(loops=True, options=QUICK)) as run:
        ended = await run("walk", "ifTable")
        resumed = await run("walk", "ifTable", resume=True)
    assert ended.failure is not None
    assert ended.failure.reason is Reason.PROTOCOL_VIOLATION
    assert ended.failure.detail.partition(": ")[2] == (
        "after ifDescr.3 the agent returns ifDescr.1; --resume continues after it"
    )
    assert ended.lines[-1] == "ifDescr.3 = OctetString: eth1"
    assert (resumed.code, resumed.failure) == (2, None)
    assert [row.name for row in resumed.shown][3:7] == ["ifDescr.1", "ifDescr.2", "ifDescr.3",
                                                       "ifSpeed.1"]  # fmt: skip


async def test_table(kit: Kit) -> None:
    async with agent(kit, Setup(rows=2, options=QUICK)) as run:
        done = await run("table", "ifXTable")
        bare = await run("table", ".".join(map(str, BIG_TABLE)))
    (grid,) = done.shown
    assert grid.columns == ("index", "ifName", "ifHCInOctets", "ifHighSpeed")
    assert [(row[0], row[1], row[3]) for row in grid.rows] == [
        ("1", "lo", "10"), ("2", "eth0", "1000"), ("3", "eth1", "10000"),
    ]  # fmt: skip
    assert as_csv(grid).splitlines()[0] == "index,ifName,ifHCInOctets,ifHighSpeed"
    assert bare.shown[0].columns == ("index", "1", "2", "3")
    assert [row[:3] for row in bare.shown[0].rows] == [("1", "1", "row 1"), ("2", "2", "row 2")]


async def test_set(kit: Kit) -> None:
    async with agent(kit, Setup(writable=True, options=QUICK)) as run:
        done = await run("set", "sysLocation.0=s:there", "sysContact.0=s:us")
        wrong = await run("set", "sysName.0=s:x", "sysLocation.0=i:5")
        after = await run("get", "sysName", "sysLocation")
    assert done.lines == [
        "sysLocation.0 = OctetString: there", "sysContact.0 = OctetString: us",
    ]  # fmt: skip
    assert wrong.failure is not None
    assert wrong.failure.detail.partition(" refuses: ")[2] == "wrongType for sysLocation.0"
    assert after.lines == [
        "sysName.0 = OctetString: agent.lab.test", "sysLocation.0 = OctetString: there",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "given", "said"),
    [
        ("get", {}, "seventh snmp get: an object is required, such as sysUpTime"),
        ("set", {},
         "seventh snmp set: an assignment is required, such as sysLocation.0=s:Rack"),
        ("walk", {"user": None, "auth": None, "auth_password_file": None, "priv": None,
                  "priv_password_file": None},
         "a credential is required: --user NAME or --community-file FILE"),
    ],
)  # fmt: skip
async def test_what_is_missing(kit: Kit, verb: str, given: dict[str, None], said: str) -> None:
    async with agent(kit, Setup(options=QUICK)) as run:
        done = await run(verb, **given)
    assert done.failure is not None
    assert (done.failure.reason, done.failure.detail) == (Reason.OPTIONS_UNUSABLE, said)


async def test_a_refusal_has_its_true_cause(kit: Kit) -> None:
    async with agent(kit, Setup(options={**QUICK, "user": "nobody"})) as run:
        done = await run("get", "sysName")
    assert done.failure is not None
    assert (done.failure.reason, done.failure.phase) == (Reason.AUTH_REJECTED, "snmp.auth")
    assert done.failure.detail.partition(": ")[2] == "the agent does not know the user"
