"""What a Caddyfile decides of TLS."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.lint.caddy import file as caddy_file
from seventh.lint.caddy.site import sites
from seventh.lint.caddy.tls import facts
from seventh.lintkit.files import Files
from seventh.model.tlsfacts import TlsFacts, Topic

RSA = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
ECDSA = "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"
GOOD = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
CIPHERS = f"ciphers {RSA} {ECDSA} {GOOD}"
CLIENT = "client_auth {\n%s\n}"


def tls(
    block: str,
    options: str = "",
    more: str = "",
    words: str = "",
    version: tuple[int, ...] = (2, 10),
) -> TlsFacts | None:
    head = f"{{\n{options}\n}}\n" if options else ""
    body = f"tls {words} {{\n{block}\n}}\n" if block else f"tls {words}\n" if words else ""
    text = f"{head}a.example {{\n{body}{more}\n}}\n"
    files = Files()
    (one,) = sites(caddy_file.read(files.take("Caddyfile", text.encode()), files), 1)
    return facts(one, version)


PLAIN = TlsFacts(
    configured=True, dh_bits=0, resumed=True, max_early_data_bytes=0, early_data_accepted=False,
    versions=("TLSv1.2", "TLSv1.3"), versions_refused=("SSLv3", "TLSv1.0", "TLSv1.1"),
    broken_suites=(), obsolete_suites=(), hybrid_group="X25519MLKEM768",
    group="x25519mlkem768 x25519 secp256r1", client_certificate="not-requested",
)  # fmt: skip
"""The defaults of Caddy 2.10 (caddyserver.com/docs/caddyfile/directives/tls)."""
OLD = ("SSLv3", "TLSv1.0", "TLSv1.1")
ONLY12 = {
    "versions": ("TLSv1.2",), "versions_refused": (*OLD, "TLSv1.3"), "hybrid_group": None,
    "group": None,
}  # fmt: skip
OWN_SUITES = tuple(
    f"TLS_ECDHE_{{}}_WITH_{rest}"
    for rest in ("AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "CHACHA20_POLY1305_SHA256")
)
ONLY13 = {"versions": ("TLSv1.3",), "versions_refused": (*OLD, "TLSv1.2")}


def of(*keys: str) -> tuple[str, ...]:
    """Caddy's own suites for these keys."""
    return tuple(suite.format(key) for key in keys for suite in OWN_SUITES)


