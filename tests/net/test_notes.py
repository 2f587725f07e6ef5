"""The handle on a talk's facts: reading changes nothing, writing replaces."""

from __future__ import annotations

import pytest

from seventh.model.facts import Facts
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.net.talk import Talk
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import SessionFacts


@pytest.fixture
def talk() -> Talk:
    return Talk(Target(scheme="ssh", host="127.0.0.1", port=22), Options())


def test_reading_learns_nothing(talk: Talk) -> None:
    before = dict(talk.facts)
    assert talk.notes(SshFacts).facts == SshFacts()
    assert talk.facts == before


def test_writing_replaces_and_leaves_earlier_facts_as_they_were(talk: Talk) -> None:
    notes = talk.notes(SshFacts)
    notes.learn(gex_bits=2048)
    earlier: Facts = talk.facts["ssh"]
    notes.learn(kex_seconds=0.25)
    assert notes.facts == SshFacts(gex_bits=2048, kex_seconds=0.25)
    assert earlier == SshFacts(gex_bits=2048)
    assert talk.notes(SshFacts).facts is talk.facts["ssh"]


def test_a_field_that_does_not_exist_is_an_error(talk: Talk) -> None:
    with pytest.raises(TypeError):
        talk.notes(SshFacts).learn(gex_bit=1)
    assert "ssh" not in talk.facts


def test_a_part_is_made_and_then_changed(talk: Talk) -> None:
    notes = talk.notes(SshFacts)
    session = notes.part("session", SessionFacts)
    assert session.facts == SessionFacts()
    assert "ssh" not in talk.facts, "reading a part learns nothing, either"
    session.learn(exec_seconds=0.5)
    notes.learn_part("session", SessionFacts, channel_seconds=0.1)
    assert session.facts == SessionFacts(exec_seconds=0.5, channel_seconds=0.1)
    assert notes.facts.session is session.facts


def test_a_part_knows_its_fields(talk: Talk) -> None:
    with pytest.raises(TypeError):
        talk.notes(SshFacts).part("session", SessionFacts).learn(exec_second=0.5)
    with pytest.raises(AttributeError):
        _ = talk.notes(SshFacts).part("sesion", SessionFacts).facts


def test_the_first_reason_stands(talk: Talk) -> None:
    notes = talk.notes(SshFacts)
    notes.unknown("sftp", "refused")
    notes.unknown("sftp", "closed")
    notes.unknown("exec", "closed")
    assert notes.facts.unlearnt == {"sftp": "refused", "exec": "closed"}


def test_types_do_not_mix(talk: Talk) -> None:
    talk.notes(TlsFacts).learn(version="TLSv1.3")
    assert talk.notes(SshFacts).facts == SshFacts()
    assert talk.notes(TlsFacts).facts.version == "TLSv1.3"
