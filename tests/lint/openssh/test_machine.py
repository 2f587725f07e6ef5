"""The host keys, their modes and the moduli next to an sshd_config."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.openssh import sshd_config
from seventh.lint.openssh.machine import MAX_KEYS, Machine
from seventh.lint.openssh.offers import supported_by
from seventh.lintkit.files import Files
from seventh.protocols.ssh.facts import Topic
from tests.lint.openssh.test_authorized_keys import KEY, RSA, SK

NO_MODULI = {Topic.SMALLEST_GROUP: "no moduli file next to the configuration"}


def machine(folder: Path, text: str, name: str = "sshd_config") -> tuple[Machine, Files]:
    files = Files(base=folder)
    taken = files.take(str(folder / name), text.encode())
    effective = sshd_config.load(taken, files, (9, 2)).effective()
    return Machine(taken, files, effective), files


def test_the_default_keys_by_their_names(tmp_path: Path) -> None:
    found, files = machine(tmp_path, "")
    assert found.types == ("ssh-rsa", "ecdsa-sha2-nistp", "ssh-ed25519")
    assert (found.host_keys, found.wrong_modes, found.gex_bits) == ((), None, None)
    why = f"{tmp_path}/ssh_host_rsa_key.pub not found, so its length is unknown"
    assert found.unknown == {Topic.RSA_KEY: why, **NO_MODULI}
    assert not found.is_fragment
    assert files.problems == []
    assert machine(tmp_path, "", "sshd_config.d/1.conf")[0].is_fragment


def test_keys_are_measured_by_their_public_halves(tmp_path: Path) -> None:
    (tmp_path / "a.pub").write_text(f"{RSA} root@host\n")
    (tmp_path / "b.pub").write_text(f"{KEY}\n")
    (tmp_path / "sk.pub").write_text(f"{SK}\n")
    text = "HostKey /etc/ssh/a\nHostKey b\nHostKey /etc/ssh/MY_DSA_KEY\n"
    found, files = machine(tmp_path, text)
    assert [(key.type, key.bits) for key in found.host_keys] == [
        ("ssh-rsa", 1024), ("ssh-ed25519", 256),
    ]  # fmt: skip
    assert found.types == ("ssh-rsa", "ssh-ed25519", "ssh-dss")
    assert found.unknown == NO_MODULI
    assert files.problems == []
    # An authenticator's key has no length, and this name tells no type: any type is possible.
    assert machine(tmp_path, "HostKey sk\nHostKey b\n")[0].types is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x_ed25519", "ssh-ed25519"), ("ECDSA.key", "ecdsa-sha2-nistp"), ("rsa", "ssh-rsa"),
        ("dsa", "ssh-dss"), ("my_dss", "ssh-dss"),
    ],
)  # fmt: skip
def test_the_type_by_a_key_s_name(tmp_path: Path, name: str, kind: str) -> None:
    assert machine(tmp_path, f"HostKey {name}\n")[0].types == (kind,)


def test_public_keys_that_are_none(tmp_path: Path) -> None:
    for name, data in (("a", "ssh-ed25519 AAAA\n"), ("b", ""), ("c", "# nothing\n")):
        (tmp_path / f"{name}.pub").write_text(data)
    (tmp_path / "d.pub").mkdir()
    found, files = machine(tmp_path, "HostKey a\nHostKey b\nHostKey c\nHostKey d\n")
    assert (found.host_keys, found.types) == ((), None)
    assert [(Path(p.file).name, p.line, p.text) for p in files.problems] == [
        ("a.pub", 1, "the key data is not of the type ssh-ed25519")
    ]


def test_a_key_that_is_the_root_folder_has_no_name() -> None:
    found, files = machine(Path("/"), "HostKey /\n")
    assert (found.host_keys, found.types, files.problems) == ((), None, [])


def test_modes_of_private_keys(tmp_path: Path) -> None:
    for name, mode in (("a", 0o640), ("b", 0o644), ("c", 0o600)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    found, _ = machine(tmp_path, "HostKey a\nHostKey b\nHostKey c\nHostKey none\n")
    assert found.wrong_modes is not None
    assert [wrong.fix for wrong in found.wrong_modes] == [f"chmod 600 {tmp_path}/b"]
    assert machine(tmp_path, "HostKey a\n")[0].wrong_modes == ()
    assert machine(tmp_path, "HostKey none\n")[0].wrong_modes is None


def test_keys_are_read_up_to_a_limit(tmp_path: Path) -> None:
    for count, problems in (
        (MAX_KEYS, []),
        (257, ["257 HostKey lines: only the first 256 checked"]),
    ):
        found, files = machine(tmp_path, "HostKey rsa\n" * count)
        assert found.types == ("ssh-rsa",) * 256
        assert [problem.text for problem in files.problems] == problems


@pytest.mark.parametrize(
    ("moduli", "bits"),
    [
        ("20230101 2 6 100 2047 2 F\n20230101 2 6 100 4095 2 F\n", 2048),
        ("20230101 2 6 100 3071 2 F extra\n", 3072),
        ("20230101 2 6 100 1535 2 F\n20230101 2 6 100 8191 2 F\n", 8192),  # sshd gives no smaller
        ("20230101 2 6 100 2046 2 F\n", None),
        ("# Time Type Tests Tries Size Generator Modulus\n20230101 2 6 100 2047 2\n", None),
        ("20230101 2 6 100 x 2 F\n20230101 2 6 100 ٣٠٧١ 2 F\n", None),
        ("", None),
    ],
)
def test_moduli(tmp_path: Path, moduli: str, bits: int | None) -> None:
    (tmp_path / "moduli").write_text(moduli)
    found, _ = machine(tmp_path, "")
    assert found.gex_bits == bits
    assert (Topic.SMALLEST_GROUP in found.unknown) is (bits is None)
    (tmp_path / "moduli").rename(tmp_path / "mine")
    assert machine(tmp_path, "")[0].gex_bits is None
    assert machine(tmp_path, "ModuliFile /etc/ssh/mine\n")[0].gex_bits == bits


# -- which algorithms the keys support -------------------------------------------------------------

ED, CERT = "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"
ALGORITHMS = (CERT, ED, "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa", "ssh-dss")


@pytest.mark.parametrize(
    ("keys", "certificates", "supported"),
    [
        (None, True, ALGORITHMS),
        (None, False, ALGORITHMS[1:]),
        ((ED,), True, (CERT, ED)),
        ((ED,), False, (ED,)),
        (("ecdsa-sha2-nistp",), False, ("ecdsa-sha2-nistp256",)),
        (("ssh-rsa",), False, ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")),
        (("ssh-dss", ED), False, (ED, "ssh-dss")),
        ((), True, ()),
    ],
)
def test_algorithms_that_keys_support(
    keys: tuple[str, ...] | None, certificates: bool, supported: tuple[str, ...]
) -> None:
    assert supported_by(keys, ALGORITHMS, certificates=certificates) == supported


@pytest.mark.parametrize(("more", "count"), [("", 1), ("HostCertificate /c\n", 2)])
def test_certificates_are_offered_where_there_is_one(tmp_path: Path, more: str, count: int) -> None:
    text = f"HostKey ed25519\n{more}"
    found, _ = machine(tmp_path, text)
    files = Files()
    effective = sshd_config.load(files.take("x", text.encode()), files, (9, 2)).effective()
    assert len(found.offered(effective).server_host_key_algorithms) == count
