"""What HTTP/1.1's connections show beside the answers: odd grammar, and content beyond an end."""

from __future__ import annotations

from seventh.net.notes import Notes
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.versions import LeftOver
from seventh.web.connection import HttpConnection
from seventh.web.h1 import H1Connection


def notice(notes: Notes[HttpFacts], connection: HttpConnection, url: str) -> None:
    """Note what ``connection`` to the target showed in its last exchange, for ``url``."""
    if not isinstance(connection, H1Connection):
        return
    stats, facts = connection.stats, notes.facts
    new = {str(deviation) for deviation in stats.deviations}.difference(facts.deviations)
    if new:
        notes.learn(deviations=tuple(sorted({*facts.deviations, *new})))
    if stats.codings:
        notes.learn(transfer_codings=stats.codings)
    surplus = stats.left_over
    if surplus is not None and facts.left_over is None:
        notes.learn(
            left_over=LeftOver(
                bytes=surplus.bytes, method=surplus.method, status=surplus.status, url=url
            )
        )
