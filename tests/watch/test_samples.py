"""What is kept of a pulse, and its form in the journal: exact, bounded, and checked."""

from __future__ import annotations

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import Blame, Failure, Reason
from seventh.model.phase import Phase
from seventh.model.report import Report
from seventh.watch.journal import CorruptError, decode, encode
from seventh.watch.samples import Cause, Outcome, Pulse, pulse_of
from tests.watch.made import BUG, OURS, REFUSED, pulse

CAUSES = st.none() | st.builds(
    Cause, st.sampled_from(Reason), st.text(max_size=9), st.sampled_from(Blame)
)
NANOSECONDS = st.integers(-(2**62), 2**62)
PULSES = st.lists(
    st.builds(
        Pulse,
        target=st.integers(0, 2**32 - 1),
        vantage=st.integers(0, 2**16 - 1),
        at_ns=st.integers(0, 2**62),
        lag_ns=NANOSECONDS,
        cause=CAUSES,
        phases=st.dictionaries(st.text(max_size=9), NANOSECONDS, max_size=5).map(
            lambda found: tuple(found.items())
        ),
    )
)


@given(PULSES)
def test_the_journal_is_exact(pulses: list[Pulse]) -> None:
    assert list(decode(encode(pulses))) == pulses


def test_a_pulse_of_a_large_fleet_takes_few_bytes() -> None:
    pulses = [
        pulse(
            1_750_000_000 + i / 1000 + (i * 7919 % 1000) / 1e7,
            target=i * 40, connect=10**6 + i * 7919 % 9973, banner=10**7 + i * 104729 % 99991,
        )
        for i in range(250)
    ]  # fmt: skip
    assert len(encode(pulses)) / 250 < 20


def changed(data: bytes, **fields: object) -> bytes:
    names = ["version", "causes", "names", "columns", "durations"]
    values = dict(zip(names, msgspec.msgpack.decode(zstandard.decompress(data)), strict=True))
    return zstandard.compress(msgspec.msgpack.encode([*(values | fields).values()]))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"not a blob", encode([pulse(1)])[:-1], encode([pulse(1)])[:-1] + b"x",
        b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 9,
        zstandard.compress(b"\xc1"),
        changed(encode([]), version=1), changed(encode([pulse(1)]), causes=[]),
        changed(encode([pulse(1)]), names=[]),
        changed(encode([pulse(1), pulse(1, REFUSED)]), causes=[None]),
        changed(encode([pulse(1), pulse(1, tls=1)]), causes=[None, None], names=[[]]),
        changed(encode([pulse(1), pulse(1, tls=1)]), names=[[]]),
        changed(encode([pulse(1)]), durations={"tls": ["q", bytes(16)]}),
        changed(encode([pulse(1)]), durations={"tls": ["q", bytes(7)]}),
        changed(encode([pulse(1)]), durations={"tls": ["d", bytes(8)]}),
        changed(encode([pulse(1, tls=1)]), durations={}),
        changed(encode([pulse(1)]), columns=[]),
        changed(encode([pulse(1)]), columns=[["b", bytes(n)] for n in (2, 1, 1, 1, 1, 1)]),
    ],
)  # fmt: skip
def test_damage_is_found_before_the_first_pulse(data: bytes) -> None:
    with pytest.raises(CorruptError):
        decode(data)


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [(None, Outcome.OK), (REFUSED, Outcome.FAILED), (OURS, Outcome.UNKNOWN),
     (BUG, Outcome.UNKNOWN), (Cause(Reason.RESOLVE_NXDOMAIN, "resolve", Blame.LOCAL),
     Outcome.FAILED)],
)  # fmt: skip
def test_a_failure_of_ours_is_no_verdict_on_the_target(
    cause: Cause | None, outcome: Outcome
) -> None:
    assert pulse(1, cause).outcome is outcome


def phase(name: str, seconds: float, outcome: str = "ok") -> Phase:
    return msgspec.convert(
        {"name": name, "start_seconds": 0, "seconds": seconds, "clock": "user", "outcome": outcome},
        Phase,
    )


def test_the_first_success_of_each_phase_is_kept() -> None:
    report = Report(
        target="ssh://a:22", protocol="ssh", vantage="v", started_seconds=1, duration_seconds=1,
        failure=Failure(reason=Reason.PEER_RESET, phase="tls", blame=Blame.PEER, detail="x"),
        phases=(phase("resolve", 0.5), phase("connect", 3, "failed"), phase("connect", 0.25),
                phase("connect", 0.75), phase("tls", 9, "failed")),
        facts={},
    )  # fmt: skip
    assert pulse_of(report, 7, 11, 13) == Pulse(
        target=7, at_ns=11, lag_ns=13, cause=Cause(Reason.PEER_RESET, "tls", Blame.PEER),
        phases=(("resolve", 500_000_000), ("connect", 250_000_000)),
    )  # fmt: skip
    good = pulse_of(msgspec.structs.replace(report, failure=None), 7, 11, 13)
    assert good.cause is None
