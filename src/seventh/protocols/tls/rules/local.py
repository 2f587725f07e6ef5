"""Rules for the certificates of this machine's services: keys, renewal, what is still served."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from msgspec.structs import replace

from seventh.model.localfacts import Unread
from seventh.model.severity import Severity
from seventh.model.tlsfacts import CertificateFile, TlsFacts, TlsLocalFacts
from seventh.model.tlslocal import KeyFile, Renewal, Renewer, Served, Service
from seventh.protocols.tls.rules.examples import GOOD, INTERMEDIATE, LEAF
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.rules.unread import not_looked, not_read, reason

AREA = "certificates"
_NO_FILES = not_applicable("no configuration names a certificate file")
_LIVE = "/etc/letsencrypt/live/host.example"
_KEY = KeyFile(
    path=f"{_LIVE}/privkey.pem", mode="0600", owner="root", exposed=False, matches=True
)  # fmt: skip
_SERVED = Served(
    service=Service.NGINX, address="127.0.0.1:443", sha256=LEAF.sha256, not_after=LEAF.not_after,
    stale=False, pid=612, unit="nginx.service",
)  # fmt: skip
_FILE = CertificateFile(
    path=f"{_LIVE}/fullchain.pem", services=(Service.NGINX,), server_name="host.example",
    client=Renewal.CERTBOT, key=_KEY, served=(_SERVED,), chain=(LEAF, INTERMEDIATE),
    chain_state="trusted", trust="system",
)  # fmt: skip
_LOCAL = TlsLocalFacts(
    files=(_FILE,), systemd=True,
    renewers=(
        Renewer(
            client=Renewal.CERTBOT,
            path="/etc/systemd/system/timers.target.wants/certbot.timer",
        ),
    ),
)  # fmt: skip
GOOD_LOCAL = GOOD.learn(local=_LOCAL)
"""A machine with nothing wrong."""


def with_file(**changes: object) -> TlsFacts:
    """Return that machine with changes in its only certificate file."""
    return GOOD.learn(local=replace(_LOCAL, files=(replace(_FILE, **changes),)))


@rule(
    "TLS-KEY-MODE",
    Severity.HIGH,
    tier=0,
    source=Source.LOCAL,
    title="Private key readable by every user",
    evidence="any user of this machine can read or change {keys}",
    why="Any program on the machine, such as a web application with a fault, can copy the key. "
    "With a copy, an attacker can impersonate the server until the certificate expires or is "
    "revoked.",
    fix={
        "any": "Remove the rights of others (`chmod o-rwx FILE`). Replace a key that others may "
        "have read, with its certificate.",
    },
    references=("RFC 5280 §8",),
    seed=("12.10.4",),
    good=GOOD_LOCAL,
    bad=with_file(key=replace(_KEY, mode="0644", exposed=True)),
)
def key_mode(tls: TlsFacts) -> Verdict:
    """Fail a key that the mode of its file and those of all folders above it expose."""
    if tls.local is None:
        return not_looked(AREA)
    every = _keys(tls.local)
    exposed = [key for key in every if key.exposed]
    if exposed:
        keys = tuple(f"{key.path} (mode {key.mode})" for key in exposed)
        return Hit(keys=keys).fixed_by(
            "any",
            *(f"chmod o-rwx {shlex.quote(key.path)}" for key in exposed),
            "# replace a key that others may have read, with its certificate",
        )
    return _unread(tls.local, (key.unread for key in every if key.exposed is None))


def _keys(local: TlsLocalFacts) -> tuple[KeyFile, ...]:
    """Return the key files, each once."""
    keys = {file.key.path: file.key for file in local.files if file.key is not None}
    return tuple(keys.values())


def _unread(local: TlsLocalFacts, more: Iterable[Unread | None] = ()) -> Skip | None:
    """Return why a file that the rule needs was not read, or that there is none; else None."""
    if not local.files:
        return Skip("; ".join(map(reason, local.unread))) if local.unread else _NO_FILES
    unread = [file.unread for file in local.files if file.unread is not None]
    found = next((each for each in (*unread, *more) if each is not None), None)
    return Skip(reason(found)) if found is not None else None


@rule(
    "TLS-KEY-MISMATCH",
    Severity.HIGH,
    tier=0,
    source=Source.LOCAL,
    title="Private key does not belong to the certificate",
    evidence="the key of another certificate is configured: {pairs}",
    why="The program still runs with what it loaded earlier. It refuses its next reload and does "
    "not start again.",
    fix={
        "any": "Configure the key for which the certificate was issued, or issue the certificate "
        "again for this key. They match if these print the same: `openssl x509 -noout -pubkey -in "
        "CERTIFICATE` and `openssl pkey -pubout -in KEY`.",
    },
    references=("RFC 9846 §4.5.2",),
    seed=("12.3.6",),
    good=GOOD_LOCAL,
    bad=with_file(key=replace(_KEY, matches=False)),
)
def key_mismatch(tls: TlsFacts) -> Verdict:
    """Fail a certificate with another public key than that of its key file."""
    if tls.local is None:
        return not_looked(AREA)
    wrong = [
        (file.path, file.key.path)
        for file in tls.local.files
        if file.key is not None and file.key.matches is False
    ]
    if wrong:
        return Hit(pairs=tuple(f"{certificate} with {key}" for certificate, key in wrong))
    unknown = [file for file in tls.local.files if file.key and file.key.matches is None]
    skip = _unread(tls.local, (file.key.unread for file in unknown if file.key is not None))
    if skip is None and unknown and unknown[0].key is not None:
        return Skip(f"{unknown[0].key.path}: the key has a passphrase or an unknown form")
    return skip


@rule(
    "TLS-CERT-STALE",
    Severity.HIGH,
    tier=0,
    source=Source.LOCAL,
    title="Program still serves the certificate from before the renewal",
    evidence="older certificate served than in the file: {served}",
    why="A program loads its certificate when it starts or reloads. Without a reload after the "
    "renewal, clients get the old certificate until it expires, and then refuse the connection.",
    fix={
        "any": "Reload the program after each renewal: with certbot, by an executable file in "
        "/etc/letsencrypt/renewal-hooks/deploy.",
    },
    references=("Manual page certbot(1): --deploy-hook",),
    seed=("12.12",),
    good=GOOD_LOCAL,
    bad=with_file(
        served=(
            replace(_SERVED, sha256="cc" * 32, not_after="2026-11-12T00:00:00Z", stale=True),
        ),
    ),
)  # fmt: skip
def cert_stale(tls: TlsFacts) -> Verdict:
    """Fail a served certificate with the names of the file's and an earlier end."""
    if tls.local is None:
        return not_looked(AREA)
    files = [file for file in tls.local.files if file.services]
    stale = [(file, one) for file in files for one in file.served if one.stale]
    if stale:
        served = tuple(
            f"{one.address} ({one.not_after}; {file.path}: {file.chain[0].not_after})"
            for file, one in stale
        )
        return Hit(served=served).fixed_by(
            "any",
            *dict.fromkeys(_reload(one) for _, one in stale),
            "# after each renewal; with certbot, an executable file with this line in "
            "/etc/letsencrypt/renewal-hooks/deploy",
        )
    if (skip := _unread(tls.local)) is not None:
        return skip
    unseen = [file.path for file in files if not file.served]
    if not files:
        return not_applicable("no configuration of a service names these certificate files")
    if unseen:
        reasons = "; ".join(map(reason, tls.local.unread))
        return Skip(reasons or f"no running program serves {', '.join(unseen[:4])}")
    return None


