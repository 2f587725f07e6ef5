"""16-bit logarithms within their bound, and blobs of the journal as columns."""

from __future__ import annotations

import math
from collections.abc import Iterator

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.model.failure import Blame, Reason
from seventh.watch import journal
from seventh.watch.history import log16
from seventh.watch.history.columns import Columns, batches
from seventh.watch.history.staging import Staged
from seventh.watch.samples import Cause, Pulse

DURATIONS = st.integers(0, 2**62)
CAUSES = st.none() | st.builds(
    Cause, st.sampled_from(Reason), st.text(max_size=3), st.sampled_from(Blame)
)
PULSES = st.lists(
    st.builds(
        Pulse,
        target=st.integers(0, 3),
        vantage=st.integers(0, 2**16 - 1),
        at_ns=st.integers(0, 2**62),
        lag_ns=DURATIONS,
        cause=CAUSES,
        phases=st.dictionaries(
            st.sampled_from(["resolve", "connect", 'a"b']), DURATIONS, max_size=3
        ).map(lambda found: tuple(found.items())),
    ),
    max_size=6,
)
NAMES = {1: "one", 2: "it's", 3: "a"}
"""Target 0 has none: its pulses are left out."""


@given(DURATIONS)
def test_a_duration_is_within_the_error(duration_ns: int) -> None:
    decoded = log16.decode(log16.encode(duration_ns))
    assert abs(decoded - duration_ns) <= duration_ns * log16.ERROR * (1 + 1e-9)


@pytest.mark.parametrize(
    ("duration_ns", "code"),
    [(-1, 0), (0, 0), (1, 1), (2, 257), (10**9, 7655), (2**62, 15873)],
)
def test_codes(duration_ns: int, code: int) -> None:
    assert log16.encode(duration_ns) == code


def test_the_error_is_the_one_that_is_stated() -> None:
    """Half a step, not more: neighbours in the middle between two codes have both."""
    middle = 2 ** ((5000 + 0.5) / log16.STEPS)
    below, above = log16.encode(math.floor(middle)), log16.encode(math.ceil(middle))
    assert (below, above) == (5001, 5002)
    assert log16.decode(above) / middle - 1 == pytest.approx(log16.ERROR, rel=1e-3)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@given(values=st.lists(st.integers(-1, 2**62), min_size=1))
def test_sql_encodes_and_decodes_alike(
    values: list[int], database: duckdb.DuckDBPyConnection
) -> None:
    encode = f"SELECT {log16.encode_sql('v')} FROM (SELECT unnest($1)::BIGINT AS v)"  # noqa: S608
    rows = database.execute(encode, [values]).fetchall()
    codes = [code for (code,) in rows]
    assert codes == [log16.encode(value) for value in values]
    decode = f"SELECT {log16.decode_sql('c')} FROM (SELECT unnest($1)::USMALLINT AS c)"  # noqa: S608
    rows = database.execute(decode, [codes]).fetchall()
    assert [ns for (ns,) in rows] == pytest.approx([log16.decode(code) for code in codes])


def rebuilt(batch: Columns) -> Iterator[Pulse]:
    """The pulses of a batch, their phases in the order of the batch's."""
    causes = list(batch.causes)
    for n, target in enumerate(batch.targets):
        durations = {name: column[n] for name, column in batch.durations_ns.items()}
        yield Pulse(
            target=target, vantage=batch.vantages[n], at_ns=batch.at_ns[n],
            lag_ns=batch.lags_ns[n], cause=causes[batch.cause_of[n]],
            phases=tuple((name, ns) for name, ns in durations.items() if ns != journal.NONE),
        )  # fmt: skip


def ordered(pulse: Pulse) -> Pulse:
    return msgspec.structs.replace(pulse, phases=tuple(sorted(pulse.phases)))


@settings(max_examples=30)
@given(st.lists(PULSES, max_size=3))
def test_columns_are_exact(commits: list[list[Pulse]]) -> None:
    damaged: list[str] = []
    blobs = [journal.encode(pulses) for pulses in commits]
    found = [pulse for batch in batches([b"x", *blobs], damaged) for pulse in rebuilt(batch)]
    assert [*map(ordered, found)] == [ordered(pulse) for pulses in commits for pulse in pulses]
    assert damaged == ["error when determining content size"]


def code(pulse: Pulse, phase: str) -> int | None:
    durations = dict(pulse.phases)
    return log16.encode(durations[phase]) if phase in durations else None


@settings(max_examples=25, deadline=None)
@given(first=PULSES, second=PULSES)
def test_what_is_staged_is_what_was_encoded(
    first: list[Pulse], second: list[Pulse], database: duckdb.DuckDBPyConnection
) -> None:
    for kind, name in (("TABLE", "staged"), ("TABLE", "numbered"), ("TYPE", "watched")):
        database.execute(f"DROP {kind} IF EXISTS {name}")
    staged = Staged(database, NAMES)
    for pulses in (first, second):  # each is a batch of its own
        staged.add([journal.encode(pulses)])
    found = database.execute(staged.select()).fetchall()
    phases = list(staged.phases)
    expected = [
        (
            NAMES[pulse.target], pulse.vantage, pulse.at_ns // 10**6, log16.encode(pulse.lag_ns),
            *((pulse.cause.reason.value, pulse.cause.phase, pulse.cause.blame.value)
              if pulse.cause else (None, None, None)),
            *(code(pulse, phase) for phase in phases),
        )
        for pulse in first + second if pulse.target in NAMES
    ]  # fmt: skip
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert staged.damaged == []
