"""The host's keys: their kinds, their lengths, and how they sign."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import Names, SshFacts, Topic
from seventh.protocols.ssh.rules import lists
from seventh.protocols.ssh.rules import names as algorithms
from seventh.protocols.ssh.rules.algorithms import RSA_SHA2, THE_CLIENTS, is_client, no_offer
from seventh.protocols.ssh.rules.config import weak_user_keys
from seventh.protocols.ssh.rules.examples import key, offering
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


@rule(
    "SSH-HOSTKEY-WEAK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Weak key",
    evidence="{keys}",
    why="Whoever computes the private key of a short host key can pose as the server, and whoever "
    "computes that of a user's key can log in as the user.",
    fix={
        "openssh": "ssh-keygen -t ed25519 -f /etc/ssh/ssh_host_ed25519_key -N ''\n"
        "# in sshd_config, in place of the weak key:\nHostKey /etc/ssh/ssh_host_ed25519_key\n"
        "# RSA again only with: ssh-keygen -t rsa -b 3072",
        "any": "Make an Ed25519 key in its place, and RSA only with 3072 bits or more.",
    },
    references=("NIST SP 800-131A", "RFC 8709"),
    seed=("12.2.2",),
    directives={"openssh": ("HostKey", "HostKeyAlgorithms")},
    good=replace(offering(), host_keys=(key(), key("ssh-rsa", 3072))),
    bad=replace(offering(), host_keys=(key("ssh-rsa", 1024),)),
)
def hostkey_weak(ssh: SshFacts) -> Verdict:
    """DSA by name or key; RSA by size. In authorized_keys, the keys that may log in."""
    if ssh.config is not None and ssh.config.user_keys is not None:
        return weak_user_keys(ssh.config.user_keys)
    if (skip := no_offer(ssh, "HostKeyAlgorithms")) is not None or ssh.kexinit is None:
        return skip
    if is_client(ssh):
        return THE_CLIENTS
    names = ssh.kexinit.server_host_key_algorithms
    found = list(algorithms.explained("host_key", "weak", names))
    rsa = [seen for seen in ssh.host_keys if seen.type == "ssh-rsa" and seen.bits < 3072]
    found += [f"ssh-rsa with {seen.bits} bits ({seen.sha256})" for seen in rsa]
    if found:
        high = len(found) > len(rsa) or any(seen.bits < 2048 for seen in rsa)
        hit = Hit(None if high else Severity.MEDIUM, keys=tuple(found))
        return hit if rsa or ssh.config is None else hit.fixed_by("openssh", lists.without(
            ssh, "HostKeyAlgorithms", _listed(ssh), partial(algorithms.having, "host_key", "weak")
        ))  # fmt: skip
    offers_rsa = algorithms.having("host_key", "sha1", names) or algorithms.having(
        "host_key", "rsa-sha2", names
    )
    if offers_rsa and not any(seen.type == "ssh-rsa" for seen in ssh.host_keys):
        return Skip(ssh.unknown.get(Topic.RSA_KEY, "the RSA host key was not seen"))
    return None


@rule(
    "SSH-HOSTKEY-NOED25519",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No Ed25519 host key",
    evidence="the host keys offered are {algorithms}",
    why="Ed25519 is the smallest, fastest and least error-prone host key, and what clients prefer.",
    fix={
        "openssh": "ssh-keygen -A\n# and where sshd_config names its host keys:\n"
        "HostKey /etc/ssh/ssh_host_ed25519_key",
        "dropbear": "dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key",
        "any": "Add an Ed25519 host key.",
    },
    references=("RFC 8709",),
    seed=("12.2.2",),
    directives={"openssh": ("HostKey", "HostKeyAlgorithms")},
    good=offering(),
    bad=offering(server_host_key_algorithms=("rsa-sha2-512", "rsa-sha2-256")),
)
def hostkey_noed25519(ssh: SshFacts) -> Verdict:
    """Ed25519 is in no form among the host key algorithms."""
    if (skip := no_offer(ssh, "HostKeyAlgorithms")) is not None or ssh.kexinit is None:
        return skip
    if is_client(ssh):
        return THE_CLIENTS
    names = ssh.kexinit.server_host_key_algorithms
    if algorithms.having("host_key", "ed25519", names):
        return None
    if ssh.config is None:
        return Hit(algorithms=names)
    said = ssh.config.lists.get("HostKeyAlgorithms")
    if said is None or algorithms.having("host_key", "ed25519", said.effective):
        return Hit(algorithms=names).fixed_by(
            "openssh",
            "ssh-keygen -A",
            "# beside the other host keys",
            "HostKey /etc/ssh/ssh_host_ed25519_key",
        )
    line = lists.beginning_with(ssh, "HostKeyAlgorithms", ("ssh-ed25519",), said.effective)
    return Hit(algorithms=names).fixed_by("openssh", line)


@rule(
    "SSH-HOSTSIG-SHA1",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="The RSA host key signs with SHA-1 only",
    evidence="{algorithms} is offered without rsa-sha2-256 or rsa-sha2-512",
    why="Modern clients refuse SHA-1 signatures, so they cannot use this host key at all.",
    fix={
        "openssh": "Upgrade to OpenSSH 7.2 or later, or remove the HostKeyAlgorithms line; the key "
        "itself can stay.",
        "any": "Upgrade to a server that knows rsa-sha2-256 and rsa-sha2-512, or add an Ed25519 "
        "host key.",
    },
    references=("RFC 8332",),
    seed=("12.11.1",),
    directives={"openssh": ("HostKeyAlgorithms",)},
    good=offering(server_host_key_algorithms=("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")),
    bad=offering(server_host_key_algorithms=("ssh-ed25519", "ssh-rsa")),
)
def hostsig_sha1(ssh: SshFacts) -> Verdict:
    """RSA is offered with SHA-1 and not with SHA-2."""
    if (skip := no_offer(ssh, "HostKeyAlgorithms")) is not None or ssh.kexinit is None:
        return skip
    if is_client(ssh):
        return THE_CLIENTS
    names = ssh.kexinit.server_host_key_algorithms
    sha1 = algorithms.having("host_key", "sha1", names)
    if not sha1 or algorithms.having("host_key", "rsa-sha2", names):
        return None
    if ssh.config is None:
        return Hit(algorithms=sha1)
    return Hit(algorithms=sha1).fixed_by(
        "openssh", lists.beginning_with(ssh, "HostKeyAlgorithms", RSA_SHA2, _listed(ssh))
    )


def _listed(ssh: SshFacts) -> Names:
    """Return what HostKeyAlgorithms lists, whichever host keys there are to serve it."""
    said = ssh.config.lists.get("HostKeyAlgorithms") if ssh.config is not None else None
    if said is not None:
        return said.effective
    return ssh.kexinit.server_host_key_algorithms if ssh.kexinit is not None else ()
