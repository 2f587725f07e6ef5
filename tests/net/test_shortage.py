"""Limits of this machine: which errors they are, and how they are told."""

from __future__ import annotations

import errno
import os

import pytest

from seventh.model.failure import Blame, Reason
from seventh.net import shortage

FIX = "; raise the limit (`ulimit -n`) or lower --parallel"


@pytest.mark.parametrize(
    ("number", "fix"),
    [(errno.EMFILE, FIX), (errno.ENFILE, FIX), (errno.ENOBUFS, ""), (errno.ENOMEM, "")],
)
def test_a_limit_is_told_with_its_fix_and_noted(number: int, fix: str) -> None:
    error = OSError(number, os.strerror(number))
    assert shortage.is_ours(error)
    with shortage.watched() as met:
        failed = shortage.short(error)
    assert met == [failed]
    assert (failed.reason, failed.blame) == (Reason.LOCAL_RESOURCE, Blame.LOCAL)
    assert failed.detail == f"no socket available on this machine: {os.strerror(number)}{fix}"
    assert shortage.short(OSError("odd"), "thread").detail == (
        "no thread available on this machine: odd"
    )
    assert met == [failed], "outside of the block none is noted"


@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.EADDRNOTAVAIL, None])
def test_other_errors_are_no_limit(number: int | None) -> None:
    assert not shortage.is_ours(OSError(number, "other"))


@pytest.mark.parametrize(("number", "told"), [(errno.EMFILE, True), (errno.ENOENT, False)])
def test_a_descriptor_is_opened_to_see(
    monkeypatch: pytest.MonkeyPatch, number: int, told: bool
) -> None:
    error = OSError(number, "said")

    def fails(*_: object) -> int:
        raise error

    assert shortage.missing() is None
    monkeypatch.setattr(os, "open", fails)
    assert shortage.missing() is (error if told else None)