def _reload(served: Served) -> str:
    """Return the command by which a program loads its certificate again."""
    restarts = served.service is Service.CHRONY  # it reads them only when it starts
    if served.unit:
        return f"systemctl {'restart' if restarts else 'reload'} {served.unit}"
    if served.service is Service.CADDY:  # it ignores the signal
        words = [word for word in served.arguments if word not in {"run", "--environ"}]
        return shlex.join(["caddy", "reload", "--force", *words])
    if restarts:
        return f"kill {served.pid}   # then start it again"
    return f"kill -HUP {served.pid}"


@rule(
    "TLS-NO-RENEWAL",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="No timer renews the certificates of an ACME client",
    evidence="no timer and no job of cron runs {clients}, which keeps {files}",
    why="An ACME certificate lives for 90 days or less. Without a timer it expires unless a person "
    "renews it in time.",
    fix={
        "any": "Enable the timer or the job of cron that the ACME client brings, such as "
        "certbot.timer.",
    },
    references=("RFC 8555",),
    seed=("12.12",),
    good=GOOD_LOCAL,
    bad=GOOD.learn(local=replace(_LOCAL, renewers=())),
)
def no_renewal(tls: TlsFacts) -> Verdict:
    """Fail a file of an ACME client that no timer and no job of cron names."""
    if tls.local is None:
        return not_looked(AREA)
    if not tls.local.files:
        return _unread(tls.local)
    kept = [file for file in tls.local.files if file.client is not None]
    if not kept:
        return not_applicable("no certificate file belongs to a known ACME client")
    if tls.local.renewers is None:
        return not_read(tls.local.unread, *(each.name for each in tls.local.unread))
    renewed = {renewer.client for renewer in tls.local.renewers}
    left = [file for file in kept if file.client not in renewed]
    if not left:
        return None
    clients = tuple(dict.fromkeys(file.client for file in left if file.client is not None))
    return Hit(
        clients=tuple(client.value for client in clients),
        files=tuple(file.path for file in left),
    ).fixed_by("any", *(_renew(client, systemd=tls.local.systemd) for client in clients))


def _renew(client: Renewal, *, systemd: bool) -> str:
    match client:
        case Renewal.CERTBOT if systemd:
            return "systemctl enable --now certbot.timer"
        case Renewal.CERTBOT:
            return "echo '17 3 * * * root certbot renew -q' > /etc/cron.d/certbot-renew"
        case Renewal.ACME_SH:
            return "/root/.acme.sh/acme.sh --install-cronjob"
        case Renewal.DEHYDRATED:
            return "echo '17 3 * * * root dehydrated --cron' > /etc/cron.d/dehydrated"
        case Renewal.LEGO:
            return "# run `lego renew` daily, with the options of `lego run`, by a timer or cron"
