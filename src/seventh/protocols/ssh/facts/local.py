"""What only the machine itself shows of its SSH server: its process, and who could not log in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

import msgspec

from seventh.model.localfacts import Unread


class LoginCause(StrEnum):
    """Why sshd has refused a login or a key, by its log. Programs match on the values."""

    NO_SUCH_USER = "no-such-user"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - a cause
    KEY_UNKNOWN = "key-not-authorized"
    """Logged from LogLevel VERBOSE on."""
    KEY_MODES = "key-file-modes"
    """StrictModes: others may write the file or a folder above it, or its owner is another."""
    KEY_ALGORITHM = "key-algorithm-not-accepted"
    """It is not in PubkeyAcceptedAlgorithms."""
    KEY_REVOKED = "key-revoked"
    CERTIFICATE = "certificate-invalid"
    NOT_ALLOWED = "not-allowed"
    """AllowUsers, AllowGroups, DenyUsers or DenyGroups."""
    ROOT = "root-not-allowed"
    """PermitRootLogin."""
    LOCKED = "account-locked"
    SHELL = "shell-unusable"
    """The shell does not exist or is not executable."""
    PAM = "pam"
    """PAM refused the account or the session, or failed itself."""
    TOO_MANY_TRIES = "too-many-tries"
    """MaxAuthTries; a client that offers many keys meets it."""
    TIMEOUT = "login-grace-time"
    NO_COMMON_ALGORITHM = "no-common-algorithm"
    PENALTY = "address-penalised"
    """PerSourcePenalties."""
    STARTUPS = "too-many-connections"
    """MaxStartups or PerSourceMaxStartups."""
    BANNED = "address-banned"
    """fail2ban."""


class RefusedLogins(msgspec.Struct, frozen=True, kw_only=True):
    """The log's lines with one cause."""

    SHOWN: ClassVar[tuple[str, ...]] = ("cause", "count")

    cause: LoginCause
    count: int
    addresses: int = 0
    """Different addresses that the lines name."""
    about: tuple[str, ...] = ()
    """What the lines name that decides: paths, algorithms, existing users. Names that do not exist
    are never kept: they may be passwords."""


class SshLocalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The SSH server of this machine, learnt on it."""

    SHOWN: ClassVar[tuple[str, ...]] = ("installed", "running", "replaced", "refused_logins")

    installed: str = ""
    """What ``sshd -V`` prints, such as ``OpenSSH_9.2p1``."""
    running: bool | None = None
    """Whether an sshd listens; None if the processes are not visible."""
    replaced: bool | None = None
    """Whether the file of the running program was replaced or removed since it was started."""
    unit: str = ""
    """Its systemd service; empty if it is not known."""
    pid: int | None = None
    age_seconds: float | None = None
    strict_modes: bool | None = None
    key_files: tuple[str, ...] | None = None
    """AuthorizedKeysFile of the whole server."""
    certificate_files: tuple[str, ...] | None = None
    """HostCertificate; None if the settings were not read."""
    users_with_keys: int | None = None
    """Users with an authorized_keys file whose modes were checked."""
    users_not_seen: tuple[str, ...] = ()
    """Users whose folders may not be read, or are on a network file system."""
    refused_logins: tuple[RefusedLogins, ...] | None = None
    """By cause, the most frequent first; None if no log was read."""
    log: str = ""
    """Where they are from."""
    log_since: str = ""
    """The time of the first line that was read, as the log has it."""
    unread: tuple[Unread, ...] = ()

    @property
    def failed_logins(self) -> Mapping[str, int] | None:
        """The number of refused logins by cause."""
        if self.refused_logins is None:
            return None
        return {each.cause.value: each.count for each in self.refused_logins}
