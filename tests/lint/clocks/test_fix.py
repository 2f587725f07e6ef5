"""Where the lines of a fix go in chrony.conf and ntp.conf."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.fix import Fixed, fix_file
from seventh.engine.lint import Wanted
from seventh.lintkit.linted import parse_software
from seventh.rules.run import Selection

DEFAULT = "kod limited nomodify notrap nopeer noquery"


def fixed(folder: Path, kind: str, rule: str, text: str) -> Fixed:
    main = folder / kind
    main.write_text(text)
    product = "chrony" if kind.startswith("chrony") else "ntpd"
    return fix_file(main, Wanted(
        kind=kind, software=(parse_software(f"{product}=4.2.8"),),
        selection=Selection(only=frozenset({rule})),
    ), ())  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "rule", "before", "after"),
    [
        ("chrony.conf", "NTP-IBURST", "! a remark\n  server  A.example  key 1\npool b iburst\n",
         "! a remark\n  server A.example key 1 iburst\npool b iburst\n"),
        ("chrony.conf", "NTP-MAKESTEP", "pool a iburst", "pool a iburst\nmakestep 1 3"),
        ("chrony.conf", "NTP-SAMEUP",
         ("server A.example iburst\nserver b iburst\nserver a.example. iburst\n"
         "server a.example iburst\n"),
         "server A.example iburst\nserver b iburst\n"),
        ("chrony.conf", "NTP-SAMEUP", "server a\nserver b\nPeer a.\nserver b\n",
         "server a\nserver b\n"),
        ("ntp.conf", "NTP-IBURST", "server a.example  # ours\n",
         "server a.example iburst  # ours\n"),
        # a line for one family is no line for another; one that is there is not repeated
        ("ntp.conf", "NTP-MODE6", "server a\nrestrict -4 default noquery\nrestrict ::1\n",
         ("server a\nrestrict -4 default noquery\nrestrict ::1\n"
         f"restrict -6 default {DEFAULT}\nrestrict 127.0.0.1\n")),
        ("ntp.conf", "NTP-MODE6",
         ("server a\nrestrict -4 default nomodify # v4\nrestrict -6 default noquery\n"
         "restrict 127.0.0.1\nrestrict ::1\n"),
         (f"server a\nrestrict -4 default {DEFAULT} # v4\nrestrict -6 default noquery\n"
         "restrict 127.0.0.1\nrestrict ::1\n")),
    ],
)  # fmt: skip
def test_places(kind: str, rule: str, before: str, after: str, tmp_path: Path) -> None:
    made = fixed(tmp_path, kind, rule, before)
    assert made.unfixed == ()
    assert [change.after.decode() for change in made.changes] == [after]
