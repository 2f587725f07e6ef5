"""Which part of the source a file belongs to, and a sample spread evenly over the parts."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.mutate.mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "seventh"
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
STRATA = ("rules", "codecs", "net", "engine", "lint", "probes")
_JUDGING = {"rules", "facts", "checklist", "watched"}
_LAYERS = {
    "rules": "rules", "wire": "codecs", "net": "net", "web": "net", "lint": "lint",
    "lintkit": "lint", "protocols": "probes", "lab": None, "labkit": None,
}  # fmt: skip
"""A top folder's stratum; one that is not named here is the engine's."""


@dataclass(frozen=True)
class Planted:
    """A mutant and the file, below ``src/seventh``, that it is for."""

    path: PurePosixPath
    mutant: Mutant
    stratum: str

    @property
    def place(self) -> str:
        """The file and line, as editors open them."""
        return f"src/seventh/{self.path}:{self.mutant.line}"

    def __str__(self) -> str:
        return f"{self.place}  {self.mutant.change}"


def stratum(path: PurePosixPath) -> str | None:
    """Tell a file's stratum from where it lies; None for what is not mutated."""
    top, *inner = path.with_suffix("").parts
    if top == "protocols" and len(inner) > 1:
        part = inner[1]
        if part == "lab" or "examples" in path.stem:
            return None
        return "rules" if part in _JUDGING else "codecs" if part == "wire" else "probes"
    if top == "web" and not _waits(path):
        return "codecs"
    return _LAYERS.get(top, "engine")


def _waits(path: PurePosixPath) -> bool:
    text = (SOURCE / path).read_text(encoding="utf-8")
    return "async def" in text or "import asyncio" in text


def of_file(path: PurePosixPath) -> Iterator[Planted]:
    """List the mutants of one file; facts have no logic outside their functions."""
    part = stratum(path)
    if part is not None:
        facts = "facts" in path.with_suffix("").parts or path.stem.endswith("facts")
        for mutant in mutants((SOURCE / path).read_bytes(), functions_only=facts):
            yield Planted(path, mutant, part)


@functools.cache
def everything() -> tuple[Planted, ...]:
    """List the mutants of the whole source, without those known to change nothing."""
    paths = sorted(PurePosixPath(f.relative_to(SOURCE)) for f in SOURCE.rglob("*.py"))
    known = equivalents()
    found = (each for path in paths for each in of_file(path))
    return tuple(each for each in found if entry(each) not in known)


def entry(planted: Planted) -> str:
    """Make the line of ``equivalent.txt`` that names a mutant; lines may move, so none is in it."""
    return f"{planted.path} {planted.mutant.scope}: {planted.mutant.change}"


def equivalents() -> set[str]:
    """Read the mutants that no test can see; each has its reason behind ``  #``."""
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    return {line.partition("  # ")[0] for line in lines if line and not line.startswith("#")}


def sample(
    found: Sequence[Planted], count: int, seed: int, strata: tuple[str, ...]
) -> list[Planted]:
    """Take ``count`` mutants, as many of each stratum, no two of them on one line.

    The order is a hash of the seed and the change, so most of a sample outlives other edits.
    """
    seen: Counter[str] = Counter()
    ranked: list[tuple[bytes, Planted]] = []
    for each in found:
        name = entry(each)
        seen[name] += 1
        text = f"{seed} {name} {seen[name]}"
        ranked.append((hashlib.blake2b(text.encode(), digest_size=8).digest(), each))
    ranked.sort(key=lambda pair: pair[0])
    shares = {
        name: count // len(strata) + (at < count % len(strata)) for at, name in enumerate(strata)
    }
    taken: dict[str, Planted] = {}
    for _, each in ranked:
        if shares.get(each.stratum) and each.place not in taken:
            shares[each.stratum] -= 1
            taken[each.place] = each
    return list(taken.values())
