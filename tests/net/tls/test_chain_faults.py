"""Faults of a chain as sent, of certificates that are only a name, an issuer and a date."""

from __future__ import annotations

import pytest

from seventh.model.tlsfacts import Certificate
from seventh.net.tls.chain_problems import problems


def made(subject: str, issuer: str, **more: object) -> Certificate:
    fields: dict[str, object] = {
        "sha256": f"{subject}<{issuer}", "days_left": 90.0, "size_bytes": 1000, **more,
    }  # fmt: skip
    return Certificate(
        subject=subject, issuer=issuer, self_issued=subject == issuer, not_after="then", **fields
    )  # type: ignore[arg-type]


LEAF, MID, TOP, ROOT = made("L", "M"), made("M", "T"), made("T", "R"), made("R", "R")
OTHER = made("X", "Y")


def found(
    *chain: Certificate, path: tuple[Certificate, ...] = (LEAF, MID, TOP), verified: bool = True
) -> list[tuple[str, str]]:
    return [(each.kind, each.value) for each in problems(chain, path, verified=verified)]


@pytest.mark.parametrize(
    ("chain", "faults"),
    [
        ((LEAF,), []), ((LEAF, MID, TOP), []),
        ((LEAF, TOP, MID), [("order", "M → T")]),
        ((LEAF, ROOT, MID, TOP), [("order", "T → R"), ("root-sent", "R")]),
        ((LEAF, MID, TOP, ROOT), [("root-sent", "R")]),
        ((LEAF, MID, OTHER, TOP), [("stranger", "X")]),
        ((LEAF, MID, made("S", "S"), TOP), [("stranger", "S")]),
        ((LEAF, MID, MID, TOP, TOP), [("duplicate", "M"), ("duplicate", "T")]),
        ((LEAF, MID, made("", "", problem="why"), TOP), [("unreadable", "3")]),
        ((made("S", "S"),), []),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_chain(
    chain: tuple[Certificate, ...], faults: list[tuple[str, str]]
) -> None:
    assert found(*chain) == faults


@pytest.mark.parametrize(
    ("days", "kind"),
    [(-0.1, "expired-leftover"), (0.0, "expiring-leftover"), (29.9, "expiring-leftover"),
     (30.0, None)],
)  # fmt: skip
def test_a_leftover_is_told_before_it_expires(days: float, kind: str | None) -> None:
    old = made("T", "O", days_left=days)
    expected = [(kind, "T → O (then)")] if kind else []
    assert found(LEAF, MID, TOP, old) == expected
    assert found(LEAF, MID, TOP, old, verified=False) == []
    assert found(LEAF, MID, TOP, old, path=(LEAF, MID, old)) == []


def test_a_root_that_is_not_used_only_expires() -> None:
    for days, more in ((-1.0, [("expired-leftover", "R → R (then)")]), (1.0, [])):
        root = made("R", "R", days_left=days)
        assert found(LEAF, MID, TOP, root) == [("root-sent", "R"), *more]


def test_a_chain_has_a_length_and_a_size() -> None:
    many = [made(f"C{n}", f"C{n + 1}", size_bytes=6553) for n in range(11)]
    assert found(*many[:10], verified=False) == []
    assert found(*many, verified=False) == [("too-long", "11 certificates (72083 bytes)")]
    large = [*many[:9], made("C9", "C10", size_bytes=65536 - 9 * 6553)]
    assert found(*large, verified=False) == []
    larger = [*many[:9], made("C9", "C10", size_bytes=65537 - 9 * 6553)]
    assert found(*larger, verified=False) == [("too-long", "10 certificates (65537 bytes)")]


def test_a_problem_has_words() -> None:
    (problem,) = problems((LEAF, MID, ROOT, TOP), (LEAF, MID, TOP), verified=True)[:1]
    assert problem.text == "order: T → R"
    assert problems((LEAF, MID, TOP, ROOT), (), verified=False)[0].text == "root sent: R"
