"""A metric's sample: one number with its name and labels."""

from __future__ import annotations

import msgspec

Labels = tuple[tuple[str, str], ...]
"""Each label with its value, in the order of printing."""
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One value of a metric, in Prometheus' base units; a report has one per name and labels."""

    name: str
    labels: Labels
    value: float

    @property
    def key(self) -> str:
        """The name and labels in Prometheus' text format: ``seventh_phase_seconds{phase="tls"}``.

        A backslash, a quote and a line feed in a label's value are escaped.
        """
        if not self.labels:
            return self.name
        labels = ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in self.labels)
        return f"{self.name}{{{labels}}}"
