"""TLS against OpenSSL's own server and nginx, with OpenSSL's own tools as oracles."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.ca import Issued
from seventh.labkit.serve import Fault, Kit, free_port
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.tls import lab
from seventh.protocols.tls.rules.clients import clients
from seventh.wire import tlsnames as n
from tests.options import options_with
from tests.peers import need_binary, need_version
from tests.reports import found

pytestmark = pytest.mark.peer

STRONG = "ECDHE+AESGCM:ECDHE+CHACHA20"
# The system's configuration must not decide what these servers offer.
ENVIRONMENT = {"PATH": os.environ["PATH"], "OPENSSL_CONF": "/dev/null"}
_DAY = dt.timedelta(days=1)


def _chain(issued: Issued) -> tuple[str, ...]:
    """The options that make s_server send what follows the leaf in the file."""
    _, end, rest = issued.cert_file.read_bytes().partition(b"-----END CERTIFICATE-----\n")
    assert end
    if not rest:
        return ()
    file = issued.cert_file.with_suffix(".chain")
    file.write_bytes(rest)
    return ("-cert_chain", str(file))


@contextlib.asynccontextmanager
async def s_server(issued: Issued, *more: str) -> AsyncIterator[int]:
    """Run ``openssl s_server`` with a certificate and its chain."""
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        need_binary("openssl"), "s_server", "-accept", f"127.0.0.1:{port}",
        "-cert", str(issued.cert_file), "-key", str(issued.key_file),
        *_chain(issued), *more,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env=ENVIRONMENT,
    )  # fmt: skip
    assert server.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(10):
            while b"ACCEPT" not in said:
                line = await server.stdout.readline()
                assert line, f"s_server: {said.decode(errors='replace')}"
                said += line
        drain = asyncio.create_task(server.stdout.read())
        yield port
        drain.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.kill()
        await server.wait()
        server._transport.close()  # type: ignore[attr-defined]  # its pipes, now, not at collection


@contextlib.asynccontextmanager
async def nginx(
    folder: Path, issued: Issued, settings: str, *, plain: bool = False
) -> AsyncIterator[int]:
    """Run nginx with TLS ``settings``; it has bound its port when its first process returns.

    ``PORT`` in the settings is its port, for further servers.
    """
    port = free_port()
    settings = settings.replace("PORT", str(port))
    (folder / "nginx.conf").write_text(
        f"""
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port}{"" if plain else " ssl"};
    ssl_certificate {issued.cert_file};
    ssl_certificate_key {issued.key_file};
    {settings}
    location / {{ return 200 "hello"; }}
  }}
}}
"""
    )
    starting = await asyncio.create_subprocess_exec(
        need_binary("nginx"), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"),
        env=ENVIRONMENT, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await starting.communicate()
    assert starting.returncode == 0, said.decode()
    pid = int((folder / "nginx.pid").read_text())
    try:
        yield port
    finally:
        os.kill(pid, signal.SIGQUIT)


def options(kit: Kit, **more: Any) -> Options:
    ca = str(kit.authority.ca_file)
    return options_with(
        **{"timeout_seconds": 10.0, "ca_file": ca, "server_name": "lab.test", **more}
    )


async def check(port: int, how: Options) -> Report:
    return await check_one(Target(scheme="tls", host="127.0.0.1", port=port), how)


def facts(report: Report) -> TlsFacts:
    found = report.facts["tls"]
    assert isinstance(found, TlsFacts)
    return found


def lacks_ml_kem() -> set[str]:
    """What the system's OpenSSL, being what it is, cannot do."""
    version = [int(part) for part in need_version("openssl").split(".")]
    return set() if version >= [3, 5] else {"TLS-NO-PQ"}


# -- openssl s_server --------------------------------------------------------------------------


