"""What nginx.conf decides of TLS: curves, suites, the prime, and which server's line decides."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from seventh.lint.nginx import tls as nginx_tls
from seventh.lint.nginx import views
from seventh.lintkit.files import Files
from seventh.lintkit.linted import parse_software
from seventh.model.tlsfacts import TlsFacts, Topic
from tests.lint.nginx.test_servers import servers
from tests.lint.nginx.texts import server


def tls(inside: str, *, folder: Path | None = None, part: bool = False) -> TlsFacts:
    """The facts of a server with these lines, or of the lines alone."""
    files = Files()
    name = str((folder or Path()) / "nginx.conf")
    text = files.take(name, (inside if part else server(inside)).encode())
    facts = views.lint(text, files, parse_software("nginx=1.30")).views[0].facts["tls"]
    assert isinstance(facts, TlsFacts)
    return facts


@pytest.mark.parametrize(
    ("curves", "hybrid"),
    [
        ("X25519", ""), ("X25519MLKEM768", "X25519MLKEM768"), ("x25519mlkem768", "x25519mlkem768"),
        ("X25519:?X25519MLKEM768", "X25519MLKEM768"), ("X25519/*X25519MLKEM768", "X25519MLKEM768"),
        ("?*SecP256r1MLKEM768:P-256", "SecP256r1MLKEM768"),
        ("SecP384r1MLKEM1024", "SecP384r1MLKEM1024"), ("P-256:-X25519MLKEM768", ""),
        ("X25519MLKEM768:SecP256r1MLKEM768:-x25519mlkem768", "SecP256r1MLKEM768"),
        ("X25519MLKEM768x", ""),
    ],
)  # fmt: skip
def test_a_post_quantum_group_is_read_as_openssl_writes_lists(curves: str, hybrid: str) -> None:
    facts = tls(f"ssl_ecdh_curve {curves};")
    assert (facts.group, facts.hybrid_group) == (curves, hybrid)
    assert Topic.HYBRID_GROUP not in facts.unknown


@pytest.mark.parametrize("curves", ["auto", "$curves"])
def test_what_openssl_offers_by_itself_is_unknown(curves: str) -> None:
    facts = tls(f"ssl_ecdh_curve {curves};")
    assert (facts.group, facts.hybrid_group) == (None, None)
    assert facts.unknown[Topic.HYBRID_GROUP] == (
        "which there are is left to OpenSSL, which has them from 3.5 on"
    )


def test_a_long_list_of_curves_is_cut() -> None:
    curves = ":".join(["X25519"] * 40)
    assert tls(f"ssl_ecdh_curve {curves};").group == f"{curves[:200]}…"


@pytest.mark.parametrize(
    ("lines", "resumed"),
    [
        ("", True), ("ssl_session_tickets off;", False),
        ("ssl_session_tickets off; ssl_session_cache off;", False),
        ("ssl_session_tickets off; ssl_session_cache none;", False),
        ("ssl_session_tickets off; ssl_session_cache builtin;", True),
        ("ssl_session_tickets off; ssl_session_cache builtin:9;", True),
        ("ssl_session_tickets off; ssl_session_cache none shared:a:1m;", True),
        ("ssl_session_tickets on; ssl_session_cache off;", True),
    ],
)  # fmt: skip
def test_where_sessions_are_resumed(lines: str, resumed: bool) -> None:
    assert tls(lines).resumed is resumed


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        ("", "not-requested"), ("ssl_verify_client off;", "not-requested"),
        ("ssl_verify_client on;", "required"), ("ssl_verify_client optional;", "optional"),
        ("ssl_verify_client optional_no_ca;", "optional"),
        ("ssl_verify_client optional; map $ssl_client_verify $a { }", "refused-later"),
        ("ssl_verify_client optional; if ($ssl_client_verify != SUCCESS) { }", "refused-later"),
        ("ssl_verify_client optional; if ($args) { } map $args $a { }", "optional"),
        ("ssl_verify_client optional; add_header X $ssl_client_verify;", "optional"),
    ],
)  # fmt: skip
def test_what_becomes_of_clients_without_a_certificate(lines: str, client: str) -> None:
    assert tls(lines).client_certificate == client


SUITES = {
    "AES128-SHA:ECDHE+AESGCM": ((), ("TLS_RSA_WITH_AES_128_CBC_SHA",)),
    "RC4-SHA": (("TLS_RSA_WITH_RC4_128_SHA",), ()), "ECDHE+AESGCM": ((), ()),
    "DHE-RSA-AES128-SHA": ((), ()), "DHE-DSS-AES128-SHA": ((), ()),
}  # fmt: skip


@pytest.mark.parametrize("ciphers", SUITES)
def test_suites_of_a_list(ciphers: str) -> None:
    facts = tls(f"ssl_ciphers {ciphers};")
    assert (facts.broken_suites, facts.obsolete_suites) == SUITES[ciphers]


def test_suites_with_a_prime_of_the_file_s_own() -> None:
    facts = tls("ssl_ciphers DHE-RSA-AES128-SHA:DHE-DSS-AES128-SHA; ssl_dhparam none.pem;")
    assert facts.obsolete_suites == ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA",)


def test_no_more_suites_are_named_than_a_few_in_the_list_s_order() -> None:
    facts = tls("ssl_ciphers ALL;")
    assert facts.obsolete_suites is not None
    assert len(facts.obsolete_suites) == 8
    assert facts.obsolete_suites[0] == "TLS_RSA_WITH_AES_128_CBC_SHA"


def test_a_list_that_only_the_request_decides_is_unknown() -> None:
    facts = tls("ssl_ciphers $list;")
    assert (facts.broken_suites, facts.obsolete_suites) == (None, None)


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def pem(bits: int, *, sequence: int = 0x30, integer: int = 0x02) -> str:
    """PKCS #3 parameters whose prime has so many bits; only its size is looked at."""
    prime = (2 ** (bits - 1) + 1).to_bytes(bits // 8 + 1)
    text = b64encode(der(sequence, der(integer, prime) + der(0x02, b"\x02"))).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN DH PARAMETERS-----\n{lines}\n-----END DH PARAMETERS-----\n"


@pytest.mark.parametrize("bits", [64, 512, 1000, 1024, 1032, 2048, 4096])
def test_the_prime_of_a_file_is_measured(tmp_path: Path, bits: int) -> None:
    (tmp_path / "dh.pem").write_text(f"a remark\n{pem(bits)}")
    assert tls("ssl_dhparam dh.pem;", folder=tmp_path).dh_bits == bits
    assert tls("ssl_dhparam dh.pem;", folder=tmp_path, part=True).dh_bits == bits


@pytest.mark.parametrize(
    "text",
    [
        "", "no parameters", pem(512, sequence=0x31), pem(512, integer=0x03),
        pem(512).replace("BEGIN DH", "BEGIN EC"), pem(512)[:60] + "\n-----END DH PARAMETERS-----",
        "-----BEGIN DH PARAMETERS-----\n=A=\n-----END DH PARAMETERS-----\n",
    ],
)  # fmt: skip
def test_a_file_without_a_readable_prime_leaves_it_unknown(tmp_path: Path, text: str) -> None:
    (tmp_path / "dh.pem").write_text(text)
    assert tls("ssl_dhparam dh.pem;", folder=tmp_path).dh_bits is None


@pytest.mark.parametrize(
    ("lines", "bits"),
    [
        ("", 0), ("ssl_dhparam dh.pem;", 512), ("ssl_dhparam dh.pem; ssl_ciphers ECDHE+AESGCM;", 0),
        ("ssl_dhparam dh.pem; ssl_protocols TLSv1.3;", 0), ("ssl_dhparam none.pem;", None),
        ("ssl_dhparam dh.pem; ssl_ciphers DHE+AESGCM;", 512), ("ssl_dhparam;", 0),
        ("ssl_dhparam dh.pem; ssl_ciphers $list;", 512),
        ("ssl_dhparam dh.pem; ssl_ciphers ADH-AES128-SHA;", 512), ("ssl_dhparam folder;", None),
        ("ssl_dhparam none.pem; ssl_dhparam dh.pem;", 512),
    ],
)  # fmt: skip
def test_where_the_prime_is_used(tmp_path: Path, lines: str, bits: int | None) -> None:
    (tmp_path / "dh.pem").write_text(pem(512))
    (tmp_path / "folder").mkdir()
    assert tls(lines, folder=tmp_path).dh_bits == bits


def test_a_part_without_a_prime_says_nothing_of_it() -> None:
    assert tls("ssl_ciphers AES128-SHA;", part=True).dh_bits is None


@pytest.mark.parametrize(
    ("name", "version", "decides"),
    [
        ("ssl_protocols", (1, 29, 1), "default"), ("ssl_protocols", (1, 29, 2), "own"),
        ("ssl_ecdh_curve", (1, 30, 0), "default"), ("ssl_session_cache", (1, 30, 0), "default"),
        ("ssl_early_data", (1, 30, 0), "default"), ("ssl_ciphers", (1, 22, 1), "own"),
        ("ssl_verify_client", (1, 22, 1), "own"), ("ssl_session_tickets", (1, 30, 0), "own"),
    ],
)  # fmt: skip
def test_whose_line_decides(name: str, version: tuple[int, int, int], decides: str) -> None:
    default, own = (one.scope for one in servers("server { } server { listen 81; }", version))
    assert nginx_tls.deciding(name, own, default) is {"default": default, "own": own}[decides]


def test_tickets_that_the_default_server_refuses_no_server_gives() -> None:
    http = "server { ssl_session_tickets off; } server { listen 81; }"
    off, on = (one.scope for one in servers(http))
    assert nginx_tls.deciding("ssl_session_tickets", on, off) is off
    assert nginx_tls.deciding("ssl_session_tickets", off, on) is off


def test_a_server_in_the_clear_has_no_facts_of_tls() -> None:
    (clear,) = servers("server { listen 80; }")
    assert nginx_tls.facts(clear, Files(), part=False) is None
    assert nginx_tls.facts(clear, Files(), part=True) == nginx_tls.NOTHING
    assert not nginx_tls.early_data(None)
    assert not nginx_tls.early_data(nginx_tls.NOTHING)
    assert not nginx_tls.early_data(tls(""))
    assert nginx_tls.early_data(tls("ssl_early_data on;"))
