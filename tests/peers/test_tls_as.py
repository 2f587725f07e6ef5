"""``--as`` for TLS against OpenSSL and nginx, with the real clients beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit, tcp_server
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsclients import TlsChoice, TlsFit
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.tls.rules.hellos import hello_of, hellos
from seventh.render.wording import Wording
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from tests.options import options_with
from tests.peers import need_binary, need_version
from tests.peers.test_tls import nginx, s_server

pytestmark = [pytest.mark.peer, pytest.mark.field]
OLD = ("-tls1", "-cipher", "ALL:@SECLEVEL=0")
CAMELLIA = ("-tls1_2", "-cipher", "CAMELLIA128-SHA")
RSA = rsa.generate_private_key(65537, 2048)
ALL = tuple(row.id for row in hellos())


async def check_as(kit: Kit, port: int, *clients: str) -> Report:
    return await check_one(
        Target(scheme="tls", host="127.0.0.1", port=port),
        options_with(
            timeout_seconds=15.0, ca_file=str(kit.authority.ca_file), server_name="lab.test",
            as_clients=clients,
        ),
    )  # fmt: skip


def fits(report: Report) -> dict[str, TlsFit]:
    facts = report.facts["tls"]
    assert isinstance(facts, TlsFacts)
    return {fit.client: fit for fit in facts.as_clients}


async def shaken(port: int, folder: Path, *settings: str) -> tuple[str, str] | None:
    """The version and suite that s_client of OpenSSL 3 negotiates with these settings."""
    config = folder / "openssl.cnf"
    lines = "\n".join(settings)
    config.write_text(
        f"openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n{lines}\n"
    )
    process = await asyncio.create_subprocess_exec(
        need_binary("openssl"), "s_client", "-connect", f"127.0.0.1:{port}",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env={**os.environ, "OPENSSL_CONF": str(config)},
    )  # fmt: skip
    async with asyncio.timeout(10):
        out, _ = await process.communicate()
    found = re.search(r"New, .*, Cipher is (\S+)\n", out.decode())
    version = re.search(r"Protocol *: (\S+)", out.decode()) or re.search(
        r"New, (\S+),", out.decode()
    )
    assert found is not None and version is not None, out.decode()
    return None if found[1] == "(NONE)" else (version[1], found[1])


@pytest.mark.parametrize(
    ("server", "chosen", "expected"),
    [
        ((), ("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
         TlsChoice(version="TLSv1.3", suite="TLS_AES_256_GCM_SHA384", group="x25519")),
        (("-tls1_2",), ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"),
         TlsChoice(version="TLSv1.2", suite="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                   group="x25519")),
        (("-tls1_2", "-cipher", "AES128-SHA"), ("TLSv1.2", "AES128-SHA"),
         TlsChoice(version="TLSv1.2", suite="TLS_RSA_WITH_AES_128_CBC_SHA")),
        (OLD, None, None),
        (CAMELLIA, None, None),
    ],
)  # fmt: skip
async def test_the_choice_is_that_of_s_client(
    server: tuple[str, ...], chosen: tuple[str, str] | None, expected: TlsChoice | None,
    kit: Kit, tmp_path: Path,
) -> None:  # fmt: skip
    async with s_server(kit.authority.issue(key=RSA), *server) as port:
        report = await check_as(kit, port, "openssl=3.0")
        assert await shaken(port, tmp_path) == chosen
    assert fits(report)["OpenSSL 3.0"].choice == expected


@pytest.mark.parametrize(
    ("server", "lacking", "server_list", "sets"),
    [
        (OLD, "version", ("TLSv1.0",),
         {"MinProtocol": "TLSv1", "CipherString": "DEFAULT@SECLEVEL=0"}),
        (CAMELLIA, "suite", ("TLS_RSA_WITH_CAMELLIA_128_CBC_SHA",),
         {"CipherString": "ALL:!aNULL"}),
    ],
)  # fmt: skip
async def test_the_line_for_the_client_is_enough(
    server: tuple[str, ...], lacking: str, server_list: tuple[str, ...], sets: dict[str, str],
    kit: Kit, tmp_path: Path,
) -> None:  # fmt: skip
    async with s_server(kit.authority.issue(key=RSA), *server) as port:
        report = await check_as(kit, port, "openssl=3.0")
        settings = [f"{name} = {value}" for name, value in sets.items()]
        assert await shaken(port, tmp_path, *settings) is not None
    fit = fits(report)["OpenSSL 3.0"]
    assert (fit.lacking, fit.server_list, fit.client_sets) == (lacking, server_list, sets)
    (found,) = [each for each in report.findings if each.id == "TLS-CLIENTS-CUT"]
    words = Wording().words(found)
    assert f"Or, in the openssl.cnf of OpenSSL 3.0: {'; '.join(settings)}" in words.fix["any"]


async def test_tls_13_alone_cuts_what_is_older(kit: Kit) -> None:
    async with s_server(kit.authority.issue(), "-tls1_3") as port:
        report = await check_as(kit, port, *ALL)
    assert [fit.client for fit in fits(report).values() if not fit.choice] == ["OpenSSL 1.0.2"]
    old = fits(report)["OpenSSL 1.0.2"]
    assert (old.lacking, old.client_list) == ("version", ("TLSv1.2", "TLSv1.1", "TLSv1.0"))
    assert old.server_list == ("TLSv1.3",)
    assert "TLS-CLIENTS-CUT" in {each.id for each in report.findings}


async def test_groups_and_the_line_that_adds_one(kit: Kit, tmp_path: Path) -> None:
    strong = "ssl_protocols TLSv1.2;\nssl_ciphers ECDHE+AESGCM;\n"
    issued = kit.authority.issue()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with nginx(tmp_path / "one", issued, f"{strong}ssl_ecdh_curve X448;") as port:
        before = await check_as(kit, port, "openssl=1.0.2", "java")
    old = fits(before)["OpenSSL 1.0.2"]
    assert (old.lacking, old.server_list) == ("group", ("x448",))
    assert fits(before)["Java 17"].choice == TlsChoice(
        version="TLSv1.2", suite="TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", group="x448"
    )  # fmt: skip
    (found,) = [each for each in before.findings if each.id == "TLS-CLIENTS-CUT"]
    line = Wording().words(found).fix["nginx"]
    assert line == "ssl_ecdh_curve X25519:prime256v1;"
    async with nginx(tmp_path / "two", issued, strong + line) as port:
        after = await check_as(kit, port, "openssl=1.0.2", "java")
    assert "TLS-CLIENTS-CUT" in after.passed
    assert {fit.choice.group for fit in fits(after).values() if fit.choice} == {
        "secp256r1", "x25519",
    }  # fmt: skip


async def test_a_certificate_that_old_clients_cannot_verify(kit: Kit) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    async with s_server(kit.authority.issue(key=key)) as port:
        report = await check_as(kit, port, "openssl=1.0.2", "node")
    old = fits(report)["OpenSSL 1.0.2"]
    assert (old.lacking, old.server_list, old.detail) == ("signature", (), "handshake_failure")
    assert old.client_list[0] == "0x0601"
    choice = fits(report)["Node.js 20"].choice
    assert choice == TlsChoice(version="TLSv1.3", suite="TLS_AES_256_GCM_SHA384", group="x25519")


async def test_a_server_without_tls_says_nothing_of_clients(kit: Kit) -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        report = await check_as(kit, server.sockets[0].getsockname()[1], "java")
    assert report.failure is not None
    assert "tls" not in report.facts or fits(report) == {}


async def test_python_itself(kit: Kit) -> None:
    """Python's own list has no suite without forward secrecy."""
    script = (
        "import ssl, socket, sys\n"
        "made = ssl.create_default_context(cafile=sys.argv[2])\n"
        "made.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))),"
        " server_hostname='lab.test')\n"
    )
    async with s_server(kit.authority.issue(key=RSA), "-tls1_2", "-cipher", "AES128-SHA") as port:
        report = await check_as(kit, port, "python")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(port), str(kit.authority.ca_file),
            stderr=asyncio.subprocess.PIPE, env={**os.environ, "OPENSSL_CONF": os.devnull},
        )  # fmt: skip
        async with asyncio.timeout(10):
            _, err = await process.communicate()
    assert fits(report)["Python 3.11"].lacking == "suite"
    assert b"HANDSHAKE_FAILURE" in err.upper().replace(b" ", b"_")