async def test_a_good_server(kit: Kit) -> None:
    async with s_server(kit.authority.issue(), "-cipher", STRONG) as port:
        report = await check(port, options(kit))
    assert report.failure is None
    assert found(report) == lacks_ml_kem()
    said = facts(report)
    assert said.unknown == {}
    assert said.versions == ("TLSv1.2", "TLSv1.3")
    assert said.resumed
    assert said.extended_master_secret
    assert said.secure_renegotiation
    assert said.chain_state == "trusted"


async def test_the_defaults_of_openssl_have_cbc(kit: Kit) -> None:
    async with s_server(kit.authority.issue()) as port:
        report = await check(port, options(kit))
    assert found(report) == {"TLS-WEAK-CIPHER"} | lacks_ml_kem()
    assert all("_CBC_" in name for name in facts(report).obsolete_suites or ("",))
    assert report.status == "warning"


async def test_old_versions_are_named(kit: Kit) -> None:
    async with s_server(
        kit.authority.issue(), "-cipher", "DEFAULT:@SECLEVEL=0", "-min_protocol", "TLSv1"
    ) as port:
        report = await check(port, options(kit))
    assert facts(report).versions == ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
    assert facts(report).versions_refused == ("SSLv3",)
    assert "TLS-LEGACY" in found(report)


@pytest.mark.parametrize(
    ("option", "version"), [("-tls1", "TLSv1.0"), ("-tls1_1", "TLSv1.1"), ("-tls1_2", "TLSv1.2")]
)
async def test_one_version_only(kit: Kit, option: str, version: str) -> None:
    async with s_server(kit.authority.issue(), "-cipher", "DEFAULT:@SECLEVEL=0", option) as port:
        report = await check(port, options(kit))
        pulse = await pulse_one(Target(scheme="tls", host="127.0.0.1", port=port), options(kit))
    assert report.failure is None
    assert facts(report).versions == (version,)
    assert "TLS-NO13" in found(report)
    assert ("TLS-LEGACY" in found(report)) is (version != "TLSv1.2")
    if version == "TLSv1.2":
        assert pulse.failure is None
    else:
        assert pulse.failure is not None
        assert pulse.failure.reason is Reason.TLS_VERSION


async def test_tls13_alone(kit: Kit) -> None:
    async with s_server(kit.authority.issue(), "-tls1_3") as port:
        report = await check(port, options(kit))
    assert found(report) == lacks_ml_kem()
    assert facts(report).versions == ("TLSv1.3",)
    assert "TLSv1.2" in facts(report).versions_refused


async def test_anonymous_and_null_suites(kit: Kit) -> None:
    async with s_server(
        kit.authority.issue(), "-cipher", "ALL:eNULL:@SECLEVEL=0", "-no_tls1_3", "-serverpref"
    ) as port:
        report = await check(port, options(kit))
    finding = next(f for f in report.findings if f.id == "TLS-WEAK-CIPHER")
    assert finding.severity == "high"
    assert facts(report).broken_suites


async def test_a_small_prime(kit: Kit, tmp_path: Path) -> None:
    # The 1024-bit group of RFC 2409 §6.2 with generator 2, as PKCS #3 parameters.
    prime = bytes.fromhex(
        "00FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08"
        "798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED"
        "6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
    )
    der = b"\x02\x81" + bytes([len(prime)]) + prime + b"\x02\x01\x02"
    body = base64.encodebytes(b"\x30\x81" + bytes([len(der)]) + der).decode()
    file = tmp_path / "dh.pem"
    file.write_text(f"-----BEGIN DH PARAMETERS-----\n{body}-----END DH PARAMETERS-----\n")
    issued = kit.authority.issue(key=rsa.generate_private_key(65537, 2048))
    async with s_server(
        issued, "-dhparam", str(file), "-cipher", "ECDHE+AESGCM:DHE+AESGCM:@SECLEVEL=0"
    ) as port:
        report = await check(port, options(kit))
    assert facts(report).dh_bits == 1024
    assert found(report) == {"TLS-DH-SMALL"} | lacks_ml_kem()


