"""grpclib's server in a process of its own: its generated modules clash with grpcio's in one."""

from __future__ import annotations

import asyncio
import sys

from grpclib.health.service import Health
from grpclib.reflection.service import ServerReflection
from grpclib.server import Server


async def serve() -> None:
    server = Server(ServerReflection.extend([Health()]))
    await server.start("127.0.0.1", int(sys.argv[1]))
    print("ready", flush=True)
    await server.wait_closed()


asyncio.run(serve())
