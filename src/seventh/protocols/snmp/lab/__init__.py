"""SNMP's reference agent on loopback, correct or with one fault."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from msgspec.structs import replace

from seventh.labkit import serve as labkit
from seventh.labkit.elsewhere import added
from seventh.labkit.serve import Kit, Need, Served, UdpHandler, free_port, udp_server
from seventh.model.failure import Reason
from seventh.net.stopwatch import now_ns
from seventh.protocols.snmp.lab.agent import Agent
from seventh.protocols.snmp.lab.setup import COMMUNITY, CREDENTIAL, QUICK, Fault, Options, Setup

ELSEWHERE = "192.88.99.77"
"""An address that a fault adds to this machine: public, from the range that RFC 7526 retired."""
OTHER = "another-password"
_BY_COMMUNITY: Options = {"community_file": COMMUNITY, "retries": 0, "reply_seconds": 0.2}


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: Reason | None = None,
    needs: tuple[Need, ...] = (),
) -> Fault:  # fmt: skip
    return Fault(
        name=name, meaning=meaning, triggers=triggers, setup=setup, reason=reason, needs=needs
    )


def _with(**options: str) -> Options:
    return {**QUICK, **options}


def _by(version: str) -> Setup:
    """Return an agent with communities; without the big table its replies are small."""
    options = {**_BY_COMMUNITY, "snmp_version": version}
    return Setup(community=COMMUNITY, rows=0, options=options)


FAULTS = (
    _fault("refused", "no program listens on the port", "NET-PORT-STATE",
           setup=Setup(listens=False, options=QUICK), reason=Reason.CONNECT_REFUSED),
    _fault("no-reply", "requests are not answered", "NET-PORT-STATE",
           setup=Setup(silent=True, options=QUICK), reason=Reason.NO_REPLY),
    _fault("community", "answers SNMP v2c", "SNMP-V1V2-ON", setup=_by("2c")),
    _fault("no-v3", "answers SNMP v1 and v2c alone", "SNMP-V1V2-ON", "SNMP-V3-ABSENT",
           "SNMP-NO-BULK", "SNMP-COUNTER32", setup=replace(_by("1"), v3=False)),
    _fault("amplifies", "sends large replies to small requests", "SNMP-V1V2-ON", "SNMP-AMPLIFY",
           setup=replace(_by("2c"), rows=100)),
    _fault("default-community", "answers the community public", "SNMP-DEFAULT-COMMUNITY",
           setup=Setup(community="public", options={"intrusive": True, "reply_seconds": 0.2})),
    _fault("exposed", "answers on a public address", "SNMP-EXPOSED",
           setup=Setup(address=ELSEWHERE, options=QUICK), needs=("root", "ip")),
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
    _fault("unauthenticated", "answers the user without its keys", "SNMP-V3-NOAUTH",
           "SNMP-V3-NOPRIV", setup=Setup(least="noAuthNoPriv", options=QUICK)),
    _fault("unencrypted", "answers the user without encryption", "SNMP-V3-NOPRIV",
           setup=Setup(least="authNoPriv", options=QUICK)),
    _fault("old-algorithms", "has a user with MD5 and DES", "SNMP-V3-MD5", "SNMP-V3-DES",
           setup=Setup(options=_with(user="old", auth="md5", priv="des"))),
    _fault("sha1", "has a user with SHA-1", "SNMP-V3-SHA1",
           setup=Setup(options=_with(user="sha1", auth="sha1"))),
    _fault("reeder", "extends an AES key as one of two drafts", "SNMP-V3-SHA1",
           "SNMP-V3-AES256-MIX",
           setup=Setup(options=_with(user="reeder", auth="sha1", priv="aes256"))),
    _fault("empty-view", "shows the user nothing", "SNMP-VIEW-EMPTY",
           setup=Setup(empty_view=True, options=QUICK)),
    _fault("wide-view", "shows the arguments of processes", "SNMP-VIEW-WIDE",
           setup=Setup(sensitive=True, options=QUICK)),
    _fault("vendor", "has objects of an enterprise", "SNMP-MIB-UNKNOWN",
           setup=Setup(vendor=True, options=QUICK)),
    _fault("loop", "goes back to the first interface after the last", "SNMP-OID-LOOP",
           setup=Setup(loops=True, options=QUICK)),
    _fault("no-bulk", "returns one row to GETBULK", "SNMP-NO-BULK",
           setup=Setup(has_bulk=False, options=QUICK)),
    _fault("too-big", "refuses more than 20 rows", "SNMP-BULK-TRUNC",
           setup=Setup(most_rows=20, options=QUICK)),
    _fault("truncated", "loses replies of more than 20 rows", "SNMP-BULK-TRUNC",
           setup=Setup(truncates=20, options=QUICK)),
    _fault("32-bit", "has fast interfaces without 64-bit counters", "SNMP-COUNTER32",
           setup=Setup(has_64_bit=False, options=QUICK)),
    _fault("date", "has a clock that is an hour ahead", "SNMP-CLOCK",
           setup=Setup(date_shift_seconds=3600, options=QUICK)),
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
    elsewhere = added(ELSEWHERE) if setup.address == ELSEWHERE else contextlib.nullcontext()
    loop = asyncio.get_running_loop()

    def respond(server: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        reply = agent.answer(data, now_ns())
        if reply is None:
            return
        if setup.delay_seconds:
            loop.call_later(setup.delay_seconds, server.send, reply, source)
        else:
            server.send(reply, source)

    with elsewhere:
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
