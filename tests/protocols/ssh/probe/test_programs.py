"""Which programs are there: what the query's output means."""

from __future__ import annotations

import pytest

from seventh.protocols.ssh.probe.programs import parse_programs

ALL = "seventh:rsync=rsync  version 3.2.7  protocol version 31\nseventh:scp=\n"


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (ALL + "seventh:mosh-server=mosh-server (mosh 1.4.0) [build]\n",
         {"rsync": "3.2.7", "scp": "", "mosh-server": "1.4.0"}),
        (f"Welcome\r\n{ALL}seventh:mosh-server\r\n",
         {"rsync": "3.2.7", "scp": "", "mosh-server": None}),
        (ALL.replace("3.2.7  protocol version 31", "unknown") + "seventh:mosh-server=",
         {"rsync": "", "scp": "", "mosh-server": ""}),
        (ALL, None), ("", None), ("sh: command not found", None),
        (f"{ALL}seventh:mosh-server\nseventh:other\n", None),
    ],
)  # fmt: skip
def test_absent_is_not_unknown(output: str, found: dict[str, str | None] | None) -> None:
    assert parse_programs(output) == found
