"""``seventh local``, a whole look in a process of its own: wall time, and memory at its most.

On this machine as it is; on one with certificate files for many sites; and on one whose commands
all hang, whose logs are sparse files of 10 GiB and whose /proc has many processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.measure import figure, spread
from bench.table import Table
from seventh import protocols
from seventh.labkit.ca import Authority

MOST_SECONDS = 2.0
MOST_MIB = 60.0
SITES = 250
PROCESSES = 2000
LOG_BYTES = 10 * 2**30
_LOOK = """
import json, re, sys, time
begun = time.perf_counter()
from pathlib import Path
import asyncio
from seventh import protocols
from seventh.engine.local import Wanted, look
from seventh.localkit.machine import Machine
root, *path = sys.argv[1:]
machine = Machine(root=Path(root), path=tuple(path)) if path else Machine(root=Path(root))
report = asyncio.run(look(Wanted(areas=tuple(protocols.areas())), machine))
print(json.dumps({
    "wall": time.perf_counter() - begun, "look": report.duration_seconds,
    # What getrusage says begins with the memory of the process that started this one.
    "memory": int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024,
    "unread": len(report.facts["local"].unread),
}))
"""


def run(folder: Path, quick: bool) -> list[Table]:
    rounds = 3 if quick else 10
    table = Table(
        "a whole look: all areas, each round a process of its own",
        ("machine", "wall, s", "of it the look, s", "most memory, MiB", "not read",
         "time", "memory"),
        notes=("Wall: from the first import to the report; its median and extremes.",),
    )  # fmt: skip
    machines = {
        "this one": ("/",),
        f"{SITES} sites, each with a certificate": (str(_sites(folder / "sites")),),
        "all commands hang, logs of 10 GiB": _hanging(folder / "hanging"),
    }
    for name, words in machines.items():
        got = [_look(*words) for _ in range(rounds)]
        wall = spread([one["wall"] for one in got])
        memory = max(one["memory"] for one in got)
        table.add(
            name, wall.text(), figure(max(one["look"] for one in got)), figure(memory),
            str(int(got[0]["unread"])),
            table.hold(f"{name}: the look", max(one["look"] for one in got), MOST_SECONDS),
            table.hold(f"{name}: memory", memory, MOST_MIB),
        )  # fmt: skip
    return [table]


def _look(*words: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _LOOK, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    got: dict[str, float] = json.loads(done.stdout)
    return got


def _proc(root: Path, *names: str) -> None:
    """Make a /proc of many processes, the last of which have ``names``."""
    for number in range(1, PROCESSES):
        of = root / "proc" / str(number)
        of.mkdir(parents=True)
        name = names[number - PROCESSES] if number >= PROCESSES - len(names) else "idle"
        (of / "comm").write_text(f"{name}\n")
        (of / "stat").write_text(f"{number} ({name}) S 1 {'0 ' * 40}\n")


def _sites(root: Path) -> Path:
    root.mkdir()
    authority = Authority(root)
    blocks = []
    for number in range(SITES):
        issued = authority.issue(f"site{number}.test")
        paths = [f"/{file.name}" for file in (issued.cert_file, issued.key_file)]
        blocks.append(
            f"server {{ server_name site{number}.test; ssl_certificate {paths[0]}; "
            f"ssl_certificate_key {paths[1]}; }}\n"
        )
    (root / "etc/nginx").mkdir(parents=True)
    (root / "etc/nginx/nginx.conf").write_text("".join(blocks))
    _proc(root)
    return root


def _hanging(root: Path) -> tuple[str, str]:
    """Make a machine on which each program of a table hangs, and each file of one is huge."""
    programs = root / "bin"
    programs.mkdir(parents=True)
    areas = [area for _, area in protocols.areas().values()]
    for command in (command for area in areas for command in area.commands):
        program = programs / command.words[0]
        program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
        program.chmod(0o755)
    for file in (file for area in areas for file in area.files if not file.names_only):
        path = root / file.path.replace("*", "x").lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as log:
            log.truncate(LOG_BYTES)
    _proc(root, *{name for area in areas for c in area.commands for name in c.of})
    return str(root), str(programs)
