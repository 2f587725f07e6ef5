"""Options from names and values: validated once, and every error names the option."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from seventh import given, protocols
from seventh.model.failure import UsageError
from seventh.model.options import HostPort, Options
from seventh.model.target import Target
from seventh.protocols.http import HttpOptions
from seventh.protocols.ntp import NtpOptions
from seventh.protocols.ssh import SshOptions


def error(values: dict[str, Any], base: Options | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        given.make(values, base or Options())
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"timeout_seconds": 0}, "--timeout: write a number above 0, up to 86400, not 0"),
        ({"timeout_seconds": 86401}, "--timeout: write a number above 0, up to 86400, not 86401"),
        ({"hold_seconds": -1}, "--hold: write a number from 0 to 86400, not -1"),
        ({"hold_seconds": 86401}, "--hold: write a number from 0 to 86400, not 86401"),
        ({"timeout_seconds": "x"}, "--timeout: write a number above 0, up to 86400, not 'x'"),
        ({"samples": 0}, "--samples: write a number from 1 to 4096, not 0"),
        ({"samples": 4097}, "--samples: write a number from 1 to 4096, not 4097"),
        ({"intrusive": "yes"}, "--intrusive: write true or false, not 'yes'"),
        ({"user": 3}, "--user: write a string, not 3"),
        ({"headers": 3}, "--header: write a string or a list of strings, not 3"),
        ({"headers": [3]}, "--header: write a string or a list of strings, not [3]"),
        ({"family": "ipv5"}, "--family: unknown value 'ipv5': did you mean ipv4 or ipv6?"),
        ({"family": 4}, "--family: write true or false, not 4"),
        ({"resolver": "name"}, "--resolver 'name': write an IP address, such as 127.0.0.1:53"),
        ({"resolver": 5}, "--resolver: write a string, not 5"),
        ({"via": "tcp://b:1"}, ("--via 'tcp://b:1': write jump hosts as ssh://host[:port], "
         "separated by commas")),
        ({"via": "ssh://a,tcp://b:1"}, ("--via 'ssh://a,tcp://b:1': write jump hosts as "
         "ssh://host[:port], separated by commas")),
        ({"via": "ssh://a,"}, "--via empty target: write a URL such as ssh://host, or a host name"),
        ({"ca_file": "/no/such"}, ("--ca /no/such: cannot be read: No such file or directory; "
         "check the path and its permissions")),
        ({"ca_file": "/"}, ("--ca /: cannot be read: Is a directory; check the path and its "
         "permissions")),
        ({"ca_file": "a\0b"}, ("--ca a\0b: cannot be read: embedded null byte; check the path and "
         "its permissions")),
        ({"ca_file": "/" + "x" * 300}, (f"--ca /{'x' * 199}: cannot be read: File name too long; "
         "check the path and its permissions")),
        ({"ca_store": "~/no"}, ("--ca-store ~/no: cannot be read: No such file or directory; check "
         "the path and its permissions")),
        ({"identities": ("/no/such",)}, ("--identity /no/such: cannot be read: No such file or "
         "directory; check the path and its permissions")),
        ({"hold_seconds": 3.0}, "--hold needs --intrusive: holding a connection open is tier 4"),
    ],
)  # fmt: skip
def test_a_wrong_value_says_what_to_write(values: dict[str, Any], says: str) -> None:
    assert error(values) == says


@pytest.mark.parametrize(
    ("values", "made"),
    [
        ({}, Options()),
        ({"timeout_seconds": 86400}, Options(timeout_seconds=86400.0)),
        ({"timeout_seconds": 0.001}, Options(timeout_seconds=0.001)),
        ({"hold_seconds": 86400, "intrusive": True}, Options(hold_seconds=86400.0, intrusive=True)),
        ({"headers": "A: 1"}, Options(headers=("A: 1",))),
        ({"headers": ["A: 1", "B: 2"]}, Options(headers=("A: 1", "B: 2"))),
        ({"family": "ipv4"}, Options(family="ipv4")),
        ({"resolver": "::1"}, Options(resolver=HostPort("::1", 53))),
        ({"via": "ssh://a, ssh://u@b:2"}, Options(via=(
            Target(scheme="ssh", host="a", port=22, port_given=False),
            Target(scheme="ssh", host="b", port=2, user="u"),
        ))),
        ({"samples": 9}, Options(rooms=(NtpOptions(samples=9),))),
        ({"hold_seconds": 0.0}, Options(hold_seconds=0.0)),
        ({"hold_seconds": 3.0, "intrusive": True}, Options(hold_seconds=3.0, intrusive=True)),
        ({"ca_file": None}, Options()),
        ({"ca_store": "/"}, Options(ca_store="/")),
        ({"ssh_config": "none"}, Options(rooms=(SshOptions(ssh_config="none"),))),
    ],
)  # fmt: skip
def test_values_become_options(values: dict[str, Any], made: Options) -> None:
    assert given.make(values) == made


def test_a_base_keeps_what_is_not_given() -> None:
    base = Options(user="ops", rooms=(NtpOptions(samples=9), HttpOptions()))
    made = given.make({"timeout_seconds": 3}, base)
    assert made == base.replace(timeout_seconds=3.0)
    made = given.make({"samples": 2}, base)
    assert (made.of(NtpOptions).samples, made.user, len(made.rooms)) == (2, "ops", 2)
    needing = base.replace(intrusive=True)
    assert given.make({"hold_seconds": 2.0}, needing).hold_seconds == 2.0


def test_a_home_is_meant_by_a_tilde_but_not_for_a_path(tmp_path: Path) -> None:
    home = Path(os.environ["HOME"])
    (home / "ca.pem").write_text("x", encoding="utf-8")
    assert given.make({"ca_file": "~/ca.pem"}).ca_file == "~/ca.pem"
    assert error({"ca_store": "~/ca.pem"}).startswith("--ca-store ~/ca.pem: cannot be read: ")


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text("x", encoding="utf-8")

    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert error({"password_file": str(path)}) == (
        f"--password-file {path}: cannot be read: Permission denied; check the path and its "
        "permissions"
    )
    assert given.make({"ca_store": str(tmp_path)}).ca_store == str(tmp_path)


def test_options_are_found_by_field_and_by_flag() -> None:
    assert given.options()["timeout_seconds"] is given.by_flag()["timeout"]
    assert given.by_flag()["samples"].field == "samples"
    assert next(iter(given.options())) == "timeout_seconds", "the shared ones come first"
    assert NtpOptions in given.kinds()
    assert len(set(given.kinds())) == len(given.kinds())
    assert given.among({"samples": 1, "targets": [], "user": "x"}) == {"samples": 1, "user": "x"}


def test_a_value_is_read_from_its_own_struct() -> None:
    made = Options(user="ops", rooms=(NtpOptions(samples=9),))
    assert given.get(made, given.options()["user"]) == "ops"
    assert given.get(made, given.options()["samples"]) == 9
    assert given.get(made, given.options()["identities"]) == ()


@pytest.mark.parametrize(
    ("room", "flag", "used"),
    [
        ("net", "timeout", True),
        ("net", "user", False),
        ("ssh", "user", True),
        ("ssh", "samples", False),
        ("ntp", "samples", True),
        ("net", "intrusive", True),
        ("net", "allow-write", False),
        ("ntp", "intrusive", True),
        ("net", "ca", False),
        ("tls", "ca", True),
    ],
)
def test_a_protocol_uses_its_own_its_shared_and_those_of_its_tiers(
    room: str, flag: str, used: bool
) -> None:
    assert given.uses(protocols.rooms()[room], given.by_flag()[flag]) is used


def test_a_permission_is_used_by_the_protocols_with_steps_of_its_tier() -> None:
    for spec in protocols.rooms().values():
        for flag, tier in (("allow-write", 3), ("intrusive", 4), ("i-own-this", 4)):
            assert given.uses(spec, given.by_flag()[flag]) is (tier in spec.tiers)