UNTOLD = {
    "versions": (), "versions_refused": (), "broken_suites": None, "obsolete_suites": None,
    "hybrid_group": None, "group": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("block", "changes"),
    [
        ("", {}),
        ("protocols tls1.2", {}), ("protocols tls1.2 tls1.3", {}),
        ("protocols tls1.3", ONLY13), ("protocols tls1.3 tls1.3", ONLY13),
        ("protocols tls1.2 tls1.2", {**ONLY12, "suites": of("ECDSA")}),
        ("protocols tls1.2 tls1.2\nkey_type rsa2048", {**ONLY12, "suites": of("RSA")}),
        ("protocols tls1.2 tls1.2\nload certs", {**ONLY12, "suites": of("ECDSA", "RSA")}),
        ("protocols tls1.3\nprotocols tls1.2", {}),
        ("protocols tls1.2\nprotocols tls1.3", ONLY13),
        ("protocols tls1.1", UNTOLD), ("protocols tls1.2 tls1.4", UNTOLD),
        ("protocols {$LEAST}", UNTOLD),
        ("curves x25519", {"hybrid_group": "", "group": "x25519"}),
        ("curves x25519mlkem768\ncurves x25519", {"group": "x25519mlkem768 x25519"}),
        ("curves {$CURVES}", {"hybrid_group": None, "group": None}),
        (CIPHERS, {"obsolete_suites": (ECDSA,)}),
        (f"ciphers {ECDSA}\nciphers {GOOD}", {"obsolete_suites": (ECDSA,)}),
        (f"key_type rsa2048\n{CIPHERS}", {"obsolete_suites": (RSA,)}),
        (f"key_type rsa2048\nkey_type p256\n{CIPHERS}", {"obsolete_suites": (ECDSA,)}),
        (f"key_type {{$KEY}}\n{CIPHERS}", {"obsolete_suites": (RSA, ECDSA)}),
        (f"load /certificates\n{CIPHERS}", {"obsolete_suites": (RSA, ECDSA)}),
        (f"get_certificate http x\n{CIPHERS}", {"obsolete_suites": (RSA, ECDSA)}),
        (f"protocols tls1.3\n{CIPHERS}", ONLY13),
        ("ciphers {$CIPHERS}", {"broken_suites": None, "obsolete_suites": None}),
        ("ciphers TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
         {"broken_suites": ("TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",)}),
        (CLIENT % "mode request", {"client_certificate": "optional", "resumed": False}),
        (CLIENT % "mode verify_if_given", {"client_certificate": "optional", "resumed": False}),
        (CLIENT % "mode require", {"client_certificate": "required", "resumed": False}),
        (CLIENT % "mode require_and_verify",
         {"client_certificate": "required", "resumed": False}),
        (CLIENT % "trust_pool file x", {"client_certificate": "required", "resumed": False}),
        (CLIENT % "mode require\nmode request",
         {"client_certificate": "optional", "resumed": False}),
        (CLIENT % "mode {$MODE}", {"client_certificate": None, "resumed": False}),
    ],
)  # fmt: skip
def test_what_the_block_changes(block: str, changes: dict[str, object]) -> None:
    assert tls(block) == replace(PLAIN, **changes)


def test_whose_keys_the_options_and_files_tell() -> None:
    rsa = replace(PLAIN, obsolete_suites=(RSA,))
    assert tls(CIPHERS, options="key_type rsa4096") == rsa
    assert tls(f"key_type p384\n{CIPHERS}", options="key_type rsa4096") == replace(
        PLAIN, obsolete_suites=(ECDSA,)
    )
    assert tls(CIPHERS, words="cert.pem key.pem") == replace(PLAIN, obsolete_suites=(RSA, ECDSA))
    assert tls(CIPHERS, words="internal") == replace(PLAIN, obsolete_suites=(ECDSA,))


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ("respond hi", "optional"),
        ("@a expression {tls_client_subject}==null", "refused-later"),
        ("@a vars {http.request.tls.client.subject} x", "refused-later"),
        ("handle {\nroute {\nheader X {tls_client_subject}\n}\n}", "refused-later"),
    ],
)
def test_a_certificate_that_is_looked_at_later(more: str, asked: str) -> None:
    expected = replace(PLAIN, client_certificate=asked, resumed=False)
    assert tls(CLIENT % "mode request", more=more) == expected
    required = replace(PLAIN, client_certificate="required", resumed=False)
    assert tls(CLIENT % "mode require", more=more) == required


def test_groups_before_caddy_2_10() -> None:
    why = {Topic.HYBRID_GROUP: "Caddy before 2.10 leaves them to the Go that it is built of"}
    expected = replace(PLAIN, hybrid_group=None, group=None, unknown=why)
    assert tls("", version=(2, 9, 1)) == expected
    assert tls("curves x25519", version=(2, 9)) == replace(PLAIN, hybrid_group="", group="x25519")


def test_nothing_is_told_without_tls_or_where_the_environment_decides() -> None:
    assert tls("", more="{$MORE}") is None
    files = Files()
    text = files.take("Caddyfile", b"http://a.example {\n}\n{$B} {\n}\n")
    for one in sites(caddy_file.read(text, files), 9):
        assert facts(one, (2, 10)) is None


def test_long_lists_of_groups_are_cut_where_they_are_shown() -> None:
    for names, shown in (("x" * 200, "x" * 200), ("x" * 201, "x" * 200 + "…")):
        found = tls(f"curves {names}")
        assert found is not None
        assert found.group == shown
