"""The methods of the reference server: health, reflection, echo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from seventh.protocols.grpc.lab.schema import ECHO, FILE, damaged_files, echo_file, messages
from seventh.protocols.grpc.lab.server import Method, ServerCall
from seventh.protocols.grpc.lab.setup import Setup
from seventh.protocols.grpc.wire import protobuf as pb
from seventh.protocols.grpc.wire import services
from seventh.protocols.grpc.wire.framing import frame
from seventh.protocols.grpc.wire.status import Code, encode_message

HEALTH = "grpc.health.v1.Health"
_LIST_NAMES = (HEALTH, ECHO)


def methods(setup: Setup) -> Callable[[str], Method]:
    """Return what finds the method of a path."""
    lab = _Lab(setup)
    found: dict[str, Method] = {
        f"/{ECHO}/Say": lab.say, f"/{ECHO}/Repeat": lab.repeat, f"/{ECHO}/Collect": lab.collect,
        f"/{ECHO}/Chat": lab.chat,
    }  # fmt: skip
    if setup.health:
        found[services.CHECK] = lab.check
        if setup.watch != "absent":
            found[services.WATCH] = lab.watch
        if setup.lists:
            found[services.LIST] = lab.list
    for version in setup.reflection:
        found[services.REFLECTION[version]] = lab.reflect
    if setup.channelz:
        found[services.CHANNELZ] = lab.channelz

    def find(path: str) -> Method:
        if setup.page is not None:
            return lab.page
        return found.get(path, lab.unknown)

    return find


class _Lab:
    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    async def unknown(self, call: ServerCall) -> None:
        setup = self.setup
        more = [("grpc-retry-pushback-ms", setup.pushback)] if setup.pushback else []
        if setup.http_status == 200:
            await call.end(setup.unknown_code, f"unknown method {call.path}", *more)
            return
        fields = [
            (":status", str(setup.http_status)), ("content-type", "application/grpc"),
            ("grpc-status", "13"), ("grpc-message", encode_message("upstream")),
        ]  # fmt: skip
        await call.only(fields)

    async def page(self, call: ServerCall) -> None:
        page = self.setup.page
        assert page is not None  # noqa: S101 - find() returned this method
        assert isinstance(page.body, bytes)  # noqa: S101 - as it is set up
        fields = [(":status", str(page.status)), *((n.lower(), v) for n, v in page.headers)]
        await call.only(fields, page.body)

    # -- health

    async def check(self, call: ServerCall) -> None:
        setup = self.setup
        request = await call.receive()
        size = sum(len(n) + len(v) + 32 for n, v in call.fields)
        if size > setup.max_metadata:
            await call.end(Code.RESOURCE_EXHAUSTED, "too much metadata")
            return
        if dict(call.fields).get("grpc-encoding") == "gzip" and not setup.gzip:
            await call.end(Code.UNIMPLEMENTED, "gzip is not supported")
            return
        if setup.message_text is not None:
            fields = [(":status", "200"), ("content-type", "application/grpc"),
                      ("grpc-status", "13"), ("grpc-message", setup.message_text)]  # fmt: skip
            await call.only(fields)
            return
        if setup.reset_at == "headers":
            await call.abort()
            return
        await call.begin(*([("grpc-encoding", setup.encoding)] if setup.encoding else []))
        if setup.reset_at == "message":
            await call.send_raw(frame(b"half")[:-2])
            await call.abort()
            return
        service = pb.text(dict(pb.fields(request or b"")).get(1, b""))
        if service not in {"", ECHO, HEALTH}:
            await call.end(Code.NOT_FOUND, "unknown service")
            return
        raw = setup.raw_message
        await call.send_raw(frame(services.health_response(setup.status)) if raw is None else raw)
        if setup.reset_at == "trailers":
            await call.abort()
        elif setup.no_trailers:
            await call.cut()

    async def watch(self, call: ServerCall) -> None:
        setup = self.setup
        await call.receive()
        await call.begin()
        if setup.watch != "silent":
            await call.send(services.health_response(setup.status))
        if setup.watch == "ends":
            await call.end(Code.UNAVAILABLE, "the stream was closed")
            return
        while setup.endless:
            await call.send(services.health_response(setup.status) * 500)
        if setup.watch_seconds is not None and call.deadline is None:
            await asyncio.sleep(setup.watch_seconds)
            await call.end(Code.UNAVAILABLE, "the stream was idle")
            return
        await asyncio.Event().wait()

    async def list(self, call: ServerCall) -> None:
        await call.receive()
        await call.send(services.health_list_response({"": self.setup.status, ECHO: 1}))

    async def channelz(self, call: ServerCall) -> None:
        await call.receive()
        await call.send(b"")

    # -- reflection

    async def reflect(self, call: ServerCall) -> None:
        while (request := await call.receive()) is not None:
            ((field, value), *_) = list(pb.fields(request)) or [(0, b"")]
            await call.send(self._reflected(field, pb.text(value)))

    def _reflected(self, field: int, name: str) -> bytes:
        if field == 7:
            return services.services_response(_LIST_NAMES)
        if name == FILE or name.startswith("seventh.lab."):
            if self.setup.descriptors != "right":
                return services.files_response(damaged_files(self.setup.descriptors))
            return services.files_response((echo_file(),))
        return services.error_response(Code.NOT_FOUND, f"not found: {name}")

    # -- echo

    async def say(self, call: ServerCall) -> None:
        request_type, reply_type = messages()
        request = request_type.FromString(await call.receive() or b"")
        await asyncio.sleep(request.wait_ms / 1000)
        if request.code:
            more = [("grpc-retry-pushback-ms", self.setup.pushback)] if self.setup.pushback else []
            await call.end(request.code, request.text, *more)
            return
        padding = bytes(max(0, min(request.size, 1 << 24)))
        await call.send(reply_type(text=request.text, padding=padding).SerializeToString())

    async def repeat(self, call: ServerCall) -> None:
        request_type, reply_type = messages()
        request = request_type.FromString(await call.receive() or b"")
        for index in range(request.count):
            padding = bytes(max(0, min(request.size, 1 << 20)))
            await call.send(
                reply_type(text=request.text, index=index, padding=padding).SerializeToString()
            )
            if request.wait_ms:
                await asyncio.sleep(request.wait_ms / 1000)

    async def collect(self, call: ServerCall) -> None:
        request_type, reply_type = messages()
        texts: list[str] = []
        while (message := await call.receive()) is not None:
            texts.append(request_type.FromString(message).text)
        await call.send(reply_type(text=" ".join(texts), index=len(texts)).SerializeToString())

    async def chat(self, call: ServerCall) -> None:
        request_type, reply_type = messages()
        index = 0
        while (message := await call.receive()) is not None:
            text = request_type.FromString(message).text
            await call.send(reply_type(text=text, index=index).SerializeToString())
            index += 1
