"""What no server should answer."""

from __future__ import annotations

from seventh.labkit.lines import LinePeer


async def literal(peer: LinePeer) -> None:
    """Declare a literal of 4 GiB."""
    await peer.send(b"* CAPABILITY {4294967295}\r\n")
    await peer.line()


async def nested(peer: LinePeer) -> None:
    """Open lists without end."""
    await peer.send(b"* CAPABILITY " + b"(" * 4000 + b"\r\n")
    await peer.line()


async def endless(peer: LinePeer) -> None:
    """Send responses without end."""
    while True:
        await peer.send(b"* 1 EXISTS\r\n" * 1000)


async def long_line(peer: LinePeer) -> None:
    """Send a line without an end."""
    await peer.send(b"* CAPABILITY " + b"A" * 10_000)
    await peer.line()


async def foreign_tag(peer: LinePeer) -> None:
    """Complete a command that was not sent."""
    await peer.send(b"x9 OK Done\r\n")
    await peer.line()


async def leaves(peer: LinePeer) -> None:
    """End the session."""
    await peer.send(b"* BYE \x1b[31mgoing down\r\n")
