"""The lists that a client of ``--as`` offers: by its version, or by an ssh_config.

An ssh_config is evaluated by ``ssh -G`` of this machine, else by Seventh's own reading of it with
the defaults of the newest OpenSSH. ``ssh -G`` runs what the file has in ``Match exec``.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from seventh.model.failure import UsageError, system_error
from seventh.model.near import unknown
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.host import HostConfig
from seventh.protocols.ssh.facts import Names, Proposal
from seventh.protocols.ssh.facts.clients import Evaluator
from seventh.protocols.ssh.host_alias import settings_of
from seventh.protocols.ssh.rules.clients import Client, clients
from seventh.protocols.ssh.wire.patterns import GrammarError, changed_list
from seventh.wire.text import printable

OWN_CONFIG = "ssh_config"
"""The value of ``--as`` that means the user's own file."""
_OPENSSH = "openssh"
_OLDEST = (7, 0)
_VERSION = re.compile(r"\d{1,3}(?:\.\d{1,3}){1,2}")
_SECONDS = 5.0
_COMPRESSIONS = {"no": ("none", "zlib@openssh.com"), "yes": ("zlib@openssh.com", "none")}


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """A client and what it offers."""

    name: str
    offer: Proposal
    lists_from: Evaluator = "table"
    openssh: directives.Version | None = None
    """Its version, if it is OpenSSH."""


def check_client(text: str) -> None:
    """Raise UsageError for a value of ``--as`` that is neither a client nor a readable file."""
    if text == OWN_CONFIG:
        return
    if _is_path(text):
        try:
            with Path(_expanded(text)).open("rb") as file:
                file.read(1)
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(f"--as {text[:200]}: cannot be read: {system_error(error)}") from None
        return
    _named(text)


async def read_preferences(text: str, target: Target, options: Options) -> Preferences:
    """Return the lists of one client. Raises UsageError as :func:`check_client` does."""
    if text != OWN_CONFIG and not _is_path(text):
        return _named(text)
    file = options.of(SshOptions).ssh_config if text == OWN_CONFIG else _expanded(text)
    found = await _evaluated(file, target, options) or _read(file, target, options)
    return msgspec.structs.replace(found, name=text)


def _expanded(text: str) -> str:
    return str(Path(text).expanduser())


def _is_path(text: str) -> bool:
    if "/" in text:
        return True
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


# -- by version ------------------------------------------------------------------------------------


def _named(text: str) -> Preferences:
    product, _, version = text.lower().partition("=")
    if product == _OPENSSH:
        return _openssh(text, version)
    rows = {row.id: row for row in clients() if row.id}
    found = rows.get(text.lower()) or next(
        (row for name, row in rows.items() if not version and name.partition("=")[0] == product),
        None,
    )
    if found is None:
        every = ("openssh=9.9", *rows, OWN_CONFIG)
        raise UsageError(f"--as: {unknown('client', text, every)}")
    return Preferences(name=found.name, offer=_offer_of(found))


def _openssh(text: str, written: str) -> Preferences:
    newest = directives.newest().version
    number = directives.version_of(written) if _VERSION.fullmatch(written) else newest
    if (written and not _VERSION.fullmatch(written)) or not _OLDEST <= number[:2] <= newest:
        last = ".".join(map(str, newest))
        raise UsageError(f"--as {text[:100]}: write a version from openssh=7.0 to openssh={last}")
    name = f"OpenSSH {written or '.'.join(map(str, newest))}"
    defaults = directives.defaults("client", number)
    return Preferences(name=name, offer=_proposal(defaults.__getitem__), openssh=number)


def _offer_of(row: Client) -> Proposal:
    return Proposal(
        kex_algorithms=row.kex,
        server_host_key_algorithms=row.host_keys,
        encryption_algorithms_client_to_server=row.ciphers,
        encryption_algorithms_server_to_client=row.ciphers,
        mac_algorithms_client_to_server=row.macs,
        mac_algorithms_server_to_client=row.macs,
    )


def _proposal(value: Callable[[str], str]) -> Proposal:
    """Return the offer of an OpenSSH client, by the values that ``ssh -G`` prints."""

    def listed(name: str) -> Names:
        return tuple(filter(None, value(name).split(",")))

    ciphers, macs = listed("ciphers"), listed("macs")
    compressions = _COMPRESSIONS["yes" if value("compression") == "yes" else "no"]
    return Proposal(
        kex_algorithms=listed("kexalgorithms"),
        server_host_key_algorithms=listed("hostkeyalgorithms"),
        encryption_algorithms_client_to_server=ciphers,
        encryption_algorithms_server_to_client=ciphers,
        mac_algorithms_client_to_server=macs,
        mac_algorithms_server_to_client=macs,
        compression_algorithms_client_to_server=compressions,
        compression_algorithms_server_to_client=compressions,
    )


# -- by an ssh_config ------------------------------------------------------------------------------


async def _evaluated(file: str | None, target: Target, options: Options) -> Preferences | None:
    """Return what ``ssh -G`` prints; None where there is no ssh. UsageError where ssh refuses."""
    program = shutil.which("ssh")
    if program is None:
        return None
    user = target.user or options.user
    words = [
        *(("-F", file) if file is not None else ()),
        *(("-p", str(target.port)) if target.port_given else ()),
        *(("-l", user) if user else ()),
    ]
    host = options.of(SshOptions).alias or target.host
    code, out, err = await _run(program, "-G", *words, "--", host)
    if code != 0:
        said = printable(err.strip().splitlines()[-1] if err.strip() else b"", 300)
        raise UsageError(f"--as {file or OWN_CONFIG}: ssh -G failed: {said}")
    lines = (line.partition(" ") for line in out.decode("utf-8", "replace").splitlines())
    printed = {name: value for name, _, value in lines}
    _, _, banner = await _run(program, "-V")
    version = re.search(rb"OpenSSH_(\d+)\.(\d+)", banner)
    return Preferences(
        name="",
        offer=_proposal(lambda name: printed.get(name, "")),
        lists_from="ssh -G",
        openssh=(int(version[1]), int(version[2])) if version else directives.newest().version,
    )


async def _run(*command: str) -> tuple[int | None, bytes, bytes]:
    """Run a program without input; return its exit code, output and errors. Raises UsageError."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise UsageError(f"--as: {command[0]}: {system_error(error)}") from None
    try:
        async with Cutoff(_SECONDS):
            out, err = await process.communicate()
    except DeadlineError:
        raise UsageError(f"--as: {command[0]} {command[1]}: no result in {_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode, out, err


def _read(file: str | None, target: Target, options: Options) -> Preferences:
    """Return what the file sets for the host, by Seventh's own reading."""
    host = settings_of(file, target, options)
    version = directives.newest().version

    def value(name: str) -> str:
        if host is None:
            return directives.defaults("client", version).get(name, "")
        if name not in directives.LISTS:
            return host.value(name)
        return ",".join(_list_of(host, name))

    return Preferences(name="", offer=_proposal(value), lists_from="ssh_config", openssh=version)


def _list_of(host: HostConfig, name: str) -> Names:
    default, lines = host.default(name).split(","), host.lines(name)
    if not lines:
        return tuple(default)
    known = directives.known(directives.LISTS[name], host.version)
    try:
        return changed_list(lines[0].values[0], default, known)
    except GrammarError as error:
        raise UsageError(f"{lines[0].at}: {error}") from None
