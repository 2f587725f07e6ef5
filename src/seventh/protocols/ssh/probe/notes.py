"""Noting what a logged-in session shows: its facts, and what could not be learnt."""

from __future__ import annotations

import msgspec

from seventh.net.talk import Talk
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import SessionFacts


def learn(talk: Talk, **changes: object) -> SessionFacts:
    """Replace fields of the session's facts."""
    known = talk.learn("ssh", SshFacts).session or SessionFacts()
    learnt = msgspec.structs.replace(known, **changes)
    talk.learn("ssh", SshFacts, session=learnt)
    return learnt


def unlearnt(talk: Talk, what: str, why: str) -> None:
    """Note what could not be learnt, and why."""
    known = dict(talk.learn("ssh", SshFacts).unlearnt)
    known.setdefault(what, why)
    talk.learn("ssh", SshFacts, unlearnt=known)
