"""Rules for OpenSSH's certificates, of the host and of the user."""

from __future__ import annotations

import shlex
from typing import Any

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.certificates import SshCertificate
from seventh.protocols.ssh.facts.local import SshLocalFacts
from seventh.protocols.ssh.facts.login import Login
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.rules.unread import not_read
from seventh.wire.address import is_literal

_CERTIFICATE = "-cert.pub"
URGENT_DAYS = 7.0
_PHRASES = {
    "kind": "it is a certificate of another kind ({kind})",
    "signature": "its signature is wrong",
    "sha1": "it is signed with SHA-1",
    "by-certificate": "it is signed by another certificate",
    "early": "not valid before {valid_after}",
    "expired": "expired on {valid_before}",
    "expiring": "expires on {valid_before}",
    "critical": "unknown critical option among {options}",
    "principal": "it is for {principals}, not for {name}",
    "no-principals": "it has no principals",
    "other-key": "it is of none of the server's host keys",
}
_KEY = "ssh-ed25519 SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


def _example(**fields: Any) -> SshCertificate:
    usual: dict[str, Any] = {
        "kind": "host", "key": _KEY, "name": "host.example", "principals": ("host.example",),
        "valid_after": "2026-01-01T00:00+00:00", "valid_before": "2027-01-01T00:00+00:00",
        "days_left": 60.0, "lifetime_days": 365.0, "authority": "ssh-ed25519 SHA256:authority",
    }  # fmt: skip
    return SshCertificate(**{**usual, **fields})


def _hit(
    severity: Severity | None, certificate: SshCertificate, problems: list[str], **more: Any
) -> Hit:
    return Hit(
        severity,
        key=certificate.key,
        problems=tuple(problems),
        kind=certificate.kind,
        valid_after=certificate.valid_after,
        valid_before=certificate.valid_before,
        options=certificate.critical_options,
        principals=certificate.principals,
        name=certificate.name,
        **more,
    )


@rule(
    "SSH-HOSTCERT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Host certificate invalid or about to expire",
    evidence="certificate of {key}: {problems}",
    phrases={"problems": _PHRASES},
    why="Clients that trust the CA reject the certificate and fall back to the plain key, which "
    "they do not know: logins fail, or users are asked to accept an unknown key.",
    fix={
        "openssh": "Sign the host key again: ssh-keygen -s host_ca -h -I HOST -n HOST -V +52w "
        "/etc/ssh/ssh_host_ed25519_key.pub, with each name that clients use after -n; then restart "
        "sshd. Automate it.",
        "any": "Issue a new host certificate with each name that clients use, before the old one "
        "expires.",
    },
    references=("PROTOCOL.certkeys (OpenSSH)",),
    seed=("12.2.1",),
    good=SshFacts(host_certificates=(_example(),)),
    bad=SshFacts(host_certificates=(_example(days_left=-3.0, faults=("expired",)),)),
)
def hostcert(ssh: SshFacts) -> Verdict:
    """Report host certificates that clients reject (high), or soon will (medium).

    An address is not compared with the principals: clients that use a name do not notice.
    """
    if not ssh.host_certificates and ssh.local is None:
        if Topic.HOST_CERTIFICATES in ssh.unknown:
            return Skip(ssh.unknown[Topic.HOST_CERTIFICATES])
        if ssh.kexinit is None:
            return Skip("no KEXINIT was received")
        return not_applicable("the server offers no host certificate")
    unknown = _not_read(ssh, ssh.local) if ssh.local is not None else None
    for certificate in ssh.host_certificates:
        faults = [fault for fault in certificate.faults if fault != "unverified"]
        if faults == ["principal"] and is_literal(certificate.name):
            faults = []
        if faults:
            return _host_hit(None, certificate, [*faults])
        if _expires_soon(certificate):
            return _host_hit(Severity.MEDIUM, certificate, ["expiring"])
        if certificate.faults == ("unverified",):
            unknown = Skip(f"the CA's key type is not supported here: {certificate.authority}")
    return unknown


def _not_read(ssh: SshFacts, local: SshLocalFacts) -> Skip | None:
    """Skip where the files of this machine's certificates are not known, or not all read."""
    if local.certificate_files is None:
        return not_read(local.unread, "sshd -T")
    if not local.certificate_files:
        return not_applicable("sshd has no host certificate")
    read = {certificate.source for certificate in ssh.host_certificates}
    missing = [path for path in local.certificate_files if path not in read]
    return not_read(local.unread, *missing) if missing else None


def _host_hit(severity: Severity | None, certificate: SshCertificate, problems: list[str]) -> Hit:
    """Return the hit; with the line that signs the key again where its file is known."""
    source = certificate.source
    if not source:
        return _hit(severity, certificate, problems)
    hit = _hit(severity, replace(certificate, key=f"{certificate.key} ({source})"), problems)
    if not source.endswith(_CERTIFICATE):
        return hit
    words = shlex.join([
        "-I", certificate.key_id or "HOST", "-n", ",".join(certificate.principals) or "HOST",
        "-V", "+52w", f"{source.removesuffix(_CERTIFICATE)}.pub",
    ])  # fmt: skip
    return hit.fixed_by(
        "openssh",
        "# with the CA's key, and each name that clients use after -n; then restart sshd",
        f"ssh-keygen -s host_ca -h {words}",
    )  # fmt: skip


def _expires_soon(certificate: SshCertificate) -> bool:
    """Return whether less than a week, and less than a sixth of the lifetime, is left."""
    left, lifetime = certificate.days_left, certificate.lifetime_days
    return left is not None and lifetime is not None and left < min(URGENT_DAYS, lifetime / 6)


def _user_login(outcome: Any = "rejected", **fields: Any) -> SshFacts:
    own = _example(kind="user", source="id_ed25519", name="ops", principals=("ops",), **fields)
    return SshFacts(login=Login(user="ops", outcome=outcome, certificates=(own,)))


@rule(
    "SSH-USERCERT",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="User certificate that servers reject",
    evidence="certificate in {source} ({key}): {problems}",
    phrases={"problems": _PHRASES},
    why="Servers that trust the CA reject the login with this certificate.",
    fix={
        "any": "Have the CA sign the key again: ssh-keygen -s user_ca -I NAME -n USER -V +1d "
        "id_ed25519.pub, with the user's name (or what AuthorizedPrincipalsFile lists) after -n. "
        "If the dates are right, set this machine's clock.",
    },
    references=("PROTOCOL.certkeys (OpenSSH)",),
    seed=("12.2.2",),
    good=_user_login("granted"),
    bad=_user_login(days_left=-0.5, faults=("expired",)),
)
def usercert(ssh: SshFacts) -> Verdict:
    """Report a certificate that cannot be used: high if the login failed, else medium.

    A server may map principals to users, so another principal counts only if the login failed.
    """
    login = ssh.login
    if login is None:
        return Skip("no login was tried: it requires --user")
    if not login.certificates:
        return not_applicable("no key of the user has a certificate")
    granted = login.outcome == "granted"
    mapped = {"principal", "no-principals"} if login.outcome != "rejected" else set()
    for certificate in login.certificates:
        faults = [f for f in certificate.faults if f != "unverified" and f not in mapped]
        if faults:
            severity = Severity.MEDIUM if granted else None
            return _hit(severity, certificate, [*faults], source=certificate.source)
    return None
