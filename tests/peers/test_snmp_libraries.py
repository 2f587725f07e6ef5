"""SNMP against other makes: pysnmp and gufo-snmp ask the lab's agent; pysnmp's agent is asked."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from seventh.engine.check import pulse_one
from seventh.lab import start
from seventh.labkit.serve import Kit, free_port
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.snmp.facts import SnmpFacts
from seventh.protocols.snmp.lab import serve_setup
from seventh.protocols.snmp.lab.setup import (
    ACCOUNTS,
    AUTH_PASSWORD,
    COMMUNITY,
    PRIV_PASSWORD,
    Account,
    Setup,
)
from seventh.protocols.snmp.wire.keys import Auth, Extension, Priv
from tests.options import options_with
from tests.reports import facts

pytestmark = [
    pytest.mark.peer, pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]  # fmt: skip
EVERY = tuple(
    Account(name=f"{auth}-{priv or 'none'}-{how}", auth=auth, priv=priv, extension=how)
    for auth in Auth
    for priv in (None, *Priv)
    for how in (Extension if priv in {Priv.AES192, Priv.AES256} else (Extension.BLUMENTHAL,))
)
"""A user of each authentication and privacy protocol, and of both key extensions."""
NAME = "1.3.6.1.2.1.1.5.0"


@pytest.fixture(scope="module")
def pysnmp() -> Any:
    return pytest.importorskip("pysnmp.hlapi.v3arch.asyncio", reason="needs pysnmp")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    """The lab's agent with all users; its port."""
    kit = Kit(tmp_path_factory.mktemp("lab"))
    setup = Setup(accounts=(*EVERY, ACCOUNTS[1]), community=COMMUNITY, writable=True, rows=20)
    async with serve_setup(setup, kit) as served:
        target, _ = start.job(served, Options())
        yield target.port


def user(pysnmp: Any, account: Account) -> Any:
    """The account as pysnmp has it."""
    auths = {
        Auth.MD5: "usmHMACMD5AuthProtocol", Auth.SHA1: "usmHMACSHAAuthProtocol",
        Auth.SHA224: "usmHMAC128SHA224AuthProtocol", Auth.SHA256: "usmHMAC192SHA256AuthProtocol",
        Auth.SHA384: "usmHMAC256SHA384AuthProtocol", Auth.SHA512: "usmHMAC384SHA512AuthProtocol",
    }  # fmt: skip
    blumenthal = account.extension is Extension.BLUMENTHAL
    privs = {
        Priv.DES: "usmDESPrivProtocol", Priv.AES: "usmAesCfb128Protocol",
        Priv.AES192: "usmAesBlumenthalCfb192Protocol" if blumenthal else "usmAesCfb192Protocol",
        Priv.AES256: "usmAesBlumenthalCfb256Protocol" if blumenthal else "usmAesCfb256Protocol",
    }  # fmt: skip
    more = {}
    if account.auth is not None:
        more = {"authKey": AUTH_PASSWORD, "authProtocol": getattr(pysnmp, auths[account.auth])}
    if account.priv is not None:
        more |= {"privKey": PRIV_PASSWORD, "privProtocol": getattr(pysnmp, privs[account.priv])}
    return pysnmp.UsmUserData(account.name, **more)


@functools.cache
def engine_of(pysnmp: Any) -> Any:
    """pysnmp's manager, which loads its MIBs once."""
    return pysnmp.SnmpEngine()


async def asked(pysnmp: Any, port: int, credential: Any, command: str, *words: Any) -> list[str]:
    """What pysnmp gets: OID = value."""
    transport = await pysnmp.UdpTransportTarget.create(("127.0.0.1", port), timeout=2, retries=1)
    failure, status, _, bindings = await getattr(pysnmp, command)(
        engine_of(pysnmp), credential, transport, pysnmp.ContextData(), *words, lookupMib=False
    )
    assert not failure, failure
    assert not status, status
    return [f"{name} = {value.prettyPrint()}" for name, value in bindings]


def named(pysnmp: Any, oid: str, *value: Any) -> Any:
    return pysnmp.ObjectType(pysnmp.ObjectIdentity(oid), *value)


@pytest.mark.parametrize("account", EVERY, ids=lambda account: account.name)
async def test_pysnmp_at_every_algorithm(pysnmp: Any, agent: int, account: Account) -> None:
    found = await asked(pysnmp, agent, user(pysnmp, account), "get_cmd", named(pysnmp, NAME))
    assert found == [f"{NAME} = agent.lab.test"]


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_pysnmps_every_request(pysnmp: Any, agent: int, version: int) -> None:
    credential = pysnmp.CommunityData(COMMUNITY, mpModel=version)
    if version == 3:
        credential = user(pysnmp, EVERY[0])
    descr = "1.3.6.1.2.1.2.2.1.2"
    assert await asked(pysnmp, agent, credential, "next_cmd", named(pysnmp, descr)) == [
        f"{descr}.1 = lo"
    ]
    if version:
        found = await asked(pysnmp, agent, credential, "bulk_cmd", 1, 3, named(pysnmp, NAME[:-2]),
                            named(pysnmp, descr))  # fmt: skip
        assert found == [f"{NAME} = agent.lab.test", *(
            f"{descr}.{n} = {name}" for n, name in enumerate(("lo", "eth0", "eth1"), 1)
        )]  # fmt: skip
    where = "1.3.6.1.2.1.1.6.0"
    value = importlib_octets("there")
    assert await asked(pysnmp, agent, credential, "set_cmd", named(pysnmp, where, value)) == [
        f"{where} = there"
    ]


