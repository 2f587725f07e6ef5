"""The borders of the rules about what a login may do."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.facts.session import Bind, SessionFacts
from seventh.protocols.ssh.rules.session import fwd_open, sftp_off
from seventh.rules.rule import Hit, Skip


def with_session(**fields: Any) -> SshFacts:
    return SshFacts(session=SessionFacts(**fields))


@pytest.mark.parametrize(("sftp", "kind"), [
    ("works", type(None)), ("refused", Hit), ("broken", Hit), (None, Skip),
])  # fmt: skip
def test_sftp(sftp: str | None, kind: type) -> None:
    verdict = sftp_off(with_session(sftp=sftp))
    assert isinstance(verdict, kind)
    assert getattr(verdict, "params", {"sftp": sftp}) == {"sftp": sftp}


@pytest.mark.parametrize(("loopback", "everywhere", "kind"), [
    ("loopback", "loopback", type(None)), ("loopback", "refused", type(None)),
    ("refused", "refused", type(None)), ("loopback", "open", Hit), ("open", "open", Hit),
    ("open", "refused", Hit), ("unsettled", "loopback", Skip), ("loopback", "unsettled", Skip),
    ("unsettled", "open", Hit), (None, None, Skip), ("loopback", None, Skip),
])  # fmt: skip
def test_where_forwardings_listen(
    loopback: Bind | None, everywhere: Bind | None, kind: type
) -> None:
    verdict = fwd_open(with_session(remote_forward=loopback, remote_forward_all=everywhere))
    assert isinstance(verdict, kind)
    if isinstance(verdict, Hit):
        assert verdict.params == {"what": "loopback" if loopback == "open" else "everywhere"}


def test_a_file_decides_it_too() -> None:
    binds = ("LocalForward *:80 web:80",)
    verdict = fwd_open(SshFacts(config=SshConfigFacts(open_binds=binds, loopback_binds=("x",))))
    assert isinstance(verdict, Hit)
    assert verdict.params == {"what": "file", "binds": binds}
    assert verdict.fixes == {"openssh": ("x",)}
    assert fwd_open(SshFacts(config=SshConfigFacts(open_binds=()))) is None
    assert isinstance(fwd_open(SshFacts(config=SshConfigFacts())), Skip)
