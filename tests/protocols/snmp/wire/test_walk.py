"""Walks: pacing, ends, and agents that go back."""

from __future__ import annotations

import pytest

from seventh.protocols.snmp.wire.message import Binding, ErrorStatus, Kind, Pdu, PduType
from seventh.protocols.snmp.wire.walk import MAX_REPETITIONS, Stuck, Walk

ROOT = (1, 3, 6)


def rows(*arcs: int) -> tuple[Binding, ...]:
    return tuple(Binding((*ROOT, arc), Kind.INTEGER, arc) for arc in arcs)


def answer(*arcs: int) -> Pdu:
    return Pdu(type=PduType.RESPONSE, bindings=rows(*arcs))


def error(status: ErrorStatus) -> Pdu:
    return Pdu(type=PduType.RESPONSE, error=status)


def after(walk: Walk) -> tuple[int, ...]:
    return walk.request().bindings[0].oid


def test_a_walk_asks_for_more_while_replies_are_full() -> None:
    walk = Walk(ROOT, bulk=True, repetitions=2)
    assert walk.request() == Pdu(type=PduType.GETBULK, index=2, bindings=(Binding(ROOT),))
    assert walk.receive(answer(1, 2)) == rows(1, 2)
    assert (after(walk), walk.repetitions, walk.done) == ((*ROOT, 2), 4, False)
    walk.receive(answer(3, 4, 5, 6))
    assert walk.repetitions == 8
    walk.receive(answer(7, 8, 9))  # as many as fit into a reply
    assert (walk.repetitions, walk.rows, walk.replies, walk.largest) == (3, 9, 3, 4)
    walk.receive(answer(10, 11, 12))
    assert walk.repetitions == 3
    assert walk.rows_per_reply == 3.0


def test_repetitions_have_a_maximum() -> None:
    walk = Walk(ROOT, bulk=True, repetitions=40)
    walk.receive(answer(*range(1, 41)))
    assert walk.repetitions == MAX_REPETITIONS


@pytest.mark.parametrize(
    "last",
    [
        Binding((1, 3, 7, 1), Kind.INTEGER, 1),
        Binding((*ROOT, 1), Kind.END_OF_VIEW),
        Binding((*ROOT, 2), Kind.NO_SUCH_OBJECT),
    ],
)
def test_a_walk_ends_behind_its_subtree(last: Binding) -> None:
    walk = Walk(ROOT, bulk=True)
    got = walk.receive(Pdu(type=PduType.RESPONSE, bindings=(*rows(1), last, *rows(9))))
    assert (got, walk.done, walk.stuck, walk.failed, walk.repetitions) == (
        rows(1), True, None, None, 10,
    )  # fmt: skip


def test_an_empty_answer_ends_it() -> None:
    walk = Walk(ROOT, bulk=True)
    assert (walk.receive(answer()), walk.done, walk.rows_per_reply) == ((), True, None)


def test_too_big_and_losses_halve_the_rows() -> None:
    walk = Walk(ROOT, bulk=True, repetitions=5)
    assert walk.receive(error(ErrorStatus.TOO_BIG)) == ()
    assert (walk.repetitions, walk.too_big, walk.done) == (2, 1, False)
    walk.receive(answer(1, 2))
    assert walk.repetitions == 2, "no more than the agent can send"
    assert walk.lost()
    assert walk.repetitions == 1
    assert not walk.lost()
    walk.receive(error(ErrorStatus.TOO_BIG))
    assert (walk.done, walk.failed, walk.too_big) == (True, ErrorStatus.TOO_BIG, 2)


def test_version_1_ends_with_an_error() -> None:
    walk = Walk(ROOT, bulk=False)
    assert walk.request() == Pdu(type=PduType.GETNEXT, bindings=(Binding(ROOT),))
    walk.receive(error(ErrorStatus.NO_SUCH_NAME))
    assert (walk.done, walk.failed) == (True, None)
    assert not walk.lost()
    bulk = Walk(ROOT, bulk=True)
    bulk.receive(error(ErrorStatus.NO_SUCH_NAME))
    assert (bulk.done, bulk.failed) == (True, ErrorStatus.NO_SUCH_NAME)


@pytest.mark.parametrize("back", [2, 1])
def test_an_agent_that_goes_back(back: int) -> None:
    walk = Walk(ROOT, bulk=True)
    assert walk.receive(answer(1, 2, back)) == rows(1, 2)
    assert (walk.done, walk.stuck) == (True, Stuck((*ROOT, 2), (*ROOT, back)))


def test_a_walk_resumes_past_it() -> None:
    walk = Walk(ROOT, bulk=False, resume=True)
    walk.receive(answer(1))
    assert walk.receive(answer(1)) == ()
    assert (after(walk), walk.done) == ((*ROOT, 2), False)
    assert walk.receive(answer(3)) == rows(3)
    for _ in range(15):
        walk.receive(answer(3))
        assert not walk.done
    walk.receive(answer(3))
    assert (walk.done, walk.stuck) == (True, Stuck((*ROOT, 1), (*ROOT, 1)))


def test_a_walk_does_not_resume_past_its_subtree() -> None:
    walk = Walk(ROOT, bulk=False, resume=True)
    assert walk.receive(Pdu(type=PduType.RESPONSE, bindings=(Binding(ROOT, Kind.NULL),))) == ()
    assert walk.done
    last = Walk(ROOT, bulk=False, resume=True)
    last.receive(answer(2**32 - 1))
    last.receive(answer(1))
    assert last.done
