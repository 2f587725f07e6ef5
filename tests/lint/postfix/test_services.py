"""What the files decide for one service, and where a value turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.postfix.test_views import PORT_25, service


@pytest.mark.parametrize(
    ("main", "name"),
    [
        ("myhostname = a.example\n", "a.example"),
        ("myhostname = a.example\nsmtpd_banner = $myhostname ESMTP\n", "a.example"),
        ("smtpd_banner = b.example ESMTP\n", "b.example"), ("smtpd_banner =\n", ""),
        ("", None), ("smtpd_banner = $myhostname\n", None),
        ("smtpd_banner = x $myhostname\n", None),
        ("myhostname = a\nsmtpd_banner = $myhostname $mydomain\n", "a"),
        ("myhostname = a\nsmtpd_banner = $mydomain $myhostname\n", None),
    ],
)  # fmt: skip
def test_the_name_in_the_banner(main: str, name: str | None, tmp_path: Path) -> None:
    assert service(tmp_path, main).host_name == name


@pytest.mark.parametrize(
    ("main", "certificate"),
    [
        ("", False), ("smtpd_tls_chain_files = /a\n", True), ("smtpd_tls_cert_file = /a\n", True),
        ("smtpd_tls_eccert_file = /a\n", True), ("smtpd_tls_dcert_file = /a\n", True),
        ("smtpd_tls_cert_file = $mydomain\n", None), ("smtpd_tls_key_file = /a\n", False),
        ("smtpd_tls_cert_file = $mydomain\nsmtpd_tls_eccert_file = /a\n", True),
    ],
)  # fmt: skip
def test_whether_there_is_a_certificate(
    main: str, certificate: bool | None, tmp_path: Path
) -> None:
    assert service(tmp_path, main).certificate is certificate


@pytest.mark.parametrize(
    ("main", "level"),
    [
        ("smtpd_enforce_tls = yes\nsmtpd_use_tls = maybe\n", None),
        ("smtpd_enforce_tls = maybe\nsmtpd_use_tls = yes\n", None),
        ("smtpd_tls_security_level =\nsmtpd_enforce_tls = yes\nsmtpd_use_tls = yes\n", "encrypt"),
        ("smtpd_tls_security_level = $mydomain\nsmtpd_use_tls = yes\n", None),
    ],
)  # fmt: skip
def test_the_older_settings_of_tls(main: str, level: str | None, tmp_path: Path) -> None:
    assert service(tmp_path, main).tls_level == level


@pytest.mark.parametrize(
    ("unknown", "clear"),
    [
        ("smtpd_tls_auth_only", None), ("smtpd_tls_wrappermode", None),
        ("smtpd_tls_security_level", None), ("smtpd_sasl_security_options", None),
        ("smtpd_sasl_auth_enable", None), ("smtpd_banner", True),
    ],
)  # fmt: skip
def test_a_password_in_clear_where_a_part_is_not_known(
    unknown: str, clear: bool | None, tmp_path: Path
) -> None:
    main = f"smtpd_sasl_auth_enable = yes\n{unknown} = $mydomain\n"
    assert service(tmp_path, main).auth_clear is clear


@pytest.mark.parametrize(
    ("main", "master", "local"),
    [
        ("", "localhost:25 inet n - y - - smtpd\n", True),
        ("inet_interfaces = LOCALHOST, [::1], 127.0.0.2\n", PORT_25, True),
        ("inet_interfaces = 128.0.0.1\n", PORT_25, False),
        ("inet_interfaces =\n", PORT_25, False), ("inet_interfaces = $mydomain\n", PORT_25, False),
    ],
)  # fmt: skip
def test_more_that_listens_on_the_loopback_interface(
    main: str, master: str, local: bool, tmp_path: Path
) -> None:
    assert service(tmp_path, main, master).local is local


@pytest.mark.parametrize(
    ("setting", "verifies"),
    [("", True), ("disable_vrfy_command = yes", False), ("disable_vrfy_command = x", None)],
)
def test_whether_addresses_are_verified(
    setting: str, verifies: bool | None, tmp_path: Path
) -> None:
    assert service(tmp_path, f"{setting}\n").verifies is verifies


def test_the_options_of_a_service_as_written(tmp_path: Path) -> None:
    master = PORT_25.rstrip() + " -o a=b -o { c = d e }\n"
    assert service(tmp_path, "", master).options == ("a=b", "{ c = d e }")


@pytest.mark.parametrize(
    ("version", "what"),
    [("3.6.12", None), ("3.6.13", "refused"), ("3.5.22", None), ("3.5.23", "refused"),
     ("3.7.9", "refused"), ("3.8.3", None), ("3.10.1", "refused")],
)  # fmt: skip
def test_the_patch_that_refuses_bare_newlines(
    version: str, what: str | None, tmp_path: Path
) -> None:
    main = "smtpd_forbid_bare_newline = yes\n"
    assert service(tmp_path, main, version=version).bare_newline == what
    assert service(tmp_path, "smtpd_forbid_bare_newline = $mydomain\n").bare_newline is None
    assert service(tmp_path, "smtpd_forbid_bare_newline = NO\n").bare_newline == "accepted"
