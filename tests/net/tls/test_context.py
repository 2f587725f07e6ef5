"""Contexts: where the roots are, what is kept, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as ser

from seventh.labkit.serve import Kit
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.net.tls import context as tlscontext
from tests.options import options_with


def test_where_the_roots_are(tmp_path: Path) -> None:
    hashed, bundle, named = tmp_path / "certs", tmp_path / "bundle.pem", tmp_path / "named.pem"
    hashed.mkdir()
    for file in (bundle, named):
        file.touch()
    environment = {"SSL_CERT_FILE": str(named)}
    places = ((str(hashed),), (str(bundle),))
    assert tlscontext.find_store(environment, *places) == str(bundle)
    (hashed / "0a0b0c0d.0").touch()
    assert tlscontext.find_store(environment, *places) == str(hashed)
    assert tlscontext.find_store(environment, (), ()) == str(named)
    assert tlscontext.find_store({}, (), ()) == ""


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
        ({"ca_file": str(empty)}, "no PEM certificate"),
        ({"ca_file": str(broken)}, "damaged"),
        ({"key_file": str(one.key_file)}, "needs --cert"),
        ({"cert_file": str(missing)}, "--cert .*: No such file"),
        ({"cert_file": str(one.cert_file), "key_file": str(missing)}, "--key .*: No such file"),
        ({"cert_file": str(empty), "key_file": str(one.key_file)}, "--cert .*no PEM"),
        ({"cert_file": str(one.cert_file)}, "--key .*no PEM private key"),
        ({"cert_file": str(one.cert_file), "key_file": str(locked)}, "openssl pkey"),
        ({"cert_file": str(one.cert_file), "key_file": str(two.key_file)}, "does not match"),
    ]
    for files, said in cases:
        with pytest.raises(UsageError, match=said) as caught:
            tlscontext.context(options_with(**files), "modern")  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
