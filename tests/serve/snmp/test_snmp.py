"""``/snmp`` of the lab's agent by an snmp.yml, who may ask what, and what cannot be used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from seventh.labkit.serve import Kit, Served
from seventh.model.failure import UsageError
from seventh.model.target import Target
from seventh.protocols.snmp.lab import serve_setup
from seventh.protocols.snmp.lab.setup import AUTH_PASSWORD, COMMUNITY, PRIV_PASSWORD, Setup
from seventh.protocols.snmp.wire.message import Binding, Kind
from seventh.serve.app import Access, application
from seventh.serve.listen import Place, open_socket, serving
from seventh.serve.sessions import Sessions, token_hash
from seventh.serve.snmp.door import SnmpDoor
from seventh.serve.snmp.modules import File, Metric, Module, chosen, read
from seventh.serve.snmp.page import Scrape

YAML = f"""
auths:
  public_v2: {{version: 2, community: {COMMUNITY}}}
  v3:
    version: 3
    username: monitor
    security_level: authPriv
    auth_protocol: SHA256
    password: {AUTH_PASSWORD}
    priv_protocol: AES
    priv_password: {PRIV_PASSWORD}
  cisco: {{version: 3, username: reeder, security_level: authPriv, auth_protocol: SHA,
           password: {AUTH_PASSWORD}, priv_protocol: AES256C, priv_password: {PRIV_PASSWORD}}}
  wrong: {{version: 3, username: absent}}
modules:
  if_mib:
    get: [1.3.6.1.2.1.1.3.0]
    walk: [1.3.6.1.2.1.2.2.1.2, 1.3.6.1.2.1.2.2.1.10]
    timeout: 300ms
    retries: 1
    metrics:
    - {{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: Uptime - 1.3.6.1.2.1.1.3}}
    - name: ifInOctets
      oid: 1.3.6.1.2.1.2.2.1.10
      type: counter
      help: Octets received
      indexes: [{{labelname: ifIndex, type: gauge}}]
      lookups:
      - {{labels: [ifIndex], labelname: ifDescr, oid: 1.3.6.1.2.1.2.2.1.2, type: DisplayString}}
  filtered: {{filters: {{static: []}}, walk: [1.3.6.1]}}
