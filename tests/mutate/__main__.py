"""``python -m tests.mutate``: a sample of mutants, those that the tests miss, and a table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path, PurePosixPath

from tests.mutate.run import Bench, Verdict
from tests.mutate.strata import SOURCE, STRATA, Planted, entry, everything, of_file, sample


def main() -> int:
    """Run what was asked for; survivors are a result and no error."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("-n", "--mutants", type=int, default=60, help="sample size (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same sample")
    parser.add_argument(
        "--stratum", action="append", choices=STRATA, help="only this (default: all)"
    )
    parser.add_argument(
        "--under", metavar="PATH", help="only files at or below this path of src/seventh"
    )
    parser.add_argument("--jobs", type=int, default=2, help="runs at once (default: 2)")
    parser.add_argument("--list", action="store_true", help="print the sample and stop")
    parser.add_argument("--entries", action="store_true", help="print it as equivalent.txt has it")
    parser.add_argument("--one", metavar="PATH:LINE", help="every mutant of one line instead")
    parser.add_argument(
        "--skip", metavar="PATH:LINE:COLUMN", action="append", default=[], help="leave this one out"
    )
    parsed = parser.parse_args()
    strata = tuple(parsed.stratum or STRATA)
    chosen: Sequence[Planted] = _of_line(parsed.one) if parsed.one else everything()
    if parsed.under:
        chosen = [each for each in chosen if each.path.is_relative_to(parsed.under)]
    chosen = [each for each in chosen if f"{each.place}:{each.mutant.column}" not in parsed.skip]
    if not parsed.one:
        chosen = sample(chosen, parsed.mutants, parsed.seed, strata)
    if parsed.list or parsed.entries:
        for each in chosen:
            print(entry(each) if parsed.entries else f"{each.stratum:<8}{each}")
        return 0
    verdicts = _judged(chosen, parsed.jobs)
    _report(verdicts)
    return 0


def _of_line(where: str) -> list[Planted]:
    """List the mutants that start on a line: ``src/seventh/FILE:LINE``."""
    name, _, line = where.rpartition(":")
    file = Path(name).resolve()
    if not (line.isdecimal() and file.is_relative_to(SOURCE) and file.is_file()):
        raise SystemExit(f"{where}: no line of a file in {SOURCE}")
    found = of_file(PurePosixPath(file.relative_to(SOURCE)))
    return [each for each in found if each.mutant.line == int(line)]


def _judged(chosen: Sequence[Planted], jobs: int) -> list[Verdict]:
    """Judge each mutant, and say how far it is; an interrupt keeps what is judged by then."""
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="m", ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder))
        with ThreadPoolExecutor(jobs) as pool:
            judged = [pool.submit(bench.judge, each, at) for at, each in enumerate(chosen)]
            try:
                for done in as_completed(judged):
                    verdict = done.result()
                    verdicts.append(verdict)
                    said = f"killed by {verdict.killer}" if verdict.killer else "SURVIVED"
                    place = f"[{len(verdicts)}/{len(chosen)}] {verdict.planted}"
                    print(f"{place}\n    {said}", file=sys.stderr, flush=True)
            except KeyboardInterrupt:
                print(f"stopped: {len(verdicts)} of {len(chosen)} judged", file=sys.stderr)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                bench.stop()
    return verdicts


def _report(verdicts: Sequence[Verdict]) -> None:
    for verdict in sorted(verdicts, key=lambda each: each.planted.place):
        if not verdict.killer:
            print(verdict.planted)
    made = Counter(verdict.planted.stratum for verdict in verdicts)
    killed = Counter(verdict.planted.stratum for verdict in verdicts if verdict.killer)
    print(f"\n{'stratum':<10}{'mutants':>8}{'killed':>8}{'percent':>9}")
    for name in (*(name for name in STRATA if made[name]), "all"):
        of, dead = (made[name], killed[name]) if name != "all" else (made.total(), killed.total())
        print(f"{name:<10}{of:>8}{dead:>8}{100 * dead / max(of, 1):>8.0f}%")


if __name__ == "__main__":
    sys.exit(main())
