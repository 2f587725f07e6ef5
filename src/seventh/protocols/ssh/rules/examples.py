"""What the examples of the rules are made of: an offer without fault, and a host key."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from seventh.protocols.ssh.facts import HostKey, Names, Proposal, SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.facts.login import Login, Trust

MODERN = Proposal(
    kex_algorithms=(
        "mlkem768x25519-sha256", "curve25519-sha256", "ext-info-s", "kex-strict-s-v00@openssh.com",
    ),
    server_host_key_algorithms=("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"),
    encryption_algorithms_client_to_server=(
        "chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr",
    ),
    encryption_algorithms_server_to_client=(
        "chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr",
    ),
    mac_algorithms_client_to_server=("hmac-sha2-256-etm@openssh.com",),
    mac_algorithms_server_to_client=("hmac-sha2-256-etm@openssh.com",),
    compression_algorithms_client_to_server=("none",),
    compression_algorithms_server_to_client=("none",),
)  # fmt: skip
"""An offer without fault; the examples of the rules change one list of it."""


def offering(**lists: Names) -> SshFacts:
    """Return facts of a server whose offer is :data:`MODERN` but for ``lists``."""
    offer = replace(MODERN, **lists)
    return SshFacts(
        kexinit=offer, strict_kex="kex-strict-s-v00@openssh.com" in offer.kex_algorithms
    )


def key(kind: str = "ssh-ed25519", bits: int = 256) -> HostKey:
    """Return a host key for examples."""
    return HostKey(
        type=kind, bits=bits, sha256="SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        sha256_hex="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        sha1_hex="da39a3ee5e6b4b0d3255bfef95601890afd80709",
    )  # fmt: skip


def trusting(**fields: Any) -> SshFacts:
    """Return facts of a server whose key has that status in known_hosts."""
    return SshFacts(trust=(Trust(key="ssh-ed25519 SHA256:new", **fields),))


def logged_in(**fields: Any) -> SshFacts:
    """Return facts of a login."""
    return SshFacts(login=Login(**fields))


def sshd_config(**fields: Any) -> SshFacts:
    """Return facts of a server's configuration file."""
    return SshFacts(config=SshConfigFacts(side="server", **fields))


def ssh_config(**fields: Any) -> SshFacts:
    """Return facts of a client's configuration file."""
    return SshFacts(config=SshConfigFacts(side="client", **fields))


def authorized_keys(**fields: Any) -> SshFacts:
    """Return facts of an authorized_keys file."""
    return SshFacts(config=SshConfigFacts(side="keys", **fields))
