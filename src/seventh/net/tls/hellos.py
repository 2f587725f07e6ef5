"""The bare hellos that complement a full handshake, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.tls.ask import Asker, Learnt, OpenStream
from seventh.net.tls.handshake import sni
from seventh.wire import tlsnames as n

LANES = 4
"""How many bare hellos are under way at once."""
_HYBRID_NAMES = frozenset(n.group_name(code) for code in n.HYBRIDS)


async def ask_hellos(ctx: ProbeContext, open_stream: OpenStream, server_name: str) -> None:
    """Learn what one handshake does not show; at most nine connections.

    What a full handshake has shown is known by then, where there was one. Never raises Failed:
    what is not answered is noted as such.
    """
    notes = ctx.notes(TlsFacts)
    version, group = notes.facts.version, notes.facts.group
    modern = version in {"TLSv1.2", "TLSv1.3"}
    asker = Asker(open_stream, sni(server_name), modern=modern)
    asks = [asker.broken_suites, asker.obsolete_suites, asker.features, asker.finite_field]
    if modern:
        asks.insert(0, asker.versions)
    else:
        await asker.versions()  # what else is asked depends on it
    known = group if group in _HYBRID_NAMES else None
    if known is None:
        asks.append(asker.hybrid_group)
    lanes = asyncio.Semaphore(LANES)

    async def in_lane(ask: Callable[[], Awaitable[None]]) -> None:
        async with lanes:
            await ask()

    await asyncio.gather(*map(in_lane, asks))
    await asker.more_suites()
    asker.learnt.hybrid = known if known is not None else asker.learnt.hybrid
    _note(notes, asker.learnt, version)


def _note(notes: Notes[TlsFacts], learnt: Learnt, version: str | None) -> None:
    main = next((code for code, name in n.VERSIONS.items() if name == version), None)
    if main is not None:
        learnt.accepted.add(main)
        # The main handshake offered everything from TLS 1.0 up to 1.3.
        learnt.refused |= {code for code in n.VERSIONS if code > main}
    if not learnt.accepted:
        # Nothing got an answer, so a refusal says nothing about what was asked.
        why = "no answer to any ClientHello"
        learnt = Learnt(unknown={**learnt.unknown, Topic.HELLOS: why})
    learnt.refused -= learnt.accepted
    notes.learn(
        versions=tuple(n.version_name(v) for v in sorted(learnt.accepted)),
        versions_refused=tuple(n.version_name(v) for v in sorted(learnt.refused)),
        broken_suites=_suite_names(learnt.broken),
        obsolete_suites=_suite_names(learnt.obsolete),
        all_suites=learnt.all_suites,
        hybrid_group=learnt.hybrid,
        extended_master_secret=learnt.extended_master_secret,
        secure_renegotiation=learnt.secure_renegotiation,
        compression=learnt.compression,
    )
    for topic, why in learnt.unknown.items():
        notes.unknown(topic, why)
    if learnt.dh_bits is not None:
        # What a full handshake showed counts too.
        known = [bits for bits in (notes.facts.dh_bits, learnt.dh_bits) if bits]
        notes.learn(dh_bits=min(known, default=0))


def _suite_names(codes: list[int] | None) -> tuple[str, ...] | None:
    return None if codes is None else tuple(n.suite_name(code) for code in codes)
