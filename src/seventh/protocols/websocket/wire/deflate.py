"""permessage-deflate (RFC 7692): its negotiation, and where the library websockets stops short.

A sender may end a DEFLATE stream within its messages (§7.2.3.4), after which zlib reads no more;
and a server may want the client to use a window of 256 bytes, which zlib cannot make.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CTRL_OPCODES, Frame, Opcode

OFFER = "permessage-deflate; client_max_window_bits"
"""What is offered: everything is left to the server."""
TAIL = b"\x00\x00\xff\xff"
"""What a sender leaves out at the end of each message (§7.2.1)."""
WINDOW = 32768
LEAST_BITS = 9
"""The smallest window that zlib compresses with; it inflates from 8 on."""
MAX_STREAMS = 256
"""How many ends of a stream one frame may have."""
_BITS = {str(bits): bits for bits in range(8, 16)}
_FLAGS = frozenset({"server_no_context_takeover", "client_no_context_takeover"})
_WINDOWS = frozenset({"server_max_window_bits", "client_max_window_bits"})


class Deflate(PerMessageDeflate):
    """The client's side of the extension."""

    def __init__(
        self,
        *,
        server_forgets: bool = False,
        client_forgets: bool = False,
        server_bits: int = 15,
        client_bits: int = 15,
    ) -> None:
        # Who cannot compress with so small a window sends its messages as they are (§6).
        self.plain = client_bits < LEAST_BITS
        super().__init__(server_forgets, client_forgets, server_bits, max(LEAST_BITS, client_bits))
        self._window = b""
        """What has been inflated last: the next stream may refer to it."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """Inflate a frame of a compressed message; ``max_size`` bounds what it inflates to."""
        if frame.opcode in CTRL_OPCODES:
            return frame
        if frame.opcode is Opcode.CONT:
            if not self.decode_cont_data:
                return frame
            if frame.rsv1:
                raise ProtocolError("RSV1 bit set in continuation frame")
        elif not frame.rsv1:
            return frame
        elif self.remote_no_context_takeover:
            self.decoder = zlib.decompressobj(wbits=-self.remote_max_window_bits)
            self._window = b""
        self.decode_cont_data = not frame.fin
        data = bytes(frame.data) + TAIL if frame.fin else bytes(frame.data)
        inflated = self._inflated(data, max_size)
        self._window = (self._window + inflated)[-WINDOW:]
        # RSV1 is spent here; the others go on to whoever checks them.
        return Frame(frame.opcode, inflated, frame.fin, False, frame.rsv2, frame.rsv3)

    def _inflated(self, data: bytes, max_size: int | None) -> bytes:
        out = b""
        for _ in range(MAX_STREAMS):
            # One byte more than is allowed tells that there is more.
            room = 0 if max_size is None else max_size - len(out) + 1
            try:
                out += self.decoder.decompress(data, room)
            except zlib.error as error:
                raise ProtocolError("decompression failed") from error
            if max_size is not None and len(out) > max_size:
                raise PayloadTooBig(None, max_size)
            if not self.decoder.eof:
                return out
            data = self.decoder.unused_data
            window = (self._window + out)[-WINDOW:]
            self.decoder = zlib.decompressobj(wbits=-self.remote_max_window_bits, zdict=window)
            if not data:
                return out
        raise ProtocolError("decompression failed")

    def encode(self, frame: Frame) -> Frame:
        """Deflate a frame of our own."""
        return frame if self.plain else super().encode(frame)


def agreed(params: Sequence[tuple[str, str | None]]) -> Deflate:
    """What a server's answer to :data:`OFFER` means (§7.1). ValueError says what is wrong with it.

    A server may bind itself unasked (§7.1.1.1, §7.1.2.1); binding the client's window has been
    offered.
    """
    known: dict[str, str | None] = {}
    for name, value in params:
        if name in known:
            raise ValueError(f"{name} stands there twice")
        if name not in _FLAGS | _WINDOWS:
            raise ValueError(f"there is no parameter {name}")
        if name in _FLAGS and value is not None:
            raise ValueError(f"{name} takes no value")
        if name in _WINDOWS and value not in _BITS:
            raise ValueError(f"{name} must say 8 to 15")
        known[name] = value
    return Deflate(
        server_forgets="server_no_context_takeover" in known,
        client_forgets="client_no_context_takeover" in known,
        server_bits=_BITS[known.get("server_max_window_bits") or "15"],
        client_bits=_BITS[known.get("client_max_window_bits") or "15"],
    )