async def test_early_data(kit: Kit) -> None:
    async with s_server(
        kit.authority.issue(), "-early_data", "-max_early_data", "4096", "-cipher", STRONG
    ) as port:
        report = await check(port, options(kit))
        cautious = await check(port, options(kit, max_tier=0))
    assert facts(report).max_early_data_bytes == 4096
    assert facts(report).early_data_accepted
    assert "TLS-0RTT-ON" in found(report)
    assert facts(cautious).early_data_accepted is None


async def test_early_data_promised_and_not_taken(kit: Kit) -> None:
    async with s_server(
        kit.authority.issue(), "-max_early_data", "4096", "-cipher", STRONG
    ) as port:
        report = await check(port, options(kit))
    assert facts(report).max_early_data_bytes == 4096
    assert facts(report).early_data_accepted is False
    assert "TLS-0RTT-ON" not in found(report)


@pytest.mark.parametrize(
    "switches", [("-num_tickets", "0"), ("-no_cache", "-no_ticket"),
                 ("-no_cache", "-no_ticket", "-no_tls1_3")],
)  # fmt: skip
async def test_no_resumption(kit: Kit, switches: tuple[str, ...]) -> None:
    async with s_server(kit.authority.issue(), "-cipher", STRONG, *switches) as port:
        report = await check(port, options(kit))
    assert facts(report).resumed is False
    assert "TLS-NO-RESUME" in found(report)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(("switch", "verdict"), [("-verify", "optional"), ("-Verify", "required")])
