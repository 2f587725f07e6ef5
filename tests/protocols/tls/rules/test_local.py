"""Rules for the certificates of this machine's services."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.localfacts import Cause, Unread
from seventh.model.tlsfacts import CertificateFile, TlsFacts, TlsLocalFacts
from seventh.model.tlslocal import KeyFile, Renewal, Renewer, Served, Service
from seventh.protocols.tls.rules import certificate, local
from seventh.protocols.tls.rules.examples import INTERMEDIATE, LEAF
from tests.verdicts import fixed, told

RULES = (local.key_mode, local.key_mismatch, local.cert_stale, local.no_renewal)
DENIED = Unread(name="/x.pem", cause=Cause.NOT_PERMITTED)
DENIED_KEY = Unread(name="/x.key", cause=Cause.NOT_PERMITTED)
KEY = KeyFile(path="/x.key", mode="0640", owner="root", exposed=False, matches=True)
SERVED = Served(
    service=Service.NGINX, address="127.0.0.1:443", sha256=LEAF.sha256, not_after=LEAF.not_after,
    stale=False, pid=612,
)  # fmt: skip
OLD = replace(SERVED, sha256="cc" * 32, not_after="2026-11-12T00:00:00Z", stale=True)
FILE = CertificateFile(
    path="/x.pem", services=(Service.NGINX,), server_name="host.example", key=KEY,
    served=(SERVED,), chain=(LEAF, INTERMEDIATE), chain_state="trusted", trust="system",
)  # fmt: skip


def machine(*files: CertificateFile, **more: Any) -> TlsFacts:
    return TlsFacts(local=TlsLocalFacts(files=files, **more))


def file(**changes: Any) -> CertificateFile:
    return replace(FILE, **changes)


def key(**changes: Any) -> TlsFacts:
    return machine(file(key=replace(KEY, **changes)))


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_what_is_not_of_the_machine(rule: Any) -> None:
    assert told(rule, TlsFacts()) == (
        "skip: visible only on the machine itself: run `seventh local certificates` there"
    )
    assert told(rule, machine()) == ("not applicable: no configuration names a certificate file")
    assert told(rule, machine(unread=(DENIED,))) == (
        "skip: /x.pem: permission denied (run it as root)"
    )


@pytest.mark.parametrize("rule", RULES[:3], ids=[rule.id for rule in RULES[:3]])
def test_a_file_that_was_not_read(rule: Any) -> None:
    unread = CertificateFile(path="/x.pem", services=(Service.NGINX,), unread=DENIED)
    assert told(rule, machine(FILE, unread)) == "skip: /x.pem: permission denied (run it as root)"


def test_key_modes() -> None:
    assert told(local.key_mode, key()) == "pass"
    assert told(local.key_mode, key(exposed=True, mode="0644")) == (
        "high: any user of this machine can read or change /x.key (mode 0644)"
    )
    assert told(local.key_mode, machine(file(key=None))) == "pass"
    hidden = key(exposed=None, mode="", unread=DENIED_KEY)
    assert told(local.key_mode, hidden) == "skip: /x.key: permission denied (run it as root)"
    # Its mode was seen, although it was not read.
    assert told(local.key_mode, key(unread=DENIED_KEY, matches=None)) == "pass"
    odd = key(path="/a b.key", exposed=True, mode="0646")
    assert fixed(local.key_mode, odd, "any").splitlines() == [
        "chmod o-rwx '/a b.key'", "# replace a key that others may have read, with its certificate",
    ]  # fmt: skip


def test_one_key_of_two_certificates_is_named_once() -> None:
    shared = file(key=replace(KEY, exposed=True, mode="0604"))
    facts = machine(shared, replace(shared, path="/y.pem"))
    assert told(local.key_mode, facts) == (
        "high: any user of this machine can read or change /x.key (mode 0604)"
    )


def test_key_matches() -> None:
    assert told(local.key_mismatch, key()) == "pass"
    assert told(local.key_mismatch, key(matches=False)) == (
        "high: the key of another certificate is configured: /x.pem with /x.key"
    )
    assert told(local.key_mismatch, key(matches=None)) == (
        "skip: /x.key: the key has a passphrase or an unknown form"
    )
    assert told(local.key_mismatch, key(matches=None, unread=DENIED_KEY)) == (
        "skip: /x.key: permission denied (run it as root)"
    )


def test_what_is_served() -> None:
    assert told(local.cert_stale, machine(FILE)) == "pass"
    assert told(local.cert_stale, machine(file(served=(SERVED, OLD)))) == (
        "high: older certificate served than in the file: 127.0.0.1:443 (2026-11-12T00:00:00Z; "
        "/x.pem: 2026-12-30T00:00:00Z)"
    )
    assert told(local.cert_stale, machine(file(served=()))) == (
        "skip: no running program serves /x.pem"
    )
    assert told(local.cert_stale, machine(file(served=()), unread=(DENIED,))) == (
        "skip: /x.pem: permission denied (run it as root)"
    )
    unused = file(services=(), served=())
    assert told(local.cert_stale, machine(unused)) == (
        "not applicable: no configuration of a service names these certificate files"
    )
    assert told(local.cert_stale, machine(FILE, unused)) == "pass"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "kill -HUP 612"),
        ({"unit": "nginx.service"}, "systemctl reload nginx.service"),
        ({"service": Service.CHRONY}, "kill 612   # then start it again"),
        (
            {"service": Service.CHRONY, "unit": "chrony.service"},
            "systemctl restart chrony.service",
        ),
        (
            {"service": Service.CADDY, "arguments": ("run", "--environ", "--config", "/c d")},
            "caddy reload --force --config '/c d'",
        ),
        (
            {"service": Service.CADDY, "unit": "caddy.service", "arguments": ("run",)},
            "systemctl reload caddy.service",
        ),
    ],
)
def test_how_a_program_reloads(changes: dict[str, Any], line: str) -> None:
    facts = machine(file(served=(replace(OLD, **changes), replace(OLD, **changes))))
    assert fixed(local.cert_stale, facts, "any").splitlines() == [
        line,
        (
            "# after each renewal; with certbot, an executable file with this line in "
            "/etc/letsencrypt/renewal-hooks/deploy"
        ),
    ]


def test_renewal() -> None:
    kept = file(client=Renewal.CERTBOT)
    renewer = Renewer(client=Renewal.CERTBOT, path="/etc/cron.d/certbot")
    other = Renewer(client=Renewal.LEGO, path="/etc/cron.d/lego")
    assert told(local.no_renewal, machine(kept, renewers=(renewer,))) == "pass"
    assert told(local.no_renewal, machine(kept, renewers=(other,))) == (
        "medium: no timer and no job of cron runs certbot, which keeps /x.pem"
    )
    assert told(local.no_renewal, machine(FILE, renewers=())) == (
        "not applicable: no certificate file belongs to a known ACME client"
    )
    hidden = Unread(name="/var/spool/cron/crontabs/*", cause=Cause.NOT_PERMITTED)
    assert told(local.no_renewal, machine(kept, unread=(hidden,))) == (
        "skip: /var/spool/cron/crontabs/*: permission denied (run it as root)"
    )


@pytest.mark.parametrize(
    ("client", "systemd", "line"),
    [
        (Renewal.CERTBOT, True, "systemctl enable --now certbot.timer"),
        (Renewal.CERTBOT, False,
         "echo '17 3 * * * root certbot renew -q' > /etc/cron.d/certbot-renew"),
        (Renewal.ACME_SH, True, "/root/.acme.sh/acme.sh --install-cronjob"),
        (Renewal.DEHYDRATED, True,
         "echo '17 3 * * * root dehydrated --cron' > /etc/cron.d/dehydrated"),
        (Renewal.LEGO, True,
         "# run `lego renew` daily, with the options of `lego run`, by a timer or cron"),
    ],
)  # fmt: skip
def test_what_enables_renewal(client: Renewal, systemd: bool, line: str) -> None:
    facts = machine(file(client=client), renewers=(), systemd=systemd)
    assert fixed(local.no_renewal, facts, "any") == line


def test_files_are_judged_like_handshakes() -> None:
    gone = replace(LEAF, days_left=-3.0)
    facts = machine(FILE, file(path="/y.pem", chain=(gone, INTERMEDIATE)))
    assert told(certificate.cert_expired, facts) == (
        "critical: expired: CN=host.example (2026-12-30T00:00:00Z) (/y.pem)"
    )
    unused = machine(file(path="/y.pem", services=(), chain=(gone, INTERMEDIATE)))
    assert told(certificate.cert_expired, unused).startswith("low: ")
    assert told(certificate.cert_expired, machine(FILE)) == "pass"
    unread = CertificateFile(path="/z.pem", services=(Service.NGINX,), unread=DENIED)
    assert told(certificate.cert_expired, machine(FILE, unread)) == (
        "skip: /x.pem: permission denied (run it as root)"
    )
    assert told(certificate.cert_expired, machine()) == (
        "skip: no configuration names a certificate file"
    )
    assert told(certificate.cert_expired, machine(unread=(DENIED,))) == (
        "skip: /x.pem: permission denied (run it as root)"
    )


def test_of_several_files_the_first_to_expire_is_named() -> None:
    files = (
        file(path=f"/{days}.pem", chain=(replace(LEAF, days_left=days), INTERMEDIATE))
        for days in (29.0, 20.0, 60.0, 25.0)
    )
    assert told(certificate.cert_expiring, machine(*files)) == (
        "medium: CN=host.example (/20.0.pem), the first of 3, expires at 2026-12-30T00:00:00Z: "
        "20.0 of 90.0 days left"
    )


def test_the_earliest_expiry_is_that_of_a_service() -> None:
    files = (file(expires=20.0), file(expires=10.0), file(services=(), expires=5.0), FILE)
    assert TlsLocalFacts(files=files).cert_expiry_timestamp_seconds == 10.0
    assert TlsLocalFacts().cert_expiry_timestamp_seconds is None
