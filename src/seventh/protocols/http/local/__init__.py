"""The area ``web``: the configurations of this machine's web servers, judged as files are."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from seventh.localkit import nginx
from seventh.localkit.area import Area, Command, File, Printed
from seventh.localkit.seen import Process, Seen, Text
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.local import HttpLocalFacts, WebServer

_CADDY, _CADDYFILE = "caddy", "/etc/caddy/Caddyfile"
_VERSIONS = {nginx.NAME: nginx.BUILD, _CADDY: "caddy version"}
_NUMBER = re.compile(r"(?:nginx/|^v?)(\d{1,4}(?:\.\d{1,4}){1,2})")


def learn(facts: HttpFacts, seen: Seen, options: None) -> HttpFacts:
    """Add which web servers run, and which configuration of each could be judged."""
    del options
    unread = [*seen.unread]
    if isinstance(seen.processes, Unread):
        return facts.learn(local=HttpLocalFacts(unread=tuple(dict.fromkeys(unread))))
    names = dict.fromkeys(process.name for process in seen.processes)
    configurations = {nginx.NAME: nginx.configuration(seen), _CADDY: _caddyfile(seen)}
    unread += [
        each for name, each in configurations.items() if name in names and isinstance(each, Unread)
    ]
    main = {printed.product: main_file(printed) for printed in printed_configurations(seen)}
    return facts.learn(
        local=HttpLocalFacts(
            servers=tuple(
                WebServer(
                    name=name, version=".".join(map(str, _version(name, seen))),
                    configuration=main.get(name, ""),
                )
                for name in names
            ),
            unread=tuple(dict.fromkeys(unread)),
        )
    )  # fmt: skip


def printed_configurations(seen: Seen) -> tuple[Printed, ...]:
    """Return the configurations that can be judged, of the servers that run."""
    running = () if isinstance(seen.processes, Unread) else seen.processes
    names = {process.name for process in running}
    found: list[Printed] = []
    text = nginx.configuration(seen)
    if nginx.NAME in names and isinstance(text, str):
        found.append(
            Printed(
                name=nginx.main_file(text), text=text, product="nginx", kind="nginx-T",
                folder=str(PurePosixPath(nginx.main_file(text)).parent),
                version=_version(nginx.NAME, seen),
            )
        )  # fmt: skip
    text = _caddyfile(seen)
    if _CADDY in names and isinstance(text, str):
        found.append(
            Printed(
                name=_CADDYFILE, text=text, product="caddy", kind="Caddyfile",
                folder=str(PurePosixPath(_CADDYFILE).parent), version=_version(_CADDY, seen),
            )
        )  # fmt: skip
    return tuple(found)


def main_file(printed: Printed) -> str:
    """Return the main file of a configuration that was printed."""
    return nginx.main_file(printed.text) if printed.kind == "nginx-T" else printed.name


def _caddyfile(seen: Seen) -> Text:
    """Return the Caddyfile, unless a Caddy runs with another configuration."""
    running = () if isinstance(seen.processes, Unread) else seen.processes
    for process in running:
        if process.name == _CADDY and (given := _config_of(process)) != _CADDYFILE:
            detail = f"Caddy runs with {given or 'a configuration that its arguments do not name'}"
            return Unread(name=_CADDYFILE, cause=Cause.UNEXPECTED, detail=detail)
    return seen.file(_CADDYFILE)


def _config_of(process: Process) -> str:
    """Return the file behind ``--config``; empty without one, and with ``--resume``."""
    words = process.arguments
    if "--resume" in words:
        return ""
    for word, following in zip(words, (*words[1:], ""), strict=True):
        if word in {"--config", "-c"}:
            return following
        if word.startswith("--config="):
            return word.partition("=")[2]
    return ""


def _version(name: str, seen: Seen) -> tuple[int, ...]:
    """Return the version of an installed server as numbers; empty if unknown."""
    text = seen.output(_VERSIONS.get(name, ""))
    found = _NUMBER.search(text) if isinstance(text, str) else None
    return tuple(map(int, found[1].split("."))) if found is not None else ()


AREAS = (
    Area(
        name="web",
        title="the configurations that nginx and Caddy run with, judged as files are",
        facts=HttpFacts,
        learn=learn,
        prints=printed_configurations,
        linters=("nginx", "caddy"),
        commands=(
            nginx.COMMAND,
            Command(
                name=_VERSIONS[_CADDY], words=("caddy", "version"), of=(_CADDY,),
                reads="the installed version",
            ),
        ),
        files=(
            File(
                path=_CADDYFILE, max_bytes=1024 * 1024,
                reads="Caddy's configuration and what it imports, if Caddy runs with it",
            ),
        ),
        processes=(nginx.NAME, _CADDY),
        further=(nginx.FILES,),
    ),
)  # fmt: skip
