"""How sure each kind is of some lines: ``looks`` by content alone, ``fits`` with a usual name."""

from __future__ import annotations

import pytest

from seventh.lint.openssh import KINDS
from tests.lint.openssh.test_authorized_keys import KEY, SK

BOTH = ("Port 22", "Ciphers aes256-ctr")
SERVER = ("UsePAM yes", "Subsystem sftp x")
CLIENT = ("ProxyJump b", "\tForwardAgent = yes")
PRINTED = ("listenaddress 0.0.0.0", "maxstartups 10:30:100", "persourcenetblocksize 32:128",
           "permitopen any")  # fmt: skip


def counts(*lines: str) -> dict[str, tuple[int, int]]:
    return {
        kind.name: (kind.looks(lines), kind.fits(lines) if kind.fits is not None else 0)
        for kind in KINDS
    }


@pytest.mark.parametrize(
    ("lines", "kind", "sure"),
    [
        (BOTH, "sshd_config", (0, 2)), (BOTH, "ssh_config", (0, 2)),
        (SERVER, "sshd_config", (2, 2)), (SERVER, "ssh_config", (0, 0)),
        ((*SERVER, *BOTH), "sshd_config", (4, 4)), ((*SERVER, *BOTH), "ssh_config", (0, 2)),
        ((*CLIENT, *BOTH), "ssh_config", (4, 4)), ((*CLIENT, *BOTH), "sshd_config", (0, 2)),
        ((*CLIENT, *SERVER, *BOTH), "sshd_config", (2, 4)),
        ((*CLIENT, *SERVER, *BOTH), "ssh_config", (2, 4)),
        ((KEY,), "authorized_keys", (0, 1)), ((SK,), "authorized_keys", (0, 1)),
        ((KEY, KEY), "authorized_keys", (2, 2)), ((f"restrict {KEY}",), "authorized_keys", (1, 1)),
        ((f"git.example.org {KEY}",), "authorized_keys", (0, 0)),
        ((f"# {KEY}",), "authorized_keys", (0, 0)),
        (PRINTED, "sshd-T", (5, 0)), (PRINTED[1:], "sshd-T", (0, 0)),
        ((*PRINTED, "UsePAM yes"), "sshd-T", (0, 0)),
        (("x == y", "# UsePAM yes", "UsePAM"), "sshd_config", (0, 0)),
        (("# x",) * 400 + SERVER, "sshd_config", (0, 0)),
        (("# x",) * 399 + SERVER, "sshd_config", (1, 1)),
    ],
)  # fmt: skip
def test_how_sure_a_kind_is(lines: tuple[str, ...], kind: str, sure: tuple[int, int]) -> None:
    assert counts(*lines)[kind] == sure