PROGRAMS = {
    "openssl=3.0": ("openssl", ("s_client", "-connect", "127.0.0.1:PORT"), "3.0."),
    "java=17": ("java", ("FOLDER/Hello.java", "PORT"), "17."),
    "node=20": ("node", ("-e", "require('tls').connect(PORT, '127.0.0.1')"), "20."),
}
JAVA = """
public class Hello {
  public static void main(String[] args) throws Exception {
    var made = javax.net.ssl.SSLSocketFactory.getDefault();
    var socket = made.createSocket("127.0.0.1", Integer.parseInt(args[0]));
    ((javax.net.ssl.SSLSocket) socket).startHandshake();
  }
}
"""


@pytest.mark.parametrize("client", PROGRAMS)
async def test_the_table_has_what_the_program_sends(client: str, tmp_path: Path) -> None:
    name, words, version = PROGRAMS[client]
    if not need_version(name).startswith(version):
        pytest.skip(f"{name} is not {version}")
    (tmp_path / "Hello.java").write_text(JAVA)
    sent: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(5)
        body = await reader.readexactly(int.from_bytes(head[3:], "big"))
        if not sent.done():
            sent.set_result(body)
        writer.close()

    async with tcp_server(read) as port:
        process = await asyncio.create_subprocess_exec(
            need_binary(name),
            *(word.replace("PORT", str(port)).replace("FOLDER", str(tmp_path)) for word in words),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, env={**os.environ, "OPENSSL_CONF": os.devnull},
        )  # fmt: skip
        try:
            async with asyncio.timeout(30):
                body = await sent
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    hello, row = tlshello.parse_client_hello(body[4:]), hello_of(client)
    assert tuple(code for code in hello.suites if code != n.RENEGOTIATION_SCSV) == row.suites
    for kind, codes, width in (
        (n.SUPPORTED_GROUPS, row.groups, 2), (n.SIGNATURE_ALGORITHMS, row.signatures, 2),
        (n.SUPPORTED_VERSIONS, row.versions, 1),
    ):  # fmt: skip
        assert hello.extension(kind) == tlshello.u16_list(kind, codes, width)[1]