def importlib_octets(text: str) -> Any:
    return pytest.importorskip("pysnmp.proto.rfc1902").OctetString(text)


@pytest.mark.parametrize("account", EVERY, ids=lambda account: account.name)
async def test_gufo_at_every_algorithm(agent: int, account: Account) -> None:
    snmp = pytest.importorskip("gufo.snmp.aio", reason="needs gufo-snmp")
    users = pytest.importorskip("gufo.snmp.user")
    version = pytest.importorskip("gufo.snmp").SnmpVersion.v3
    blumenthal = account.extension is Extension.BLUMENTHAL
    how = users.KeyExpansion.Blumenthal if blumenthal else users.KeyExpansion.Cisco
    auth_key = getattr(users, f"{account.auth.value.title()}Key")  # type: ignore[union-attr]
    privs = {Priv.DES: "DesKey", Priv.AES: "Aes128Key", Priv.AES192: "Aes192Key",
             Priv.AES256: "Aes256Key"}  # fmt: skip
    priv = {}
    if account.priv is not None:
        made = getattr(users, privs[account.priv])(PRIV_PASSWORD.encode())
        priv = {"priv_key": made}
    given = users.User(
        account.name, auth_key=auth_key(AUTH_PASSWORD.encode()), key_expansion=how, **priv
    )
    async with snmp.SnmpSession(
        addr="127.0.0.1", port=agent, version=version, user=given, timeout=5
    ) as session:
        assert await session.get(NAME) == b"agent.lab.test"
        rows = [pair async for pair in session.getbulk("1.3.6.1.2.1.2.2.1.2")]
    assert rows == [(f"1.3.6.1.2.1.2.2.1.2.{n}", name)
                    for n, name in enumerate((b"lo", b"eth0", b"eth1"), 1)]  # fmt: skip


AGENT = """
import asyncio, sys
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context

port, auth_password, priv_password, community, *users = sys.argv[1:]


async def main():
    agent = engine.SnmpEngine()
    transport = udp.UdpTransport().open_server_mode(("127.0.0.1", int(port)))
    config.add_transport(agent, udp.DOMAIN_NAME, transport)
    config.add_v1_system(agent, "area", community)
    for model in (1, 2):
        config.add_vacm_user(agent, model, "area", "noAuthNoPriv", (1, 3, 6, 1, 2, 1))
    for user in users:
        name, auth, priv = user.split("/")
        config.add_v3_user(
            agent, name, getattr(config, auth), auth_password, getattr(config, priv), priv_password
        )
        config.add_vacm_user(agent, 3, name, "authPriv", (1, 3, 6, 1, 2, 1, 1))
    answers = context.SnmpContext(agent)
    for kind in (cmdrsp.GetCommandResponder, cmdrsp.NextCommandResponder,
                 cmdrsp.BulkCommandResponder):
        kind(agent, answers)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
"""
AUTHS = {
    Auth.MD5: "USM_AUTH_HMAC96_MD5", Auth.SHA1: "USM_AUTH_HMAC96_SHA",
    Auth.SHA224: "USM_AUTH_HMAC128_SHA224", Auth.SHA256: "USM_AUTH_HMAC192_SHA256",
    Auth.SHA384: "USM_AUTH_HMAC256_SHA384", Auth.SHA512: "USM_AUTH_HMAC384_SHA512",
}  # fmt: skip
PRIVS = {
    (Priv.DES, Extension.BLUMENTHAL): "USM_PRIV_CBC56_DES",
    (Priv.AES, Extension.BLUMENTHAL): "USM_PRIV_CFB128_AES",
    (Priv.AES192, Extension.BLUMENTHAL): "USM_PRIV_CFB192_AES_BLUMENTHAL",
    (Priv.AES192, Extension.REEDER): "USM_PRIV_CFB192_AES",
    (Priv.AES256, Extension.BLUMENTHAL): "USM_PRIV_CFB256_AES_BLUMENTHAL",
    (Priv.AES256, Extension.REEDER): "USM_PRIV_CFB256_AES",
}  # fmt: skip
PRIVATE = tuple(account for account in EVERY if account.priv is not None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def other(pysnmp: Any) -> AsyncIterator[Target]:
    """pysnmp's agent, a process of its own."""
    import socket

    port = free_port(socket.SOCK_DGRAM)
    users = [
        f"{one.name}/{AUTHS[one.auth]}/{PRIVS[one.priv, one.extension]}"  # type: ignore[index]
        for one in PRIVATE
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", AGENT, str(port), AUTH_PASSWORD, PRIV_PASSWORD, COMMUNITY, *users,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
    yield Target(scheme="snmp", host="127.0.0.1", port=port)
    process.kill()
    await process.wait()


def ours(folder: Path, account: Account) -> Options:
    given: dict[str, Any] = {"user": account.name, "auth": account.auth, "priv": account.priv}
    for name, secret in (("auth", AUTH_PASSWORD), ("priv", PRIV_PASSWORD)):
        file = folder / name
        file.write_text(secret)
        given[f"{name}_password_file"] = str(file)
    return options_with(retries=1, reply_seconds=5.0, timeout_seconds=60.0, **given)


@pytest.mark.parametrize("account", PRIVATE, ids=lambda account: account.name)
async def test_pysnmps_agent_at_every_algorithm(
    other: Target, tmp_path: Path, account: Account
) -> None:
    learnt = facts(await pulse_one(other, ours(tmp_path, account)), SnmpFacts)
    assert learnt.access is not None
    assert (learnt.access.outcome, learnt.access.cause) == ("accepted", None)
    differs = account.extension if learnt.access.extension is not None else None
    assert learnt.access.extension is differs
