"""What each rule says of itself: how grave, how intrusive, which settings of a file decide it."""

from __future__ import annotations

import pytest

from tests.verdicts import declared

DECLARED = {
    "SSH-AGENTFWD": "medium 0 F openssh:ForwardAgent|AllowAgentForwarding",
    "SSH-ALLOWLIST": "info 0 F openssh:AllowUsers|AllowGroups",
    "SSH-AUTH-SLOW": "medium 2 W openssh:UseDNS|GSSAPIAuthentication|UsePAM",
    "SSH-AUTHKEYS-PERM": "medium 0 L openssh:modes",
    "SSH-BANNER-LEAK": "info 0 W openssh:DebianBanner|VersionAddendum",
    "SSH-BANNER-SLOW": "medium 0 W",
    "SSH-CIPHER-WEAK": "high 0 W openssh:Ciphers",
    "SSH-CLIENTS-CUT": "high 0 W openssh:KexAlgorithms|HostKeyAlgorithms|Ciphers|MACs|HostKey",
    "SSH-COMP-PREAUTH": "medium 0 W openssh:Compression",
    "SSH-CONF-OBSOLETE": "info 0 F openssh:idle",
    "SSH-FWD-OPEN": "medium 0 F openssh:GatewayPorts|AllowTcpForwarding|PermitListen",
    "SSH-FWD-REFUSED": "medium 3 W",
    "SSH-GEX-SMALL": "high 1 W openssh:ModuliFile|KexAlgorithms",
    "SSH-HOSTCERT": "high 0 W",
    "SSH-HOSTKEY-CHANGED": "critical 0 W",
    "SSH-HOSTKEY-NOED25519": "low 0 W openssh:HostKey|HostKeyAlgorithms",
    "SSH-HOSTKEY-SPLIT": "high 0 W",
    "SSH-HOSTKEY-WEAK": "high 0 W openssh:HostKey|HostKeyAlgorithms",
    "SSH-HOSTSIG-SHA1": "high 0 W openssh:HostKeyAlgorithms",
    "SSH-KEX-NOPQ": "low 0 W openssh:KexAlgorithms",
    "SSH-KEX-SLOW": "low 0 W",
    "SSH-KEX-WEAK": "high 0 W openssh:KexAlgorithms",
    "SSH-MAC-WEAK": "medium 0 W openssh:MACs|Ciphers",
    "SSH-MOSH-BLOCKED": "medium 3 W",
    "SSH-NO-KEEPALIVE": "low 4 W "
    "openssh:ClientAliveInterval|ClientAliveCountMax|ServerAliveInterval|proxied_by",
    "SSH-CONF-KEYCHAIN": "low 0 F openssh:not_ignored|ignored",
    "SSH-CONF-OVERRIDDEN": "low 0 F openssh:overridden",
    "SSH-NOAUTH": "critical 2 W openssh:PermitEmptyPasswords",
    "SSH-NOMUX": "info 0 F openssh:jump|ControlMaster|ControlPath",
    "SSH-PASSWORD-ON": "high 2 W "
    "openssh:PasswordAuthentication|KbdInteractiveAuthentication|AuthenticationMethods",
    "SSH-PROTO1": "critical 0 W openssh:Protocol",
    "SSH-PUBKEY-OFF": "medium 2 W openssh:PubkeyAuthentication|AuthenticationMethods",
    "SSH-REKEY-FAIL": "medium 2 W",
    "SSH-ROOT-PASSWORD": "high 2 W "
    "openssh:PermitRootLogin|PasswordAuthentication|KbdInteractiveAuthentication",
    "SSH-SFTP-OFF": "low 2 W openssh:Subsystem",
    "SSH-SSHFP": "medium 0 D",
    "SSH-TERRAPIN": "high 0 W openssh:Ciphers|MACs",
    "SSH-THROTTLE": "medium 0 F openssh:PerSourcePenalties|MaxStartups|LoginGraceTime",
    "SSH-USERCERT": "high 2 W",
    "SSH-USERSIG-SHA1": "medium 0 W openssh:PubkeyAcceptedAlgorithms",
}


@pytest.mark.parametrize("name", DECLARED)
def test_a_rule_by_its_declaration(name: str) -> None:
    assert declared("ssh")[name] == DECLARED[name]
