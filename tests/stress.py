"""``python -m tests.stress``: thousands of peers that hang, drip, close and send nonsense.

Each run is the command itself, ``seventh check --targets FILE``, under a watchdog: a run that has
not ended in a multiple of what its deadlines add up to is ended with the stack of its threads. Each
target must have its report in time, and no report may be an internal error.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from seventh import protocols
from seventh.labkit.serve import free_port
from tests.hostile import servers

SCHEMES = {
    "tcp": (
        "ssh",
        "tcp",
        "tls",
        "http",
        "https",
        "ws",
        "wss",
        "nts",
        "smtp",
        "submission",
        "smtps",
        "imap",
        "imaps",
        "pop3",
        "pop3s",
        "mqtt",
        "mqtts",
        "mqtt+ws",
        "mqtt+wss",
    ),
    "udp": ("ntp",),
}

OFTEN = {"silent": 4, "drip-ssh": 3, "drip-tls": 3, "closes": 2, "resets": 2}
"""Which servers are met more than once for each scheme."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--targets", type=int, default=5000, metavar="N")
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="of each parallelism")
    parser.add_argument("--parallel", default="16,64,512", metavar="N[,N…]")
    parser.add_argument("--timeout", type=float, default=0.25, metavar="SECONDS")
    parsed = parser.parse_args()
    return asyncio.run(stress(parsed))


async def stress(parsed: argparse.Namespace) -> int:
    wrong = 0
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seventh-stress-")))
        kinds = await serve(stack)
        write_targets(folder, kinds, parsed.targets)
        for parallel in map(int, parsed.parallel.split(",")):
            for number in range(parsed.runs):
                said = await run(folder, parsed.targets, parallel, parsed.timeout)
                wrong += said is not None
                print(f"--parallel {parallel}, run {number + 1}: {said or 'good'}", flush=True)
    return 1 if wrong else 0


async def serve(stack: contextlib.AsyncExitStack) -> list[str]:
    """Start a server of each kind that does not flood; one URL for each that a scheme can meet."""
    urls = [f"{scheme}://127.0.0.1:{free_port()}" for scheme in SCHEMES["tcp"]]
    for layer, table, start in (
        ("tcp", servers.TCP, servers.tcp),
        ("udp", servers.UDP, servers.udp),
    ):
        for name in table:
            if not name.startswith("flood"):
                port = await stack.enter_async_context(start(name))
                urls += [f"{scheme}://127.0.0.1:{port}" for scheme in SCHEMES[layer]] * OFTEN.get(
                    name, 1
                )
    assert {url.partition(":")[0] for url in urls} <= set(protocols.schemes())
    return urls


def write_targets(folder: Path, kinds: list[str], count: int) -> None:
    """Write ``count`` targets, each kind in its turn."""
    (folder / "targets.txt").write_text("\n".join(kinds[n % len(kinds)] for n in range(count)))


async def run(folder: Path, targets: int, parallel: int, timeout: float) -> str | None:
    """One run; what was wrong with it."""
    output = folder / "reports.json"
    output.unlink(missing_ok=True)
    with (folder / "err").open("wb") as err:
        begun = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-X", "faulthandler", "-m", "seventh", "check",
            "--targets", str(folder / "targets.txt"), "--timeout", str(timeout),
            "--parallel", str(parallel), "--format", "json", "--output", str(output),
            "--ssh-config", "none", stderr=err, env=dict(os.environ),
        )  # fmt: skip
        patience = 60 + 5 * (timeout + 0.3) * targets / parallel + targets * 0.05
        try:
            code = await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            process.send_signal(signal.SIGABRT)
            await process.wait()
            return f"HUNG: not ended after {patience:.0f} s\n{(folder / 'err').read_text()}"
    seconds = time.monotonic() - begun
    if not output.exists():
        return f"no reports, exit {code}\n{(folder / 'err').read_text()[-2000:]}"
    urls = set((folder / "targets.txt").read_text().split())
    reports = [r for r in json.loads(output.read_text())["reports"] if r["target"] in urls]
    reasons = collections.Counter((r.get("failure") or {}).get("reason", "none") for r in reports)
    print(f"  {seconds:.1f} s, {dict(reasons.most_common(5))}", flush=True)
    if len(reports) != targets:
        return f"{len(reports)} reports of {targets} targets"
    ours = [r for r in reports if (r.get("failure") or {}).get("reason") == "internal-error"]
    late = [r for r in reports if r["duration_seconds"] > timeout + 5]
    if ours or late:
        return (
            f"{len(ours)} internal errors, {len(late)} reports late: {(ours + late)[0]['target']}"
        )
    return None


if __name__ == "__main__":
    sys.exit(main())
