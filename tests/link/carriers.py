"""The ways to carry a link that this machine permits; each that is missing says why."""

from __future__ import annotations

import functools
import os
import pickle
import pwd
import traceback
from collections.abc import Callable
from typing import TypeVar

import pytest

from seventh.link import kernel
from seventh.link.carrier import Carrier
from seventh.link.emulator import Wanted
from seventh.model.failure import UsageError

T = TypeVar("T")
TUN, VETH, USER = "root, TUN", "root, veth", "without root, veth"
ALL = (TUN, VETH, USER)
WANTED = {
    TUN: Wanted(tun=True, user=False), VETH: Wanted(tun=False, user=False),
    USER: Wanted(tun=False, user=True),
}  # fmt: skip
CARRIERS = pytest.mark.parametrize("kind", ALL)


def within(kind: str, work: Callable[[Wanted], T]) -> T:
    """What ``work`` returns, as the user that a kind of carrier is for; skips where it cannot."""
    if reason := why_not(kind):
        pytest.skip(reason)
    return _as(kind, lambda: work(WANTED[kind]))


@functools.cache
def why_not(kind: str) -> str:
    """Why a kind of carrier is not possible here."""
    if kind != USER and os.geteuid() != 0:
        return "needs root for network namespaces"
    if kind == TUN and not os.access(kernel.TUN, os.R_OK | os.W_OK):
        return "needs /dev/net/tun"

    def tried() -> str:
        try:
            with Carrier(WANTED[kind]):
                return ""
        except UsageError as error:
            return str(error)

    return _as(kind, tried)


def _as(kind: str, work: Callable[[], T]) -> T:
    """Run in a child, for a user without rights if the kind is for those."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            if kind == USER and os.geteuid() == 0:
                nobody = pwd.getpwnam("nobody")
                os.setgroups([])
                os.setgid(nobody.pw_gid)
                os.setuid(nobody.pw_uid)
                # A process that changed its user cannot be seen in /proc by that user.
                kernel.dumpable()
            data = pickle.dumps(work())
            with os.fdopen(writer, "wb") as file:
                file.write(data)
            code = 0
        except Exception:  # noqa: BLE001 - shown, and the child ends
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, "the child failed: its traceback is above"
    result: T = pickle.loads(data)  # noqa: S301 - of our own child
    return result
