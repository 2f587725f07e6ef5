"""SNMP's reference agent on loopback, correct or with one fault."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from seventh.labkit import serve as labkit
from seventh.labkit.serve import Kit, Served, UdpHandler, free_port, udp_server
from seventh.model.failure import Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.snmp.lab.agent import Agent
from seventh.protocols.snmp.lab.setup import COMMUNITY, CREDENTIAL, QUICK, Fault, Options, Setup

OTHER = "another-password"
_BY_COMMUNITY: Options = {"community_file": COMMUNITY, "retries": 0, "reply_seconds": 0.2}


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: Reason | None = None
) -> Fault:
    return Fault(name=name, meaning=meaning, triggers=triggers, setup=setup, reason=reason)


def _with(**options: str) -> Options:
    return {**QUICK, **options}


FAULTS = (
    _fault("refused", "no program listens on the port", "NET-PORT-STATE",
           setup=Setup(listens=False, options=QUICK), reason=Reason.CONNECT_REFUSED),
    _fault("no-reply", "requests are not answered", "NET-PORT-STATE",
           setup=Setup(silent=True, options=QUICK), reason=Reason.NO_REPLY),
    _fault("community", "answers SNMP v2c", "SNMP-V1V2-ON",
           setup=Setup(community=COMMUNITY, options=_BY_COMMUNITY)),
    _fault("no-v3", "answers SNMP v1 and v2c alone", "SNMP-V1V2-ON", "SNMP-V3-ABSENT",
           setup=Setup(community=COMMUNITY, v3=False,
                       options={**_BY_COMMUNITY, "snmp_version": "1"})),
    _fault("unknown-user", "does not know the user", "SNMP-USM-UNKNOWN-USER",
           setup=Setup(options=_with(user="absent"))),
    _fault("wrong-auth-key", "has another authentication password", "SNMP-USM-WRONG-DIGEST",
           setup=Setup(options=_with(auth_password_file=OTHER))),
    _fault("wrong-priv-key", "has another privacy password", "SNMP-USM-DECRYPTION-ERROR",
           setup=Setup(options=_with(priv_password_file=OTHER))),
    _fault("no-privacy", "has no privacy for the user", "SNMP-USM-UNSUPPORTED-LEVEL",
           setup=Setup(options=_with(user="signed", auth="sha512"))),
    _fault("clock", "reports a time that it does not accept", "SNMP-USM-NOT-IN-WINDOW",
           setup=Setup(clock_shift_seconds=3600, options=QUICK)),
    _fault("empty-view", "shows the user nothing", "SNMP-VIEW-EMPTY",
           setup=Setup(empty_view=True, options=QUICK)),
    _fault("loop", "goes back to the first interface after the last", "SNMP-OID-LOOP",
           setup=Setup(loops=True, options=QUICK)),
    _fault("context", "does not have the context", reason=Reason.AUTH_REJECTED,
           setup=Setup(options=_with(context="other"))),
    _fault("churn", "has another engine ID for every request", reason=Reason.AUTH_REJECTED,
           setup=Setup(churns=True, options=QUICK)),
    _fault("wrong-id", "replies with another request ID", reason=Reason.UNEXPECTED_ANSWER,
           setup=Setup(wrong_ids=True, options=QUICK)),
)  # fmt: skip
CLEAN = Setup(options=CREDENTIAL)
_SECRETS = ("community_file", "auth_password_file", "priv_password_file")


@contextlib.asynccontextmanager
async def serve(fault: labkit.Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield a correct agent, or one with ``fault``."""
    setup = next((known.setup for known in FAULTS if known == fault), CLEAN)
    async with serve_setup(setup, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_setup(setup: Setup, kit: Kit) -> AsyncIterator[Served]:
    """Yield the agent of ``setup``."""
    options = _with_files(setup, kit)
    if not setup.listens:
        port = free_port(socket.SOCK_DGRAM, setup.address)
        yield Served(target=f"snmp://{setup.address}:{port}", options=options)
        return
    agent = Agent(setup, now_ns())
    loop = asyncio.get_running_loop()

    def respond(server: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        reply = agent.answer(data, now_ns())
        if reply is None:
            return
        if setup.delay_seconds:
            loop.call_later(setup.delay_seconds, server.send, reply, source)
        else:
            server.send(reply, source)

    async with udp_server(respond, setup.address) as port:
        yield Served(target=f"snmp://{setup.address}:{port}", options=options)


def _with_files(setup: Setup, kit: Kit) -> dict[str, str | float | int | tuple[str, ...]]:
    """Return the options of a check, with files in place of the secrets."""
    options = dict(setup.options)
    for name in _SECRETS:
        if name in options:
            file = kit.folder / f"snmp-{options[name]}"
            file.write_text(f"{options[name]}\n", encoding="utf-8")
            file.chmod(0o600)
            options[name] = str(file)
    return options
