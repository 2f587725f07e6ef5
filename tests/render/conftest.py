"""A room that exists for these tests alone, in a folder of its own."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import seventh.protocols

ROOM = {
    "__init__.py": '''
        """The demo room."""
        from seventh.model.spec import Spec
        from seventh.model.target import Scheme

        SPEC = Spec(
            name="demo", title="Demo", schemes=(Scheme(name="demo", port=7),), phases=(),
            metrics=(), tiers={0: "nothing"},
        )
    ''',
    "facts.py": '''
        """Its facts."""
        from seventh.model.facts import Facts


        class DemoFacts(Facts, frozen=True, kw_only=True):
            """What the demo learns."""

            software: str = ""
            algorithms: tuple[str, ...] = ()
            wait_seconds: float | None = None
    ''',
    "more_rules.py": '''
        """A rule kept in a second module."""
        from seventh.model.severity import Severity
        from seventh.protocols.demo.facts import DemoFacts
        from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


        @rule(
            "DEMO-SLOW", Severity.LOW, tier=0, source=Source.WIRE,
            title="Slow to answer", evidence="waited {wait:.1f} s", why="Clients give up.",
            fix={"any": "Answer sooner. Give the slow part of the server more processors, or give "
                        "it less to do, so that nobody waits for a-long-word-kept-whole."},
            good=DemoFacts(wait_seconds=0.1),
            bad=DemoFacts(wait_seconds=9.0),
        )
        def slow(demo: DemoFacts) -> Verdict:
            if demo.wait_seconds is None:
                return Skip("no answer was timed")
            return Hit(wait=demo.wait_seconds) if demo.wait_seconds > 1 else None
    ''',
    "rules.py": '''
        """Its rules."""
        from seventh.model.severity import Severity
        from seventh.protocols.demo.facts import DemoFacts
        from seventh.protocols.demo.more_rules import slow
        from seventh.rules.rule import Hit, Source, Verdict, rule

        __all__ = ["slow", "weak"]


        @rule(
            "DEMO-WEAK", Severity.HIGH, tier=1, source=Source.WIRE,
            title="Weak algorithms", evidence="offers {algorithms}",
            why="Anyone can read <b>along</b>.",
            fix={
                "demod": "[crypto]\\nAlgorithms strong-one,strong-two  # not {algorithms}",
                "other": "algos = strong",
            },
            references=("RFC 9999 §1",), seed=("12.2.2",),
            good=DemoFacts(algorithms=("strong",)),
            bad=DemoFacts(software="demo 1.0", algorithms=("weak", "weaker")),
        )
        def weak(demo: DemoFacts) -> Verdict:
            bad = tuple(a for a in demo.algorithms if a.startswith("weak"))
            return Hit(algorithms=bad) if bad else None
    ''',
    "checklist.py": '''
        """Its debugging checklist."""
        from seventh.model.checklist import CheckLine

        LINES = (
            CheckLine("The server names its software", facts=("software",), phases=("demo.hello",)),
            CheckLine("Algorithms are strong", rules=("DEMO-WEAK",), facts=("algorithms",)),
            CheckLine("The answer comes soon", rules=("DEMO-SLOW",), look="--timeout SECONDS"),
            CheckLine("The answer comes soon enough", rules=("DEMO-SLOW",),
                      look="--timeout SECONDS"),
        )
    ''',
    "words/ko.toml": """
        [DEMO-WEAK]
        title = "약한 알고리즘"
        evidence = "제공: {algorithms}"
    """,
}


@pytest.fixture(scope="module")
def demo_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The room ``demo``, found like any other."""
    folder = tmp_path_factory.mktemp("rooms")
    for name, text in ROOM.items():
        path = folder / "demo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    patch = pytest.MonkeyPatch()
    patch.setattr(seventh.protocols, "__path__", [*seventh.protocols.__path__, str(folder)])
    caches = (
        seventh.protocols.rooms, seventh.protocols.schemes, seventh.protocols.checklist,
    )  # fmt: skip
    for cache in caches:
        cache.cache_clear()
    yield folder / "demo"
    patch.undo()
    for name in [n for n in sys.modules if n.startswith("seventh.protocols.demo")]:
        del sys.modules[name]
    seventh.protocols.__dict__.pop("demo", None)
    for cache in caches:
        cache.cache_clear()
