"""The faults of gRPC's lab."""

from __future__ import annotations

from seventh.labkit.serve import Fault

FAULTS: tuple[Fault, ...] = ()
