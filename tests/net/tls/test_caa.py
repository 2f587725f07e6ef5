"""CAA records: what the name servers answer, and what is learnt of it."""

from __future__ import annotations

import pytest

from seventh.labkit.names import Zone, name_server
from seventh.model.target import Target
from seventh.model.tlsfacts import Caa, TlsFacts, Topic
from seventh.net.probe_context import ProbeContext
from seventh.net.tls.caa import look_up_caa
from tests.options import options_with

NAME = "a.www.example.org"
ISSUE, NONE = '0 issue "ca.example"', '0 issue ";"'
HERE: Zone = {NAME: {"A": ("127.0.0.1",)}}


async def learnt(zone: Zone, name: str = NAME, servfail: frozenset[str] = frozenset()) -> TlsFacts:
    async with name_server(zone, servfail=servfail) as resolver:
        options = options_with(timeout_seconds=5.0, resolver=resolver)
        ctx = ProbeContext(Target(scheme="tls", host=name, port=443), options)
        await look_up_caa(ctx, name)
        ctx.close()
    return ctx.notes(TlsFacts).facts


@pytest.mark.parametrize(
    ("zone", "caa"),
    [
        (HERE, Caa()),
        ({}, Caa()),
        ({NAME: {"CAA": (ISSUE,)}}, Caa(name=NAME, records=(ISSUE,))),
        ({**HERE, "www.example.org": {"CAA": (ISSUE,)}},
         Caa(name="www.example.org", records=(ISSUE,))),
        ({**HERE, "org": {"CAA": (ISSUE,)}}, Caa(name="org", records=(ISSUE,))),
        # The nearest set alone counts.
        ({"www.example.org": {"CAA": (NONE,)}, "example.org": {"CAA": (ISSUE,)}},
         Caa(name="www.example.org", records=(NONE,))),
    ],
)  # fmt: skip
async def test_the_nearest_set(zone: Zone, caa: Caa) -> None:
    facts = await learnt(zone)
    assert (facts.caa, facts.unknown) == (caa, {})


async def test_an_error_is_not_an_absence() -> None:
    facts = await learnt(HERE, servfail=frozenset({"CAA"}))
    assert facts.caa is None
    assert facts.unknown[Topic.CAA].startswith(f"{NAME}: servfail: the resolver 127.0.0.1 port ")


async def test_names_without_caa_are_not_looked_up() -> None:
    facts = await learnt({}, "lab.test")
    assert (facts.caa, facts.unknown) == (None, {})


async def test_the_number_of_names_has_a_limit() -> None:
    assert (await learnt({}, "a." * 8 + "example.org")).caa == Caa()
    facts = await learnt({}, "a." * 9 + "example.org")
    assert facts.unknown == {Topic.CAA: "the name has more than 10 labels"}


async def test_a_root_given_by_hand_is_no_public_one() -> None:
    async with name_server({}) as resolver:
        options = options_with(resolver=resolver)
        ctx = ProbeContext(Target(scheme="tls", host=NAME, port=443), options)
        ctx.notes(TlsFacts).learn(trust="given")
        await look_up_caa(ctx, NAME)
        ctx.close()
    assert ctx.notes(TlsFacts).facts.caa is None and not ctx.notes(TlsFacts).facts.unknown
