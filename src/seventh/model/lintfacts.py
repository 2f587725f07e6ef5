"""What reading a configuration file teaches besides a room's own facts."""

from __future__ import annotations

from typing import ClassVar

from seventh.model.facts import Facts
from seventh.model.source import Line


class LintFacts(Facts, frozen=True, kw_only=True):
    """Which files were read as what."""

    ROOM: ClassVar[str] = "lint"

    kind: str = ""
    """Such as ``sshd_config``."""
    software: str = ""
    """The version whose defaults hold, such as ``openssh 9.2``."""
    software_assumed: bool = False
    """Whether nobody said which version it is, so that the newest known one is taken."""
    files: tuple[str, ...] = ()
    """Every file that was read, in the order of reading."""
    views: tuple[str, ...] = ()
    """What was judged: the file as a whole, then each block that changes it, such as
    ``Match User root``."""
    problems: tuple[Line, ...] = ()
    """What could not be read or understood; the rest was judged all the same."""
    notes: tuple[Line, ...] = ()
    """What should be known of the reading and is no fault: an include that names no file, a block
    that only the machine can decide."""
