"""Refused logins in sshd's log, by cause: the journal, or a file that syslog writes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seventh.localkit.seen import Seen
from seventh.model.localfacts import Unread
from seventh.protocols.ssh.facts.local import LoginCause, RefusedLogins
from seventh.wire.text import printable

JOURNAL = "journalctl"
FILES = ("/var/log/auth.log", "/var/log/secure")
"""Debian's and Red Hat's."""
_LINE = re.compile(
    r"(?P<time>\S+|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ "
    r"(?P<program>sshd(?:-session|-auth)?|fail2ban\.actions|fail2ban-server)"
    r"(?:\[\d+\])?:\s(?P<text>.*)"
)
_REPEATED = re.compile(r"message repeated (\d{1,9}) times: \[ ?(.*?)\]?$")
_ADDRESS = r"(?P<address>[0-9A-Fa-f.:]+(?:%\w+)?)"
_FOR_USER = rf"for (?!invalid user )(?P<about>\S+) from {_ADDRESS}"
_NOT_ALLOWED = rf"User (?P<{{0}}>\S+)(?: from {_ADDRESS})? not allowed because "
_DROPPED = rf"drop connection #\d+ from \[{_ADDRESS}\]:\d+ .*"
_PATTERNS = {
    LoginCause.NO_SUCH_USER: rf"Invalid user .*? ?from {_ADDRESS}",
    LoginCause.WRONG_PASSWORD: r"Failed (?:password|keyboard-interactive/pam) " + _FOR_USER,
    LoginCause.KEY_UNKNOWN: "Failed publickey " + _FOR_USER,
    LoginCause.KEY_MODES:
        r"Authentication refused: bad ownership or modes for (?:file|directory) (?P<about>/.*)",
    LoginCause.KEY_ALGORITHM:
        r"userauth_pubkey: (?:signature algorithm|key type) (?P<about>\S+) not in PubkeyAccepted",
    LoginCause.KEY_REVOKED: r"(?:error: )?Authentication key .* revoked",
    LoginCause.CERTIFICATE: r"(?:error: )?(?P<about>Certificate (?:invalid|lacks|does not).*)",
    LoginCause.LOCKED: _NOT_ALLOWED.format("about") + "account is locked",
    LoginCause.SHELL:
        _NOT_ALLOWED.format("user")
        + r"shell (?P<about>.*?) (?:does not exist|is not executable)",
    LoginCause.NOT_ALLOWED: _NOT_ALLOWED.format("about") + "(?!account|shell)",
    LoginCause.ROOT: rf"ROOT LOGIN REFUSED FROM {_ADDRESS}",
    LoginCause.PAM:
        r"(?:fatal: )?Access denied for user (?P<about>\S+) by PAM account configuration",
    LoginCause.TOO_MANY_TRIES:
        rf"(?:error: )?maximum authentication attempts exceeded for .* from {_ADDRESS}",
    LoginCause.TIMEOUT:
        rf"(?:fatal: )?Timeout before authentication for (?:connection from )?{_ADDRESS}",
    LoginCause.NO_COMMON_ALGORITHM:
        rf"(?:fatal: )?Unable to negotiate with {_ADDRESS} port \d+: no matching (?P<about>.*?) "
        "found",
    LoginCause.PENALTY: _DROPPED + "penalty: ",
    LoginCause.STARTUPS: _DROPPED + r"past \w*MaxStartups",
    LoginCause.BANNED: rf".*\[sshd\] Ban {_ADDRESS}",
}  # fmt: skip
"""As OpenSSH words them: auth.c, auth2-pubkey.c, misc.c, packet.c, sshd.c, srclimit.c."""
_CAUSES = {cause: re.compile(pattern) for cause, pattern in _PATTERNS.items()}
_PRIVILEGES = " [preauth]"
_MAX_ABOUT = 8
_MAX_ADDRESSES = 100_000


class _Count:
    def __init__(self) -> None:
        self.count = 0
        self.addresses: set[str] = set()
        self.about: dict[str, None] = {}


def refused(seen: Seen) -> tuple[str, str, tuple[RefusedLogins, ...]] | None:
    """Return the log, the time of its first line and the refused logins; None without a log.

    A log without any line of sshd shows nothing: another one may have them.
    """
    for name in (JOURNAL, *FILES):
        text = seen.output(name) if name == JOURNAL else seen.file(name)
        if isinstance(text, Unread):
            continue
        found = _counted(text)
        if found is not None:
            return (name, *found)
    return None


def _counted(text: str) -> tuple[str, tuple[RefusedLogins, ...]] | None:
    first = ""
    counts: dict[LoginCause, _Count] = {}
    for time, line in _lines(text):
        first = first or time
        repeated = _REPEATED.match(line)
        times, message = (int(repeated[1]), repeated[2]) if repeated else (1, line)
        message = message.removesuffix(_PRIVILEGES)
        for cause, pattern in _CAUSES.items():
            match = pattern.match(message)
            if match is None:
                continue
            count = counts.setdefault(cause, _Count())
            count.count += times
            named = match.groupdict()
            if named.get("address") and len(count.addresses) < _MAX_ADDRESSES:
                count.addresses.add(named["address"])
            if named.get("about") and len(count.about) < _MAX_ABOUT:
                count.about[printable(named["about"], 200)] = None
            break
    if not first:
        return None
    found = [
        RefusedLogins(
            cause=cause, count=count.count, addresses=len(count.addresses),
            about=tuple(count.about),
        )
        for cause, count in counts.items()
    ]  # fmt: skip
    order = list(LoginCause)
    return first, tuple(sorted(found, key=lambda one: (-one.count, order.index(one.cause))))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield the time and the message of each line of sshd, or of what bans its clients."""
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is not None:
            yield match["time"], match["text"]