async def test_client_certificates(kit: Kit, version: str, switch: str, verdict: str) -> None:
    ca = str(kit.authority.ca_file)
    async with s_server(
        kit.authority.issue(), switch, "3", "-CAfile", ca, "-cipher", STRONG, version
    ) as port:
        report = await check(port, options(kit))
        client = kit.authority.issue("client.test", client=True)
        files = {"cert_file": str(client.cert_file), "key_file": str(client.key_file)}
        with_one = await check(port, options(kit, **files))
    assert facts(report).client_certificate == verdict
    assert ("TLS-MTLS-OPTIONAL" in found(report)) is (verdict == "optional")
    reason = report.failure.reason if report.failure else None
    assert reason == (Reason.TLS_CLIENT_CERTIFICATE_REQUIRED if verdict == "required" else None)
    assert with_one.failure is None
    assert facts(with_one).client_certificate == "given"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_a_staple(kit: Kit, tmp_path: Path, version: str) -> None:
    authority = kit.authority
    issued = authority.issue(must_staple=True)
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=issued.certificate, issuer=authority.intermediate, algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus.GOOD, this_update=now, next_update=now + _DAY,
            revocation_time=None, revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, authority.intermediate)
        .sign(authority.intermediate_key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path / "staple.der"
    file.write_bytes(response.public_bytes(serialization.Encoding.DER))
    for switches, there in ((("-status_file", str(file)), True), ((), False)):
        async with s_server(issued, "-cipher", STRONG, version, *switches) as port:
            report = await check(port, options(kit))
        assert facts(report).staple is there
        assert ("TLS-STAPLE" in found(report)) is not there


# -- chain verdicts, with OpenSSL as the judge -------------------------------------------------


def openssl_says(port: int, ca: str, name: str = "lab.test") -> tuple[bool, str]:
    """Whether ``openssl s_client`` would go on, and what it said."""
    run = subprocess.run(
        [need_binary("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", ca,
         "-no-CApath", "-no-CAstore", "-servername", name, "-verify_return_error",
         "-verify_hostname", name, "-verify", "5"],
        input=b"Q\n", capture_output=True, check=False, env={"PATH": os.environ["PATH"]},
        timeout=20,
    )  # fmt: skip
    said = (run.stdout + run.stderr).decode(errors="replace")
    return "Verify return code: 0 (ok)" in said, said


_CHAIN_FAULTS = [
    fault
    for fault in lab.FAULTS
    if fault.name in {"expired", "not-yet", "expiring", "wrong-host", "missing-intermediate",
                      "wrong-order", "self-signed", "weak-key", "sha1", "x509-v1", "must-staple"}
]  # fmt: skip


@pytest.mark.parametrize("fault", [None, *_CHAIN_FAULTS], ids=lambda f: f.name if f else "clean")
async def test_our_verdict_is_that_of_openssl(fault: Fault | None, kit: Kit) -> None:
    async with lab.serve(fault, kit) as served:
        port = int(served.target.rpartition(":")[2])
        good, said = await asyncio.to_thread(openssl_says, port, str(kit.authority.ca_file))
        report = await pulse_one(Target(scheme="tls", host="127.0.0.1", port=port), options(kit))
    assert (report.failure is None) is good, said
    expected = {
        "expired": "certificate has expired",
        "not-yet": "certificate is not yet valid",
        "wrong-host": "mismatch",
        "missing-intermediate": "unable to get local issuer",
        "self-signed": "self-signed certificate",
        "weak-key": "key too weak",
        "sha1": "too weak",
    }.get(fault.name if fault else "")
    if expected is not None:
        assert expected in said.replace("self signed", "self-signed")


async def test_what_openssl_verify_says_of_each_file(kit: Kit, tmp_path: Path) -> None:
    """The same leaf with and without its intermediate."""
    authority = kit.authority
    issued = authority.issue()
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(issued.certificate.public_bytes(serialization.Encoding.PEM))
    between = tmp_path / "between.pem"
    between.write_bytes(authority.intermediate.public_bytes(serialization.Encoding.PEM))
    for untrusted, trusted in (((), False), (("-untrusted", str(between)), True)):
        oracle = await asyncio.create_subprocess_exec(
            need_binary("openssl"), "verify", "-CAfile", str(authority.ca_file),
            "-no-CApath", "-no-CAstore", *untrusted, str(leaf),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert (await oracle.wait() == 0) is trusted
        sent = issued if trusted else authority.issue(chain=False)
        async with s_server(sent) as port:
            report = await check(port, options(kit))
        assert (facts(report).chain_state == "trusted") is trusted


async def test_the_chain_is_kept_as_it_was_sent(kit: Kit) -> None:
    issued = kit.authority.issue()
    async with s_server(issued) as port:
        report = await check(port, options(kit))
    sent = x509.load_pem_x509_certificates(issued.cert_file.read_bytes())
    fingerprints = [c.fingerprint(hashes.SHA256()).hex() for c in sent]
    assert [c.sha256 for c in facts(report).chain] == fingerprints


# -- nginx -------------------------------------------------------------------------------------

GOOD_NGINX = f"""
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {STRONG};
    ssl_session_cache shared:TLS:1m;
"""


async def test_nginx_in_order(kit: Kit, tmp_path: Path) -> None:
    async with nginx(tmp_path, kit.authority.issue(), GOOD_NGINX) as port:
        report = await check(port, options(kit))
    assert report.failure is None
    assert found(report) == lacks_ml_kem()
    assert facts(report).alpn == "http/1.1"
    assert facts(report).resumed


async def test_nginx_with_old_versions_and_early_data(kit: Kit, tmp_path: Path) -> None:
    settings = """
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    ssl_ciphers ALL:!kRSA:@SECLEVEL=0;
    ssl_early_data on;
    """
    issued = kit.authority.issue(key=rsa.generate_private_key(65537, 2048))
    async with nginx(tmp_path, issued, settings) as port:
        report = await check(port, options(kit))
    assert {"TLS-LEGACY", "TLS-WEAK-CIPHER", "TLS-0RTT-ON"} <= found(report)
    assert facts(report).versions[:2] == ("TLSv1.0", "TLSv1.1")
    assert facts(report).early_data_accepted


async def test_nginx_without_tickets(kit: Kit, tmp_path: Path) -> None:
    settings = GOOD_NGINX.replace("shared:TLS:1m", "off") + "ssl_session_tickets off;"
    async with nginx(tmp_path, kit.authority.issue(), settings) as port:
        report = await check(port, options(kit))
    assert found(report) == {"TLS-NO-RESUME"} | lacks_ml_kem()


@pytest.mark.parametrize(
    ("setting", "verdict"), [("on", "refused-later"), ("optional", "optional")]
)
async def test_nginx_refuses_without_a_certificate_only_later(
    kit: Kit, tmp_path: Path, setting: str, verdict: str
) -> None:
    settings = f"""{GOOD_NGINX}
    ssl_verify_client {setting};
    ssl_client_certificate {kit.authority.ca_file};
    """
    async with nginx(tmp_path, kit.authority.issue(), settings) as port:
        report = await check(port, options(kit))
    assert facts(report).client_certificate == verdict
    assert ("TLS-MTLS-OPTIONAL" in found(report)) is (verdict == "optional")


async def test_nginx_expired(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(not_before=-91 * _DAY)
    async with nginx(tmp_path, issued, GOOD_NGINX) as port:
        report = await check(port, options(kit))
    assert report.failure is not None
    assert report.failure.reason is Reason.TLS_CERTIFICATE_EXPIRED
    assert "TLS-CERT-EXPIRED" in found(report)
    assert facts(report).resumed, "facts survive failure"


async def test_plain_http_on_the_port(kit: Kit, tmp_path: Path) -> None:
    async with nginx(tmp_path, kit.authority.issue(), "", plain=True) as port:
        report = await check(port, options(kit))
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_MISMATCH
    assert "HTTP" in report.failure.detail


def openssl_suites(ciphers: str) -> set[str]:
    """What OpenSSL makes of a list in TLS 1.2, of those suites that Seventh knows."""
    listed = subprocess.run(
        [need_binary("openssl"), "ciphers", "-s", "-stdname", "-tls1_2", ciphers],
        capture_output=True, text=True, check=True, env=ENVIRONMENT,
    ).stdout.splitlines()  # fmt: skip
    return {line.split()[0] for line in listed} & set(n.SUITES.values())


def test_the_table_of_clients_has_openssl_s_default() -> None:
    if not need_version("openssl").startswith("3.0."):
        pytest.skip("OpenSSL is not 3.0")
    (row,) = (client for client in clients() if client.name == "OpenSSL 3.0")
    for level in (1, 2):
        defaults = openssl_suites(f"DEFAULT:@SECLEVEL={level}")
        assert defaults == {f"TLS_{suite}" for suite in row.suites}


async def test_every_weak_suite_of_nginx_is_named(kit: Kit, tmp_path: Path) -> None:
    """OpenSSL's own list is the oracle; nginx has no DHE without a file of parameters."""
    issued = kit.authority.issue(key=rsa.generate_private_key(65537, 2048))
    ciphers = "ALL:!aNULL:!DHE:!PSK:!SRP:@SECLEVEL=0"
    settings = f"ssl_protocols TLSv1.2; ssl_ciphers {ciphers};"
    async with nginx(tmp_path, issued, settings) as port:
        report = await check(port, options(kit))
    known = {name for name in openssl_suites(ciphers) if "_ECDSA_" not in name}
    seen = facts(report)
    assert (seen.all_suites, seen.unasked_suites) == (True, 0)
    assert set(seen.suites or ()) == known
    weak = {name for name in known if n.grade(name) != "good"}
    assert {*(seen.broken_suites or ()), *(seen.obsolete_suites or ())} == weak
    (finding,) = (f for f in report.findings if f.id == "TLS-WEAK-CIPHER")
    assert finding.params["what"] == "accepted"
    assert set(finding.params["suites"]) == weak  # type: ignore[arg-type]
