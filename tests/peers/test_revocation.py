"""Revocation with OpenSSL as the CA, the responder and the judge, and nginx as the server."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from seventh import protocols
from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit, free_port
from seventh.model.report import Report
from tests.peers import need_binary
from tests.peers.test_tls import GOOD_NGINX, check, facts, nginx, options

pytestmark = pytest.mark.peer
RULES = {rule.id: rule for rule in protocols.rules("tls")}
_CONFIG = """
[ca]
default_ca = here
[here]
database = index.txt
unique_subject = no
default_md = sha256
default_crl_days = 7
"""


async def openssl(folder: Path, *words: str) -> tuple[int, str]:
    """Run openssl in ``folder``."""
    done = await asyncio.create_subprocess_exec(
        need_binary("openssl"), *words, cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await done.communicate()
    return done.returncode or 0, said.decode(errors="replace")


class Ca:
    """The kit's intermediate, operated with ``openssl ca`` and ``openssl ocsp``."""

    def __init__(self, kit: Kit, folder: Path, issued: Issued) -> None:
        self.folder = folder
        (folder / "ca.cnf").write_text(_CONFIG)
        (folder / "index.txt").touch()
        (folder / "issuer.key").touch(mode=0o600)
        authority = kit.authority
        (folder / "issuer.pem").write_bytes(authority.intermediate.public_bytes(Encoding.PEM))
        (folder / "issuer.key").write_bytes(
            authority.intermediate_key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
        )
        (folder / "cert.pem").write_bytes(issued.certificate.public_bytes(Encoding.PEM))

    async def run(self, *words: str) -> None:
        """Run ``openssl ca``."""
        signer = ("-cert", "issuer.pem", "-keyfile", "issuer.key")
        code, said = await openssl(self.folder, "ca", "-config", "ca.cnf", *signer, *words)
        assert code == 0, said

    async def crl(self, *more: str) -> str:
        """Make a CRL; gives its file."""
        await self.run("-gencrl", "-out", "ca.crl", *more)
        return str(self.folder / "ca.crl")

    @contextlib.asynccontextmanager
    async def responder(self, *more: str) -> AsyncIterator[str]:
        """Run the responder; gives its URL."""
        port = free_port()
        server = await asyncio.create_subprocess_exec(
            need_binary("openssl"), "ocsp", "-index", "index.txt", "-CA", "issuer.pem",
            "-rsigner", "issuer.pem", "-rkey", "issuer.key", "-port", str(port), *more,
            cwd=self.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert server.stdout is not None
        try:
            async with asyncio.timeout(10):
                while b"waiting for OCSP client connections" not in (
                    line := await server.stdout.readline()
                ):
                    assert line
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            await server.communicate()

    async def fetch(self, *responder: str) -> str:
        """Fetch a response with the command of the rule's fix, and return nginx's lines."""
        fix = RULES["TLS-STAPLE-INVALID"].words.fix["any"]
        command = next(part for part in fix.split("`") if part.startswith("openssl ocsp"))
        async with self.responder(*responder) as url:
            words = shlex.split(command.replace("URL", url))[1:]
            code, said = await openssl(self.folder, *words, "-CAfile", "issuer.pem",
                                       "-partial_chain")  # fmt: skip
        assert code == 0, said
        return f"ssl_stapling on;\nssl_stapling_file {self.folder}/staple.der;\n"


@pytest.fixture
def issued(kit: Kit) -> Issued:
    return kit.authority.issue(must_staple=True)


@pytest.fixture
def ca(kit: Kit, tmp_path: Path, issued: Issued) -> Ca:
    folder = tmp_path / "ca"
    folder.mkdir()
    return Ca(kit, folder, issued)


def revocation(report: Report) -> dict[str, dict[str, Any]]:
    """The findings about revocation."""
    names = {"TLS-REVOKED", "TLS-STAPLE", "TLS-STAPLE-INVALID"}
    return {
        finding.id: {"severity": finding.severity.value, **dict(finding.params)}
        for finding in report.findings
        if finding.id in names
    }


def skipped(report: Report) -> str:
    return next((one.reason for one in report.skipped if one.id == "TLS-REVOKED"), "")


@pytest.mark.parametrize(
    ("steps", "dates", "status", "oracle"),
    [
        ((), (), "good", "cert.pem: OK"),
        (("-revoke", "cert.pem", "-crl_reason", "keyCompromise"), (), "revoked",
         "certificate revoked"),
        ((), ("-crl_lastupdate", "20260101000000Z", "-crl_nextupdate", "20260102000000Z"),
         "unknown", "CRL has expired"),
    ],
)  # fmt: skip
async def test_a_crl_of_openssl(
    kit: Kit, tmp_path: Path, issued: Issued, ca: Ca,
    steps: tuple[str, ...], dates: tuple[str, ...], status: str, oracle: str,
) -> None:  # fmt: skip
    if steps:
        await ca.run(*steps)
    file = await ca.crl(*dates)
    _, said = await openssl(
        ca.folder, "verify", "-crl_check", "-CAfile", str(kit.authority.ca_file),
        "-untrusted", "issuer.pem", "-CRLfile", file, "cert.pem",
    )  # fmt: skip
    assert oracle in said
    async with nginx(tmp_path, issued, GOOD_NGINX) as port:
        report = await check(port, options(kit, crl_files=(file,)))
    leaf, above = facts(report).revocation
    assert (leaf.subject, leaf.status) == ("CN=localhost", status)
    assert (above.status, above.problem) == ("unknown", "no-crl")
    assert ("TLS-REVOKED" in revocation(report)) is (status == "revoked")
    if status == "unknown":
        assert skipped(report) == (
            "status of CN=localhost unknown: the CRL is past its nextUpdate; fetch the current one"
        )


@pytest.mark.parametrize(
    ("steps", "status"),
    [(("-valid", "cert.pem"), "good"), (("-revoke", "cert.pem"), "revoked")],
)
async def test_a_staple_of_openssl(
    kit: Kit, tmp_path: Path, issued: Issued, ca: Ca, steps: tuple[str, ...], status: str
) -> None:
    await ca.run(*steps)
    lines = await ca.fetch("-ndays", "3")
    async with nginx(tmp_path, issued, GOOD_NGINX + lines) as port:
        report = await check(port, options(kit))
    response = facts(report).ocsp
    assert response is not None
    assert (response.status, response.problem) == (status, None)
    assert set(revocation(report)) == ({"TLS-REVOKED"} if status == "revoked" else set())
    assert skipped(report) == ""


async def test_a_staple_without_a_next_update_and_one_about_an_unknown_certificate(
    kit: Kit, tmp_path: Path, issued: Issued, ca: Ca
) -> None:
    lines = await ca.fetch()  # the index does not have it
    async with nginx(tmp_path, issued, GOOD_NGINX + lines) as port:
        report = await check(port, options(kit))
    assert revocation(report) == {
        "TLS-STAPLE-INVALID": {
            "severity": "high", "problem": ("status-unknown",), "subject": "CN=localhost"
        }
    }  # fmt: skip
    assert skipped(report).startswith("no valid OCSP staple was received")


async def test_the_fix_for_a_staple_about_another_certificate(
    kit: Kit, tmp_path: Path, issued: Issued, ca: Ca
) -> None:
    """nginx serves whatever is in the file; a response fetched with the fix's command is good."""
    other = kit.authority.issue()
    own = (ca.folder / "cert.pem").read_bytes()
    await ca.run("-valid", "cert.pem")
    (ca.folder / "cert.pem").write_bytes(other.certificate.public_bytes(Encoding.PEM))
    await ca.run("-valid", "cert.pem")
    seen: list[dict[str, dict[str, Any]]] = []
    for certificate in ((ca.folder / "cert.pem").read_bytes(), own):
        (ca.folder / "cert.pem").write_bytes(certificate)
        folder = tmp_path / str(len(seen))
        folder.mkdir()
        async with nginx(folder, issued, GOOD_NGINX + await ca.fetch("-ndays", "3")) as port:
            seen.append(revocation(await check(port, options(kit))))
    assert seen == [
        {
            "TLS-STAPLE-INVALID": {
                "severity": "high", "problem": ("other-certificate",), "subject": "CN=localhost"
            }
        },
        {},
    ]  # fmt: skip
