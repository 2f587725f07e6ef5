"""The server's name for itself, and whether it resolves."""

from __future__ import annotations

from seventh.protocols.smtp.client.endpoint import Endpoint
from seventh.protocols.smtp.facts import ServerName
from seventh.protocols.smtp.wire.extensions import is_qualified

_ABSENT = frozenset({"nxdomain", "no-data"})


async def look(endpoint: Endpoint) -> None:
    """Learn what kind of name the server gives itself."""
    name = endpoint.notes.facts.name
    if name is None or endpoint.is_submission:
        return
    if not name:
        endpoint.notes.learn(name_state="missing")
    elif name.startswith("["):
        endpoint.notes.learn(name_state="literal")
    elif not is_qualified(name):
        endpoint.notes.learn(name_state="not-qualified")
    elif (state := await _resolved(endpoint, name)) is not None:
        endpoint.notes.learn(name_state=state)


async def _resolved(endpoint: Endpoint, name: str) -> ServerName | None:
    """Return whether the name has an address; None where that could not be learnt."""
    outcomes = set()
    for kind in ("A", "AAAA"):
        lookup = await endpoint.ctx.records(name, kind)
        if lookup.outcome == "ok":
            return "resolves"
        outcomes.add(lookup.outcome)
    if outcomes <= _ABSENT:
        return "unresolvable"
    endpoint.notes.unknown(
        "server name", f"the lookup of {name} failed: {', '.join(sorted(outcomes))}"
    )
    return None
