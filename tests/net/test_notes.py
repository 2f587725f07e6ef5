"""The handle on a talk's facts: reading changes nothing, writing replaces."""

from __future__ import annotations

import pytest

from seventh.model.facts import Facts
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import SessionFacts


@pytest.fixture
def ctx() -> ProbeContext:
    return ProbeContext(Target(scheme="ssh", host="127.0.0.1", port=22), Options())


def test_reading_learns_nothing(ctx: ProbeContext) -> None:
    before = dict(ctx.facts)
    assert ctx.notes(SshFacts).facts == SshFacts()
    assert ctx.facts == before


def test_writing_replaces_and_leaves_earlier_facts_as_they_were(ctx: ProbeContext) -> None:
    notes = ctx.notes(SshFacts)
    notes.learn(gex_bits=2048)
    earlier: Facts = ctx.facts["ssh"]
    notes.learn(kex_seconds=0.25)
    assert notes.facts == SshFacts(gex_bits=2048, kex_seconds=0.25)
    assert earlier == SshFacts(gex_bits=2048)
    assert ctx.notes(SshFacts).facts is ctx.facts["ssh"]


def test_a_field_that_does_not_exist_is_an_error(ctx: ProbeContext) -> None:
    with pytest.raises(TypeError):
        ctx.notes(SshFacts).learn(gex_bit=1)
    assert "ssh" not in ctx.facts


def test_a_part_is_made_and_then_changed(ctx: ProbeContext) -> None:
    notes = ctx.notes(SshFacts)
    session = notes.part("session", SessionFacts)
    assert session.facts == SessionFacts()
    assert "ssh" not in ctx.facts, "reading a part learns nothing, either"
    session.learn(exec_seconds=0.5)
    notes.learn_part("session", SessionFacts, channel_seconds=0.1)
    assert session.facts == SessionFacts(exec_seconds=0.5, channel_seconds=0.1)
    assert notes.facts.session is session.facts


def test_a_part_knows_its_fields(ctx: ProbeContext) -> None:
    with pytest.raises(TypeError):
        ctx.notes(SshFacts).part("session", SessionFacts).learn(exec_second=0.5)
    with pytest.raises(AttributeError):
        _ = ctx.notes(SshFacts).part("sesion", SessionFacts).facts


def test_the_first_reason_stands(ctx: ProbeContext) -> None:
    notes = ctx.notes(SshFacts)
    notes.unknown("sftp", "refused")
    notes.unknown("sftp", "closed")
    notes.unknown("exec", "closed")
    assert notes.facts.unknown == {"sftp": "refused", "exec": "closed"}


def test_types_do_not_mix(ctx: ProbeContext) -> None:
    ctx.notes(TlsFacts).learn(version="TLSv1.3")
    assert ctx.notes(SshFacts).facts == SshFacts()
    assert ctx.notes(TlsFacts).facts.version == "TLSv1.3"
