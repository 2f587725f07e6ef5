"""Contexts: where the roots are, what is kept, and files that cannot be used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
from cryptography.hazmat.primitives import serialization as ser
from OpenSSL import SSL

from seventh.labkit.serve import Kit
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.net.tls import context as tlscontext
from tests.options import options_with


def test_where_the_roots_are(tmp_path: Path) -> None:
    hashed, bundle, named = tmp_path / "certs", tmp_path / "bundle.pem", tmp_path / "named.pem"
    hashed.mkdir()
    for file in (bundle, named, hashed / "a.pem", hashed / "0a0b0c0d.x", hashed / "0a0b0c0d.0.pem"):
        file.touch()
    environment = {"SSL_CERT_FILE": str(named), "SSL_CERT_DIR": str(hashed)}
    places = ((str(tmp_path / "none"), str(hashed)), (str(hashed), str(bundle)))
    assert tlscontext.find_store(environment, *places) == str(bundle)
    (hashed / "0a0b0c0d.0").touch()
    assert tlscontext.find_store(environment, *places) == str(hashed)
    assert tlscontext.find_store(environment, (), ()) == str(named)
    assert tlscontext.find_store({"SSL_CERT_DIR": str(hashed)}, (), ()) == str(hashed)
    missing = {"SSL_CERT_FILE": str(tmp_path / "none"), "SSL_CERT_DIR": ""}
    assert tlscontext.find_store(missing, (), ()) == ""
    assert tlscontext.find_store({}, (), ()) == ""


def test_where_systems_have_their_roots() -> None:
    """Debian, Alpine and SUSE; Fedora; Android; OpenBSD, macOS; FreeBSD; Homebrew."""
    assert set(tlscontext._HASHED_DIRECTORIES) == {
        "/etc/ssl/certs", "/etc/pki/tls/certs", "/system/etc/security/cacerts",
    }  # fmt: skip
    assert set(tlscontext._BUNDLES) == {
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
        "/usr/local/share/certs/ca-root-nss.crt", "/opt/homebrew/etc/ca-certificates/cert.pem",
    }  # fmt: skip


def test_what_a_setting_has_of_the_options(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(client=True)
    both = tmp_path / "both.pem"
    both.write_bytes(issued.cert_file.read_bytes() + issued.key_file.read_bytes())
    made = tlscontext.setting(
        options_with(cert_file=str(both), ca_store="/roots"), "modern",
        verifying=False, share="x", classical=True, signatures="y",
    )  # fmt: skip
    assert (made.profile, made.store, made.verifying, made.share) == (
        "modern",
        "/roots",
        False,
        "x",
    )
    assert (made.classical, made.signatures, made.ca) == (True, "y", None)
    assert made.cert is not None and made.cert == made.key
    assert (made.cert.path, made.cert.size) == (str(both), both.stat().st_size)
    plain = tlscontext.setting(options_with(), "lenient")
    assert (plain.verifying, plain.share, plain.classical, plain.signatures) == (
        True,
        "",
        False,
        "",
    )
    assert (plain.ca, plain.cert, plain.key) == (None, None, None)
    tlscontext.context(options_with(cert_file=str(both)), "modern")


@pytest.mark.parametrize(
    ("option", "field"), [("--ca", "ca_file"), ("--cert", "cert_file"), ("--key", "key_file")]
)
def test_a_file_that_may_not_be_read(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, option: str, field: str
) -> None:
    issued = kit.authority.issue(client=True)
    files = {"ca_file": kit.authority.ca_file, "cert_file": issued.cert_file,
             "key_file": issued.key_file}  # fmt: skip
    monkeypatch.setattr(os, "access", lambda path, _: path != str(files[field]))
    with pytest.raises(UsageError) as raised:
        tlscontext.context(options_with(**{k: str(v) for k, v in files.items()}), "modern")
    assert str(raised.value) == f"{option} {files[field]}: no permission to read it"


@pytest.mark.parametrize("profile", ["modern", "lenient"])
def test_an_idle_connection_keeps_no_buffers(
    kit: Kit, tmp_path: Path, profile: tlscontext.Profile
) -> None:
    # A context that has served a connection cannot be asked: this one is of its own file.
    own = shutil.copy(kit.authority.ca_file, tmp_path)
    made = tlscontext.context(options_with(ca_file=str(own)), profile)
    assert made.set_mode(0) & SSL.MODE_RELEASE_BUFFERS


def test_a_store_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(UsageError) as raised:
        tlscontext.context(options_with(ca_store=str(tmp_path / "empty.pem")), "modern")
    assert str(raised.value) == f"CA store {tmp_path}/empty.pem: no readable PEM certificates"


def test_the_roots_of_a_file(kit: Kit, tmp_path: Path) -> None:
    root = kit.authority.root.public_bytes(ser.Encoding.DER)
    mid = kit.authority.intermediate.public_bytes(ser.Encoding.PEM)
    file = tmp_path / "ca.pem"
    file.write_bytes(
        b"a comment\n" + kit.authority.ca_file.read_bytes() + mid.replace(b"\n", b"\r\n")
    )
    expected = {root, kit.authority.intermediate.public_bytes(ser.Encoding.DER)}
    assert tlscontext.given_roots(str(file)) == expected
    file.write_bytes(b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n")
    assert tlscontext.given_roots(str(file)) == frozenset()


def test_the_errors_that_are_noted_are_each_noted_once_and_bounded() -> None:
    noted: list[tuple[int, int]] = []
    engine = Mock(get_app_data=lambda: noted)
    for code in (*range(33), 3):
        assert tlscontext._note_error(engine, Mock(), code, 1, 0)
    assert noted == [(code, 1) for code in range(32)]
    noted.clear()
    for depth, ok in ((0, 1), (0, 0), (0, 0), (1, 0)):
        assert tlscontext._note_error(engine, Mock(), 10, depth, ok)
    assert noted == [(10, 0), (10, 1)]


def test_a_context_is_made_once_until_a_file_changes(kit: Kit, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(kit.authority.ca_file.read_bytes())
    options = Options(ca_file=str(ca))
    first = tlscontext.context(options, "modern")
    assert tlscontext.context(options, "modern") is first
    assert tlscontext.context(options, "lenient") is not first
    ca.write_bytes(kit.authority.ca_file.read_bytes() + b"\n")
    assert tlscontext.context(options, "modern") is not first


def test_files_that_cannot_be_used_say_what_to_do(kit: Kit, tmp_path: Path) -> None:
    empty, missing = tmp_path / "empty", tmp_path / "missing"
    empty.write_text("nothing")
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    one, two = kit.authority.issue(client=True), kit.authority.issue(client=True)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        one.key.private_bytes(
            ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.BestAvailableEncryption(b"secret")
        )
    )
    cases: list[tuple[dict[str, str], str]] = [
        ({"ca_file": str(missing)}, "--ca .*missing: No such file"),
        ({"ca_file": str(empty)}, "--ca .*: no PEM certificate found$"),
        ({"ca_file": str(broken)}, "--ca .*: contains a damaged certificate$"),
        ({"key_file": str(one.key_file)}, "^--key FILE needs --cert FILE, the client certificate$"),
        ({"cert_file": str(missing)}, "--cert .*: No such file"),
        ({"cert_file": str(one.cert_file), "key_file": str(missing)}, "--key .*: No such file"),
        ({"cert_file": str(empty), "key_file": str(one.key_file)}, "--cert .*no PEM"),
        ({"cert_file": str(one.cert_file)}, "--key .*no PEM private key"),
        (
            {"cert_file": str(one.cert_file), "key_file": str(locked)},
            "--key (.*) is encrypted; decrypt it: `openssl pkey -in .* -out PLAIN`$",
        ),
        (
            {"cert_file": str(one.cert_file), "key_file": str(two.key_file)},
            "^--key .* does not match the certificate .*",
        ),
    ]
    for files, said in cases:
        with pytest.raises(UsageError, match=said) as caught:
            tlscontext.context(options_with(**files), "modern")  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
