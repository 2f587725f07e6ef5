"""What ``seventh local`` reads, from the table that it runs: text and docs/local.md."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from seventh import protocols
from seventh.localkit.area import Area, Command
from seventh.localkit.look import ALWAYS, SECONDS
from seventh.localkit.machine import Machine
from seventh.localkit.processes import NAME, PROGRAM, UPTIME
from seventh.model.option import declared
from seventh.render.commonmark import escape
from seventh.render.protocol_page import GENERATED, Section, as_text, table
from seventh.rules.rule import AnyRule

_INTRO = f"""
`seventh local [AREA …]` looks at the machine that it runs on. It runs the commands and reads the
files of these tables, and nothing else. `seventh check ssh://host --local` does it on another
machine, after a login.

Commands have fixed arguments, no shell, the environment `LC_ALL=C`, a deadline and a limit of
output; all together have {SECONDS:g} s. A command that asks a daemon runs only if that daemon does.
Programs are looked for in {", ".join(Machine().path)}.
No command changes anything; `chronyc` and `pmc` have a socket in /run while they wait.
`nft` and `iptables-save` can make the kernel load the modules of its packet filter.

What is missing, not permitted, too slow or too long is in the report with its reason, and the rules
that need it are skipped. Run it as root to read everything.
"""


def sections(area: Area) -> tuple[Section, ...]:
    """Return everything that an area reads, and its options."""
    commands = tuple((shlex.join(each.words), _command(each)) for each in area.commands)
    files = tuple(
        (file.path, file.reads + (" (names only)" if file.names_only else ""))
        for file in area.files
    )
    processes = (
        (NAME, f"processes named {', '.join(area.processes)}"),
        (PROGRAM, "the file of each of these, a link that is not opened"),
        (UPTIME, "how long these have been running"),
    )
    calls = tuple((call.name, call.reads) for call in area.calls)
    options = tuple(
        (f"{each.flag} {each.option.metavar}".strip(), each.help)
        for each in (declared(area.options) if area.options else ())
    )
    heads = ("Path", "Read for")
    made = (
        Section("Options", ("Option", "Meaning"), options),
        Section("Commands", ("Command", "Run for"), commands),
        Section("Files", heads, (*files, *(processes if area.processes else ()))),
        Section("System calls", ("Call", "Made for"), calls),
        Section(
            "Further readings",
            ("What", "Read for"),
            tuple((each.name, each.reads) for each in area.further),
        ),
    )
    return tuple(section for section in made if section.rows)


def _command(command: Command) -> str:
    daemon = f"; asks {' or '.join(command.of)}" if command.of else ""
    return f"{command.reads}{daemon}; at most {command.seconds:g} s"


def explain_local() -> str:
    """Return every command and file of every area as text."""
    blocks = ["local: the machine itself"]
    for name, (room, area) in protocols.areas().items():
        blocks.append(f"Area {name} ({room}): {area.title}")
        blocks += map(as_text, sections(area))
    return "\n\n".join([*blocks, as_text(_always())]) + "\n"


def page(rules: Mapping[str, Sequence[AnyRule]]) -> str:
    """Return docs/local.md; ``rules`` are the rules of each protocol."""
    blocks = [GENERATED, "# The machine itself (`local`)", _INTRO.strip()]
    for name, (room, area) in protocols.areas().items():
        blocks.append(f"## Area `{name}`: {escape(area.title)}")
        for section in sections(area):
            blocks += [f"### {section.title} of `{name}`", table(section)]
        ids = sorted(rule.id for rule in rules.get(room, ()) if area.decides(rule))
        named = ", ".join(f"[{i}](rules/{i}.md)" for i in ids)
        lint = f"those of `seventh lint` for {' and '.join(area.linters)}" if area.linters else ""
        blocks += [f"### Rules of `{name}`", "; ".join(filter(None, (named, lint)))]
    blocks += ["## In every area", table(_always())]
    return "\n\n".join(blocks) + "\n"


def _always() -> Section:
    return Section(
        "In every area", ("Path", "Read for"), tuple((file.path, file.reads) for file in ALWAYS)
    )
