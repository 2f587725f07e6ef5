"""The texts of facts: labels as people read them, and values that are codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

import msgspec
import pytest
from msgspec.structs import fields

from seventh import protocols
from seventh.model.facts import Facts
from seventh.model.limit import Limit, Measured
from seventh.model.lintfacts import LintFacts
from seventh.model.localfacts import LocalFacts
from seventh.model.netfacts import Proxy
from seventh.protocols.ssh.facts import Startups
from seventh.render.fact_words import _WORDS, EVIDENT, HIDDEN, LABELS, VALUES, label_of
from seventh.render.summary import label_and_text, summary

LABELLED = [
    ("advertised", "advertises"),
    ("alternatives", "advertised alternatives"),
    ("clear", "plain HTTP"),
    ("cipher_client_to_server", "cipher"),
    ("closed_by", "closed by"),
    ("does", "serves"),
    ("expecting", "with Expect: 100-continue"),
    ("foreign_origin", "with a foreign origin"),
    ("https_outcome", "HTTPS record lookup"),
    ("https_record", "HTTPS record"),
    ("no_upgrade", "without Upgrade"),
    ("root_source", "root's methods from"),
    ("trust", "trusted by"),
    ("wrong_version", "with a wrong version"),
    ("control_factor", "mode 6 amplification"),
    ("encryption_algorithms_client_to_server", "ciphers"),
    ("exec", "command"),
    ("host_matches", "name matches"),
    ("ident", "identification"),
    ("kexinit", "offers"),
    ("kex_algorithms", "key exchange methods"),
    ("ladder", "versions tried"),
    ("lookups", "names looked up"),
    ("mode_fixes", "commands for modes"),
    ("others", "other addresses"),
    ("pre_ident_lines", "lines before the identification"),
    ("pre_ident_line_count", "number of lines before it"),
    ("server_host_key_algorithms", "host key algorithms"),
    ("server_sig_algs", "signature algorithms accepted"),
    ("software_assumed", "version assumed"),
    ("staple", "OCSP staple"),
    ("startups", "unauthenticated connections"),
    ("startups_per_source", "of one source"),
    ("penalties", "penalties of a source"),
    ("tickets", "session tickets"),
    ("versions", "versions accepted"),
    ("alive_seconds", "keepalives"),
    ("ocsp", "OCSP response"),
    ("starttls", "STARTTLS"),
    # the words of a name
    ("aead", "AEAD"),
    ("aeads", "AEADs"),
    ("alpn", "ALPN"),
    ("api", "API"),
    ("cors", "CORS"),
    ("ech", "ECH"),
    ("etags", "ETags"),
    ("gex_answers", "group exchange answers"),
    ("ipv4_hints", "IPv4 hints"),
    ("ipv6_hints", "IPv6 hints"),
    ("md5_keys", "MD5 keys"),
    ("mss", "MSS"),
    ("rtc", "hardware clock"),
    ("auth_method", "authentication method"),
    ("etag_status", "ETag status"),
    ("exec_granted", "command granted"),
    ("h2", "HTTP/2"),
    ("h3_broken", "HTTP/3 broken"),
    ("hsts_lost", "HSTS lost"),
    ("http_only", "HTTP only"),
    ("https_alpn", "HTTPS ALPN"),
    ("icmp", "ICMP"),
    ("key_id", "key ID"),
    ("strict_kex", "strict key exchange"),
    ("ke_port", "key establishment port"),
    ("mac_client_to_server", "MAC client to server"),
    ("nts_known", "NTS known"),
    ("ntp_port", "NTP port"),
    ("pty_granted", "terminal granted"),
    ("quic_retry", "QUIC retry"),
    ("sftp_extensions", "SFTP extensions"),
    ("sshfp_authenticated", "SSHFP authenticated"),
    ("tls_upgrade", "TLS upgrade"),
    ("max_udp_payload", "max UDP payload"),
    ("final_url", "final URL"),
    ("first_word", "first word"),
]


@pytest.mark.parametrize(("name", "label"), LABELLED)
def test_a_fact_has_a_label_in_words(name: str, label: str) -> None:
    assert label_of(name, name) == label


PENALTIES = (
    "crash:90 authfail:5 noauth:1 invaliduser:5 grace-exceeded:10 refuseconnection:10 max:600 "
    "min:15 max-sources4:65536 overflow:permissive other"
)
PENALISED = (
    "crash 90 s, failed login 5 s, no login 1 s, unknown user 5 s, login timeout 10 s, refused "
    "connection 10 s, at most 600 s, enforced from 15 s, max-sources4 65536, overflow permissive, "
    "other"
)


@pytest.mark.parametrize(
    ("name", "value", "label", "text"),
    [
        # a unit that ends the name joins the value
        ("body_bytes", 65_535, "body size", "65535 B"),
        ("chain_bytes", 1 << 16, "chain size", "64 KiB"),
        ("handshake_bytes", (1 << 20) - 1, "handshake size", "1024 KiB"),
        ("sent_bytes", 1 << 20, "sent", "1 MiB"),
        ("sent_bytes", 3 << 19, "sent", "1.50 MiB"),
        ("bytes", 70_000, "bytes", "68.4 KiB"),
        ("bytes", 12, "bytes", "12 B"),
        ("sent_bytes", 1.5, "sent", "1.5 B"),
        ("path_mtu_bytes", 1500, "path MTU", "1500 B"),
        ("dh_bits", 2048, "Diffie-Hellman group", "2048 bit"),
        ("gex_bits", 1024, "smallest group", "1024 bit"),
        ("lifetime_days", 89.5, "lifetime", "89.5 days"),
        ("days", 3, "days", "3 days"),
        ("rate_hertz", 50.0, "rate", "50 Hz"),
        ("drift_ppm", -1.25, "drift", "-1.25 ppm"),
        ("drift_ppm", "unknown", "drift ppm", "unknown"),
        ("grace_seconds", 120.0, "time to log in", "2.0 min"),
        ("think_seconds", 0.001, "server's own time", "1.00 ms"),
        ("ttfb_seconds", 2, "first byte", "2.00 s"),
        ("seconds", 0.5, "took", "500 ms"),
        ("late_seconds", True, "late seconds", "yes"),
        ("waits_seconds", (0.5, 2.0), "waits", "500 ms, 2.00 s"),
        ("waits_seconds", (0.5, "x"), "waits seconds", "0.5, x"),
        ("seen_timestamp_seconds", 0, "seen", "1970-01-01T00:00:00Z"),
        ("cert_expiry_timestamp_seconds", 1.8e9, "certificate expires", "2027-01-15T08:00:00Z"),
        ("seen_timestamp_seconds", "never", "seen timestamp seconds", "never"),
        # codes
        ("leap", 0, "leap", ""),
        ("leap", 1, "leap", "a minute of 61 seconds is announced"),
        ("leap", 2, "leap", "a minute of 59 seconds is announced"),
        ("leap", 3, "leap", "not synchronised"),
        ("penalties", "no", "penalties of a source", "none"),
        (
            "penalties",
            PENALTIES,
            "penalties of a source",
            PENALISED,
        ),
        ("penalties", "crash:1m max:x", "penalties of a source", "crash 1m, at most x"),
        ("startups", (10, 30, 100), "unauthenticated connections",
         "30 % refused from 10, all from 100"),
        ("startups", Startups(held=40), "unauthenticated connections", "40 accepted, none refused"),
        ("startups", Startups(held=9, refusal="Exceeded"), "unauthenticated connections",
         "9 accepted, then: Exceeded"),
        ("trust", "given", "trusted by", "the CA of --ca"),
        ("trust", "system", "trusted by", "the system's roots"),
        ("trust", "none", "trusted by", ""),
        ("trust", {"a": 1}, "trusted by", ""),
        ("host_keys_by_address", {"::1": ("a",), "::2": ("a",)}, "host keys by address", ""),
        ("host_keys_by_address", {"::1": ("a", "b"), "::2": ("a",)}, "host keys by address",
         "::1 a, b; ::2 a"),
    ],
)  # fmt: skip
def test_a_value_is_worded_with_its_unit(name: str, value: Any, label: str, text: str) -> None:
    assert label_and_text(name, value) == (label, text)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "http://p.example:8080, names resolved by the proxy"),
        ({"resolves": "here"}, "http://p.example:8080, names resolved on this machine"),
        ({"host": "2001:db8::1", "scheme": "socks5"},
         "socks5://[2001:db8::1]:8080, names resolved by the proxy"),
        ({"software": "squid/6.6"},
         "http://p.example:8080, squid/6.6, names resolved by the proxy"),
    ],
)  # fmt: skip
def test_a_proxy_is_an_address_with_what_it_is_and_does(changes: dict[str, str], text: str) -> None:
    proxy = Proxy(scheme="http", host="p.example", port=8080, resolves="proxy")
    made = label_and_text("proxy", msgspec.structs.replace(proxy, **changes))
    assert made == ("proxy", text)


def test_limits_are_worded_with_the_worst_value() -> None:
    limits = (
        Limit(name="ttfb", metric="seventh_ttfb_seconds", maximum=0.2, unit="ms",
              measured=(Measured(value=0.1), Measured(value=0.25, labels={"address": "::1"}))),
        Limit(name="http.status", metric="seventh_http_status", minimum=200),
    )  # fmt: skip
    text = "ttfb 250 ms at ::1 (max 200 ms); http.status not measured (min 200)"
    assert label_and_text("limits", limits) == ("limits", text)


class Record(NamedTuple):
    algorithm: int


def test_fingerprints_in_dns_are_counted_and_named_by_the_numbers_of_iana() -> None:
    """RFC 4255 §3.1.1, RFC 6594, RFC 7479 and RFC 8709."""
    records = [Record(number) for number in (1, 2, 3, 3, 4, 6, 5)]
    text = "7 (RSA, DSA, ECDSA, Ed25519, Ed448, algorithm 5)"
    assert label_and_text("sshfp", records) == ("SSHFP", text)
    assert label_and_text("sshfp", []) == ("SSHFP", "")


class Raw(Facts, frozen=True, kw_only=True):
    """Fields with the names of raw forms, one that is shown, and the target's own parts."""

    breadth: int = 0
    cells: int = 0
    close_ended: int = 0
    close_frame: int = 0
    close_sent: int = 0
    configured: int = 0
    measured: int = 0
    foreign_origin_sent: int = 0
    protocol_version: int = 0
    reach: int = 0
    reference_id_hex: int = 0
    reference_timestamp_hex: int = 0
    secure: int = 0
    sends_cookie: int = 0
    ticket_key_name: int = 0
    verified_path: int = 0
    host: int = 0
    port: int = 0
    shown: int = 0