"""
FILE = read("snmp.yml", YAML.encode())


@pytest.fixture
async def agent(kit: Kit) -> AsyncIterator[Served]:
    setup = Setup(community=COMMUNITY)
    async with serve_setup(setup, kit) as served:
        yield served


async def ask(path: str, *watched: Target, any_target: bool = False, token: str = "") -> str:
    """The status and the body of a GET."""
    listening = open_socket(Place("127.0.0.1", 0))
    door = SnmpDoor(FILE, lambda: watched, any_target=any_target)
    access = Access(tokens=(token_hash("t"),))
    app = application(door.routes(), access, Sessions(access.tokens, time.monotonic))
    async with serving(app, listening, None):
        port = listening.getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        fields = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}Connection: close\r\n\r\n"
        writer.write(head.encode())
        data = (await reader.read()).decode()
        writer.close()
    start, _, body = data.partition("\r\n\r\n")
    return f"{start.split(' ')[1]} {body}"


@pytest.mark.parametrize("auth", ["public_v2", "v3", "cisco"])
async def test_a_page(agent: Served, auth: str) -> None:
    place = agent.target.removeprefix("snmp://")
    page = await ask(f"/snmp?target={place}&module=if_mib&auth={auth}", token="t")
    assert page.startswith("200 ")
    lines = page.splitlines()
    names = [line.rpartition(" ")[0] for line in lines if line and not line.startswith("#")]
    assert [name for name in names if name.startswith("ifInOctets")] == [
        f'ifInOctets{{ifIndex="{n}",ifDescr="{descr}"}}' for n, descr in enumerate(DESCRS, 1)
    ]
    assert "sysUpTime" in names
    assert "# TYPE ifInOctets counter" in page
    assert "# HELP sysUpTime Uptime - 1.3.6.1.2.1.1.3" in page


DESCRS = ("lo", "eth0", "eth1")


async def test_who_may_ask_what(agent: Served) -> None:
    place = agent.target.removeprefix("snmp://")
    path = f"/snmp?target={place}&auth=v3"
    host, _, port = place.rpartition(":")
    watched = Target(scheme="snmp", host=host, port=int(port))
    other = Target(scheme="tcp", host=host, port=int(port))
    refused = "403 this agent is not watched: a token is required, or --probe-any\n"
    assert await ask(path) == refused
    assert await ask(path, other) == refused
    assert (await ask(path, watched))[:4] == "200 "
    assert (await ask(path, any_target=True))[:4] == "200 "


async def test_the_cause_of_a_failure(agent: Served) -> None:
    place = agent.target.removeprefix("snmp://")
    assert await ask(f"/snmp?target={place}&auth=wrong", token="t") == (
        f"500 error collecting metric: auth-rejected: {place.replace(':', ' port ')}: the agent "
        "does not know the user\n"
    )
    policy = await ask("/snmp?target=169.254.169.254&auth=v3", token="t")
    assert policy.startswith("500 error collecting metric: address-policy:")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/snmp", "the parameter target is missing"),
        ("/snmp?target=a&modul=b", "parameter 'modul' is not supported"),
        ("/snmp?target=a&module=if_mbi", "unknown module 'if_mbi': did you mean if_mib?"),
        ("/snmp?target=a&auth=v2", "unknown auth 'v2': write cisco, public_v2, v3 or wrong"),
        ("/snmp?target=a&module=filtered", "module filtered: filters: not supported"),
        ("/snmp?target=a&module=a&module=b",
         "several modules at once are not supported: scrape each alone"),
        ("/snmp?target=tcp://a", "target 'tcp://a': write host or host:port"),
    ],
    ids=range(7),
)  # fmt: skip
async def test_what_cannot_be_used(path: str, says: str) -> None:
    assert await ask(path, token="t") == f"400 {says}\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a: b: c", "s.yml:1: not valid YAML: mapping values are not allowed in this context"),
        (b"walk: 1", "s.yml: Object contains unknown field `walk`"),
        (b"auths: {a: {comunity: b}}",
         "s.yml: Object contains unknown field `comunity` - at `$.auths[...]`"),
    ],
    ids=["yaml", "field", "auth"],
)  # fmt: skip
def test_a_file_that_cannot_be_read(data: bytes, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read("s.yml", data)
    assert str(caught.value) == says


def shown(kind: str, *bindings: Binding, **more: object) -> list[str]:
    metric = Metric(name="m", oid="1.3.6.1.4.1.1", type=kind, **more)  # type: ignore[arg-type]
    page = Scrape(Module(metrics=(metric,)), {b.oid: b for b in bindings}).page(0.1, 2, 1)
    lines = [line for line in page.splitlines() if line.startswith("m")]
    assert "snmp_scrape_packets_retried 1" in page
    return lines


AT = (1, 3, 6, 1, 4, 1, 1, 5)
INDEX = [{"labelname": "i"}]


def test_types() -> None:
    big = Binding(AT, Kind.COUNTER64, 2**53 + 5)
    assert shown("counter", big) == ["m 5"]
    assert shown("gauge", Binding(AT, Kind.INTEGER, -4), scale=0.5, offset=1.0) == ["m -1"]
    mac = Binding(AT, Kind.OCTETS, bytes.fromhex("00aa0b0c0d0e"))
    assert shown("PhysAddress48", mac) == ['m{m="00:AA:0B:0C:0D:0E"} 1']
    assert shown("OctetString", Binding(AT, Kind.OCTETS, b"\x01\xff")) == ['m{m="0x01FF"} 1']
    assert shown("DisplayString", Binding(AT, Kind.OCTETS, b'a"b')) == ['m{m="a\\"b"} 1']
    assert shown("IpAddr", Binding(AT, Kind.IP, bytes(4))) == ['m{m="0.0.0.0"} 1']
    up = Binding(AT, Kind.INTEGER, 1)
    states = {1: "up", 2: "down"}
    assert shown("EnumAsInfo", up, enum_values=states) == ['m_info{m="up"} 1']
    assert shown("EnumAsStateSet", up, enum_values=states) == ['m{m="up"} 1', 'm{m="down"} 0']


def test_a_credential_is_not_shown() -> None:
    _, credential = chosen(FILE, "if_mib", "v3")
    assert AUTH_PASSWORD not in repr(credential)
    assert isinstance(FILE, File)
