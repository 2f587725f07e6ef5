"""The whole verdict on OpenSSH's certificates."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.ssh.facts import Proposal, SshFacts, Topic
from seventh.protocols.ssh.facts.certificates import SshCertificate
from seventh.protocols.ssh.facts.login import Login
from seventh.protocols.ssh.rules import certificates as rules
from tests.verdicts import told

KEY = "ssh-ed25519 SHA256:key"
ENDS = "2027-01-01T00:00+00:00"
CA = "ssh-ed25519 SHA256:ca"


def certificate(*faults: Any, **more: Any) -> SshCertificate:
    usual: dict[str, Any] = {
        "kind": "host", "key": KEY, "name": "a.test", "principals": ("b.test", "c.test"),
        "valid_after": "2026-01-01T00:00+00:00", "valid_before": ENDS, "days_left": 60.0,
        "lifetime_days": 365.0, "authority": CA, "faults": faults,
    }  # fmt: skip
    return SshCertificate(**{**usual, **more})


def host(*certificates: SshCertificate) -> SshFacts:
    return SshFacts(kexinit=Proposal(), host_certificates=certificates)


HIGH = f"high: certificate of {KEY}: "
SOON = f"medium: certificate of {KEY}: expires on {ENDS}"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SshFacts(), "skip: no KEXINIT was received"),
        (SshFacts(kexinit=Proposal()), "not applicable: the server offers no host certificate"),
        (SshFacts(kexinit=Proposal(), unknown={Topic.HOST_CERTIFICATES: "cut"}), "skip: cut"),
        (host(certificate()), "pass"),
        (host(certificate("expired")), f"{HIGH}expired on {ENDS}"),
        (host(certificate("early")), f"{HIGH}not valid before 2026-01-01T00:00+00:00"),
        (host(certificate("sha1", "expired")), f"{HIGH}it is signed with SHA-1; expired on {ENDS}"),
        (host(certificate("kind", kind="user")),
         f"{HIGH}it is a certificate of another kind (user)"),
        (host(certificate("critical", critical_options=("x@y",))),
         f"{HIGH}unknown critical option among x@y"),
        (host(certificate("no-principals", principals=())), f"{HIGH}it has no principals"),
        (host(certificate("principal")), f"{HIGH}it is for b.test, c.test, not for a.test"),
        # Clients that use a name do not notice.
        (host(certificate("principal", name="192.0.2.1")), "pass"),
        (host(certificate("principal", "expired", name="192.0.2.1")),
         f"{HIGH}it is for b.test, c.test, not for 192.0.2.1; expired on {ENDS}"),
        (host(certificate("unverified")),
         f"skip: the CA's key type is not supported here: {CA}"),
        (host(certificate("unverified"), certificate("expired")), f"{HIGH}expired on {ENDS}"),
        (host(certificate(), certificate("expired")), f"{HIGH}expired on {ENDS}"),
        # Soon: a week, or a sixth of a short life.
        (host(certificate(days_left=7.0)), "pass"),
        (host(certificate(days_left=6.9)), SOON),
        (host(certificate(days_left=1.0, lifetime_days=6.0)), "pass"),
        (host(certificate(days_left=0.9, lifetime_days=6.0)), SOON),
        (host(certificate(days_left=None, lifetime_days=None)), "pass"),
    ],
)  # fmt: skip
def test_host_certificates(facts: SshFacts, line: str) -> None:
    assert told(rules.hostcert, facts) == line


def user(outcome: Any, *faults: Any, **more: Any) -> SshFacts:
    own = certificate(*faults, kind="user", name="ops", source="id", **more)
    return SshFacts(login=Login(user="ops", outcome=outcome, certificates=(own,)))


USED = f"certificate in id ({KEY}): "


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SshFacts(), "skip: no login was tried: it requires --user"),
        (SshFacts(login=Login()), "not applicable: no key of the user has a certificate"),
        (user("rejected"), "pass"),
        (user("rejected", "expired"), f"high: {USED}expired on {ENDS}"),
        (user("untried", "expired"), f"high: {USED}expired on {ENDS}"),
        (user("granted", "expired"), f"medium: {USED}expired on {ENDS}"),
        (user("rejected", "principal"), f"high: {USED}it is for b.test, c.test, not for ops"),
        (user("rejected", "no-principals"), f"high: {USED}it has no principals"),
        # The server may map them.
        (user("granted", "principal"), "pass"),
        (user("untried", "principal"), "pass"),
        (user("granted", "no-principals"), "pass"),
        (user("rejected", "unverified"), "pass"),
    ],
)  # fmt: skip
def test_user_certificates(facts: SshFacts, line: str) -> None:
    assert told(rules.usercert, facts) == line
