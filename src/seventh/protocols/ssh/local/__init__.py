"""The area ``ssh``: the settings of this machine's sshd, and why logins are refused."""

from __future__ import annotations

from typing import Any

from seventh.localkit.area import Area, Call, Command, File
from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ssh.client.config import modes
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.facts.local import SshLocalFacts
from seventh.protocols.ssh.local import certificates, daemon, keys, logins
from seventh.protocols.ssh.local.certificates import HostCertificates

_LOG_BYTES = 1024 * 1024
_LINES = "5000"


def learn(facts: SshFacts, seen: Seen, options: None) -> SshFacts:
    """Add the state of this machine's SSH server."""
    found = daemon.listener(seen.processes)
    process = found[0] if found is not None else None
    log = logins.refused(seen)
    unread = [*seen.unread]
    if log is None and not isinstance(seen.output(logins.JOURNAL), Unread):
        detail = "no line of sshd"
        unread.append(Unread(name=logins.JOURNAL, cause=Cause.UNEXPECTED, detail=detail))
    strict = " ".join(daemon.setting(seen, "strictmodes"))
    key_files = daemon.setting(seen, "authorizedkeysfile") or None
    checked, not_seen = _key_files(seen, key_files)
    local = SshLocalFacts(
        installed=daemon.version(seen)[0],
        running=None if isinstance(seen.processes, Unread) else process is not None,
        replaced=daemon.is_replaced(process) if process is not None else None,
        unit=process.unit if process is not None else "",
        pid=process.pid if process is not None else None,
        age_seconds=process.age_seconds if process is not None else None,
        strict_modes={"yes": True, "no": False}.get(strict),
        key_files=key_files,
        certificate_files=certificates.files(seen),
        users_with_keys=None if checked is None else len({each.user for each in checked}),
        users_not_seen=not_seen,
        refused_logins=log[2] if log is not None else None,
        log=log[0] if log is not None else "",
        log_since=log[1] if log is not None else "",
        unread=tuple(dict.fromkeys(unread)),
    )
    wrong = _wrong(checked, not_seen)
    presented = seen.calls.get(certificates.NAME)
    return facts.learn(
        host_certificates=presented.found if isinstance(presented, HostCertificates) else (),
        local=local, config=SshConfigFacts(side="keys", **modes.facts(wrong)),
    )  # fmt: skip


def _key_files(
    seen: Seen, named: tuple[str, ...] | None
) -> tuple[tuple[keys.KeyFile, ...] | None, tuple[str, ...]]:
    """Return the files that sshd reads, of those that were checked, and the users not seen."""
    looked: Any = seen.calls.get(keys.NAME)
    if not isinstance(looked, keys.KeyFiles):
        return None, ()
    names = keys.NAMES if named is None else tuple(name.removeprefix("%h/") for name in named)
    if not set(names) & set(keys.NAMES):
        return None, ()
    return tuple(each for each in looked.found if each.name in names), looked.not_seen


def _wrong(
    checked: tuple[keys.KeyFile, ...] | None, not_seen: tuple[str, ...]
) -> modes.WrongModes | None:
    """Return the wrong modes, each once; None where those that were not seen leave it open."""
    if checked is None:
        return None
    wrong = tuple(dict.fromkeys(each for file in checked for each in file.wrong))
    return None if not_seen and not wrong else wrong


AREAS = (
    Area(
        name="ssh",
        title="the settings of sshd, the modes of its key files, and why logins were refused",
        facts=SshFacts,
        learn=learn,
        prints=daemon.printed,
        linters=("openssh",),
        commands=(
            Command(
                name=daemon.SETTINGS, words=("sshd", "-T"), of=("sshd",), more=daemon.options,
                reads="the effective settings, judged as a configuration file is; with -f, -o, -h, "
                "-p and -c of the sshd that root runs",
            ),
            Command(
                name=daemon.VERSION, words=("sshd", "-V"), on_stderr=True, exit_codes=(0, 1),
                reads="the installed version",
            ),
            Command(
                name=logins.JOURNAL,
                words=(
                    "journalctl", "--quiet", "--no-pager", "--output=short-iso", "--since=-7d",
                    f"--lines={_LINES}", "--identifier=sshd", "--identifier=sshd-session",
                    "--identifier=sshd-auth", "--identifier=fail2ban.actions",
                ),
                reads=f"refused logins, in the last {_LINES} lines of a week",
                max_bytes=2 * _LOG_BYTES,
            ),
        ),
        files=(
            *(
                File(
                    path=path, from_end=True, max_bytes=_LOG_BYTES,
                    reads="refused logins, if the journal has none: the last MiB",
                )
                for path in logins.FILES
            ),
            keys.PASSWD,
            keys.MOUNTS,
        ),
        processes=("sshd",),
        further=(certificates.CERTIFICATES,),
        rules=frozenset({"SSH-HOSTCERT"}),
        calls=(
            Call(
                name=keys.NAME, run=keys.look,
                reads="owners and modes of the home directory, .ssh and authorized_keys of every "
                "user with a shell, not their contents",
            ),
        ),
    ),
)  # fmt: skip
