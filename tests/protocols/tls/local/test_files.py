"""What is learnt of a certificate's file and its key's."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from msgspec.structs import replace

from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.model.tlsfacts import CertificateFile
from seventh.model.tlslocal import KeyFile, Renewal, Service
from seventh.protocols.tls.local import files, served

NGINX = Process(name="nginx", pid=7)
OPTIONS = files.CertificateOptions()
CONF = "/etc/nginx/nginx.conf"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for folder in ("srv", "etc/letsencrypt/archive", "etc/letsencrypt/live/a.test"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder).chmod(0o755)
    return Machine(root=tmp_path)


def write(machine: Machine, path: str, content: bytes) -> None:
    Path(machine.at(path)).write_bytes(content)


def link(machine: Machine, path: str, target: str) -> None:
    Path(machine.at(path)).symlink_to(target)


def close(machine: Machine, folder: str, mode: int) -> None:
    Path(machine.at(folder)).chmod(mode)


def put(machine: Machine, path: str, *sources: Path, mode: int = 0o600) -> None:
    target = Path(machine.at(path))
    target.write_bytes(b"".join(source.read_bytes() for source in sources))
    target.chmod(mode)


async def read(machine: Machine, text: str, *processes: Process) -> files.Files:
    seen = Seen(files={CONF: {CONF: text}}, processes=processes)
    return await files.read(machine, seen, OPTIONS)


def missing(path: str) -> Unread:
    return Unread(name=path, cause=Cause.NOT_FOUND)


async def only(machine: Machine, text: str) -> CertificateFile:
    (file,) = (await read(machine, text)).files
    return file


def owner() -> str:
    return files._user(os.geteuid())


async def test_a_certificate_and_its_key(machine: Machine, kit: Kit) -> None:
    issued = kit.authority.issue("*.a.test", "b.test")
    put(machine, "/srv/c", issued.cert_file)
    put(machine, "/srv/k", issued.key_file)
    file = await only(machine, "ssl_certificate /srv/c; ssl_certificate_key /srv/k;")
    assert (file.path, file.services, file.client, file.unread) == (
        "/srv/c", (Service.NGINX,), None, None,
    )  # fmt: skip
    assert file.server_name == "www.a.test"
    assert [each.subject for each in file.chain] == [
        "CN=*.a.test", "CN=Seventh throw-away intermediate",
    ]  # fmt: skip
    assert file.chain_state == "unknown-root"
    sent = (issued.certificate, kit.authority.intermediate)
    assert file.expires == min(each.not_valid_after_utc.timestamp() for each in sent)
    assert file.key == KeyFile(
        path="/srv/k", mode="0600", owner=owner(), exposed=False, matches=True
    )


async def test_the_name_of_the_configuration_comes_first(machine: Machine, kit: Kit) -> None:
    put(machine, "/srv/c", kit.authority.issue("a.test").cert_file)
    file = await only(machine, "server { server_name b.test; ssl_certificate /srv/c; }")
    assert (file.server_name, file.key) == ("b.test", None)


async def test_a_key_in_the_certificates_file(machine: Machine, kit: Kit) -> None:
    issued = kit.authority.issue()
    put(machine, "/srv/c", issued.cert_file, issued.key_file, mode=0o604)
    for text in ("ssl_certificate /srv/c;", "ssl_certificate /srv/c; ssl_certificate_key /srv/c;"):
        file = await only(machine, text)
        assert file.key == KeyFile(
            path="/srv/c", mode="0604", owner=owner(), exposed=True, matches=True
        )


@pytest.mark.parametrize(
    ("mode", "folder", "exposed"),
    [
        (0o640, 0o755, False),
        (0o644, 0o755, True),
        (0o642, 0o755, True),
        (0o641, 0o755, False),
        (0o644, 0o711, True),
        (0o644, 0o750, False),
    ],
)
async def test_who_reaches_a_key(
    mode: int, folder: int, exposed: bool, machine: Machine, kit: Kit
) -> None:
    issued = kit.authority.issue()
    put(machine, "/srv/c", issued.cert_file)
    put(machine, "/etc/letsencrypt/archive/k1", issued.key_file, mode=mode)
    close(machine, "/etc/letsencrypt/archive", folder)
    link(machine, "/srv/k", "../etc/letsencrypt/archive/k1")
    file = await only(machine, "ssl_certificate /srv/c; ssl_certificate_key /srv/k;")
    assert file.key is not None
    assert (file.key.mode, file.key.exposed) == (f"{mode:04o}", exposed)


def encrypted(issued: Issued) -> bytes:
    secret = BestAvailableEncryption(b"x")
    return issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)


async def test_keys_that_do_not_match_or_are_not_readable(machine: Machine, kit: Kit) -> None:
    issued, other = kit.authority.issue(), kit.authority.issue()
    put(machine, "/srv/c", issued.cert_file)
    text = "ssl_certificate /srv/c; ssl_certificate_key /srv/k;"
    file = await only(machine, text)
    assert file.key == KeyFile(path="/srv/k", unread=missing("/srv/k"))
    for content, matches in (
        (other.key_file.read_bytes(), False),
        (other.key_file.read_bytes() + issued.key_file.read_bytes(), True),
        (encrypted(issued), None),
        (b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n", None),
        (b"", None),
    ):
        write(machine, "/srv/k", content)
        file = await only(machine, text)
        assert file.key is not None
        assert file.key.matches is matches, content


async def test_what_an_acme_client_keeps(machine: Machine, kit: Kit) -> None:
    put(machine, "/etc/letsencrypt/archive/c1", kit.authority.issue().cert_file)
    live = "/etc/letsencrypt/live/a.test/fullchain.pem"
    link(machine, live, "../../archive/c1")
    link(machine, "/srv/c", f"..{live}")
    pattern = "/etc/letsencrypt/live/*/fullchain.pem"
    seen = {CONF: {CONF: "ssl_certificate /srv/c;"}, pattern: {live: ""}}
    (file,) = (await files.read(machine, Seen(files=seen), OPTIONS)).files
    assert (file.path, file.services, file.client) == (
        "/srv/c", (Service.NGINX,), Renewal.CERTBOT,
    )  # fmt: skip


async def test_a_missing_file_counts_where_its_service_runs(machine: Machine) -> None:
    assert (await read(machine, "ssl_certificate /srv/c;")).files == ()
    found = await read(machine, "ssl_certificate /srv/c;", NGINX)
    unread = Unread(name="/srv/c", cause=Cause.NOT_FOUND)
    assert found.files == (
        CertificateFile(path="/srv/c", services=(Service.NGINX,), unread=unread),
    )
    assert found.unread == (unread,)


@pytest.mark.parametrize(
    "content",
    ["", "-----BEGIN CERTIFICATE-----\n!\n-----END"],
)
async def test_a_file_without_a_certificate(content: str, machine: Machine) -> None:
    write(machine, "/srv/c", content.encode())
    file = await only(machine, "ssl_certificate /srv/c;")
    unread = Unread(name="/srv/c", cause=Cause.UNEXPECTED, detail="no certificate in PEM")
    assert file.unread == unread
    postconf = Seen(outputs={"postconf": "smtpd_tls_chain_files = /srv/c\n"})
    assert (await files.read(machine, postconf, OPTIONS)).files == ()


async def test_a_list_of_keys_and_chains(machine: Machine, kit: Kit) -> None:
    first, second = kit.authority.issue("a.test"), kit.authority.issue("b.test")
    put(machine, "/srv/k1", first.key_file)
    put(machine, "/srv/c1", first.cert_file)
    put(machine, "/srv/both", second.key_file, second.cert_file)
    said = "smtpd_tls_chain_files = /srv/k1 /srv/c1 /srv/both\n"
    found = await files.read(machine, Seen(outputs={"postconf": said}), OPTIONS)
    assert [(file.path, file.key.path, file.key.matches) for file in found.files if file.key] == [
        ("/srv/c1", "/srv/k1", True),
        ("/srv/both", "/srv/both", True),
    ]


async def test_no_more_files_than_the_limit(
    machine: Machine, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 2)
    issued = kit.authority.issue()
    for name in "abc":
        put(machine, f"/srv/{name}", issued.cert_file)
    text = "".join(f"server {{ ssl_certificate /srv/{name}; }}" for name in "abc")
    found = await read(machine, text)
    assert [(file.path, file.unread) for file in found.files] == [
        ("/srv/a", None),
        ("/srv/b", None),
        ("/srv/c", Unread(name="/srv/c", cause=Cause.TOO_LARGE, detail="more than 2 files")),
    ]


async def test_files_that_take_too_long(
    machine: Machine, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SECONDS", -1.0)
    put(machine, "/srv/c", kit.authority.issue().cert_file)
    detail = "other files took all the time"
    assert (await only(machine, "ssl_certificate /srv/c;")).unread == Unread(
        name="/srv/c", cause=Cause.TIMED_OUT, detail=detail
    )


async def test_a_private_ca(machine: Machine, kit: Kit) -> None:
    put(machine, "/srv/c", kit.authority.issue().cert_file)
    seen = Seen(files={CONF: {CONF: "ssl_certificate /srv/c;"}})
    options = files.CertificateOptions(ca_file=str(kit.authority.ca_file))
    (file,) = (await files.read(machine, seen, options)).files
    assert (file.chain_state, file.trust) == ("trusted", "given")


# -- and what is served instead --------------------------------------------------------------------

DAYS = dt.timedelta(days=1)


async def test_what_counts_as_the_certificate_from_before(
    machine: Machine, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = kit.authority.issue
    own, dual = issue("a.test"), issue("a.test", lifetime=60 * DAYS)
    put(machine, "/srv/own", own.cert_file)
    put(machine, "/srv/dual", dual.cert_file)
    text = "ssl_certificate /srv/own; ssl_certificate /srv/dual;"
    read_files = await read(machine, text, NGINX)
    older, newer = issue("a.test", lifetime=80 * DAYS), issue("a.test", lifetime=99 * DAYS)
    other = issue("a.test", "b.test", lifetime=80 * DAYS)
    answers = [own, dual, older, newer, other, None]
    monkeypatch.setattr(served, "_sockets", lambda *_: (
        {Service.NGINX: tuple(("127.0.0.1", port) for port in range(len(answers)))}, [],
    ))  # fmt: skip

    async def leaf_at(ip: str, port: int, name: str, service: Service) -> bytes | None:
        assert (ip, name, service) == ("127.0.0.1", "a.test", Service.NGINX)
        answer = answers[port]
        return answer and answer.certificate.public_bytes(Encoding.DER)

    monkeypatch.setattr("seventh.protocols.tls.local.handshakes.leaf_at", leaf_at)
    seen = Seen(processes=(NGINX,), calls={files.NAME: read_files})
    found = (await served.ask(machine, seen, None)).files[0]
    assert [(one.address, one.stale) for one in found.served] == [
        ("127.0.0.1:0", False), ("127.0.0.1:1", False), ("127.0.0.1:2", True),
        ("127.0.0.1:3", False),
    ]  # fmt: skip
    (first, *rest), end = found.chain, found.served[2].not_after
    same_end = replace(found, chain=(replace(first, not_after=end), *rest))
    calls = {files.NAME: files.Files(files=(same_end, *read_files.files[1:]))}
    alike = (await served.ask(machine, Seen(processes=(NGINX,), calls=calls), None)).files[0]
    assert not any(one.stale for one in alike.served)
    unread = CertificateFile(path="/x", services=(Service.NGINX,), unread=missing("/x"))
    hidden = files.Files(files=(*read_files.files, unread))
    seen_less = Seen(processes=(NGINX,), calls={files.NAME: hidden})
    found = (await served.ask(machine, seen_less, None)).files[0]
    assert not any(one.stale for one in found.served)
    monkeypatch.setattr(served, "MAX_HANDSHAKES", 3)
    asked = await served.ask(machine, seen, None)
    assert [len(file.served) for file in asked.files] == [3, 0]
    assert asked.unread == (Unread(name=served.NAME, cause=Cause.TOO_LARGE, detail="more than 3"),)
