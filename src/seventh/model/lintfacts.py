"""Facts about the reading of configuration files."""

from __future__ import annotations

from typing import ClassVar

from seventh.model.facts import Facts
from seventh.model.source import Line


class LintFacts(Facts, frozen=True, kw_only=True):
    """The files that were read, and as what."""

    ROOM: ClassVar[str] = "lint"

    kind: str = ""
    """Such as ``sshd_config``."""
    software: str = ""
    """The version whose defaults hold, such as ``openssh 9.2``."""
    software_assumed: bool = False
    """Whether the version is not known, so that the newest known one is assumed."""
    software_installed: bool = False
    """Whether the version was not given, but is that of the program on this machine."""
    files: tuple[str, ...] = ()
    """Every file that was read, in the order of reading."""
    views: tuple[str, ...] = ()
    """What was judged: the file as a whole, then each block that changes it, such as
    ``Match User root``."""
    problems: tuple[Line, ...] = ()
    """What could not be read or parsed; the rest was judged."""
    notes: tuple[Line, ...] = ()
    """Limits of the reading that are no fault: an include that matches no file, a block whose
    condition only the machine can decide."""
