"""Prometheus' text format, version 0.0.4: samples in, a page out."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping

from seventh.model.sample import Labels
from seventh.serve.families import Family
from seventh.wire.text import printable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\""})
_NAMED = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}
_PART = 2000
"""The lines of one part of a page."""
_LONGEST = 1000
"""The maximum length of a label's value."""


def number(value: float) -> str:
    """Return a value as the format writes it."""
    text = repr(float(value))
    return _NAMED.get(text, text).removesuffix(".0")


def label(name: str, value: str) -> str:
    """Return one label: control characters of the value are made printable."""
    return f'{name}="{printable(value, _LONGEST).translate(_ESCAPED)}"'


@functools.lru_cache(maxsize=4096)
def of_sample(labels: Labels) -> str:
    """Return the labels of a sample; 10,000 targets have the same again and again."""
    return ",".join(label(*each) for each in labels)


class Page:
    """Samples, gathered by the family to which they belong."""

    def __init__(self, families: Mapping[str, Family]) -> None:
        self._families = families
        self._lines: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, name: str, value: float, *labels: str) -> None:
        """Add a sample; ``labels`` are written already."""
        shown = f"{{{','.join(labels)}}}" if labels else ""
        self._lines[name].append(f"{name}{shown} {number(value)}\n")

    def parts(self) -> Iterator[str]:
        """Yield the page in parts, in the families' order."""
        for name, family in self._families.items():
            if name in self._lines:
                meaning = family.meaning.replace("\\", r"\\").replace("\n", r"\n")
                yield f"# HELP {name} {meaning}\n# TYPE {name} {family.kind}\n"
                lines = self._lines[name]
                for start in range(0, len(lines), _PART):
                    yield "".join(lines[start : start + _PART])