class Nested(msgspec.Struct, frozen=True, kw_only=True):
    reach: int = 0
    host: str = ""
    outcome: str = ""
    detail: str = ""
    side: str = ""
    state: str = ""


class Holder(Facts, frozen=True, kw_only=True):
    record: Nested | None = None


def test_raw_forms_are_not_shown() -> None:
    assert summary(Raw(**{field.name: 5 for field in fields(Raw)})) == [("shown", "5")]
    # in a record, the host is no header's
    assert summary(Holder(record=Nested(reach=1, host="h"))) == [("record", "host h")]


@pytest.mark.parametrize("name", ["outcome", "detail", "side", "state"])
def test_a_record_says_some_values_without_their_label(name: str) -> None:
    assert summary(Holder(record=Nested(host="h", **{name: "refused"}))) == [
        ("record", "host h, refused")
    ]


def test_every_text_is_of_a_fact_that_there_is() -> None:
    names = set(_names())
    for entries in (LABELS, HIDDEN, EVIDENT, VALUES):
        assert set(entries) <= names
    assert set(_WORDS) <= {word for name in names - set(LABELS) for word in name.split("_")}


def _names() -> Iterator[str]:
    kinds: list[Any] = [LintFacts, LocalFacts]
    for room in protocols.rooms():
        kinds += {rule.facts_type for rule in protocols.rules(room)}
    for kind in kinds:
        for field in fields(kind):
            yield field.name
            kinds += [part for part in _parts(field.type) if part not in kinds]


def _parts(kind: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in get_args(kind):
        yield from _parts(part)
