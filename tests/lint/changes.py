"""What a file's facts change against those of a plainer file."""

from __future__ import annotations

import msgspec

from seventh.lintkit.linted import View
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.websocket.facts import WebSocketFacts


def facts(view: View) -> dict[str, object]:
    """A view's facts by room and name; a room that has none is None."""
    found: dict[str, object] = {"tls": None, "websocket": None}
    for room, said in view.facts.items():
        part: object = said
        if isinstance(said, HttpFacts):
            part = said.config
        elif isinstance(said, WebSocketFacts):
            part = said.proxied
        assert isinstance(part, msgspec.Struct)
        found[room] = None if room == "http" else "there"
        found |= {f"{room}.{name}": value for name, value in msgspec.structs.asdict(part).items()}
    return found


def changes(plain: View, view: View) -> dict[str, object]:
    """The facts of a view that are not as in a plainer one; of a room that is gone, that alone."""
    before, now = facts(plain), facts(view)
    gone = tuple(f"{room}." for room in ("tls", "websocket") if now[room] is None)
    names = [name for name in {**before, **now} if not name.startswith(gone)]
    return {name: now.get(name) for name in sorted(names) if now.get(name) != before.get(name)}
