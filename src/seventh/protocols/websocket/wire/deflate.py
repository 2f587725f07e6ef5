"""permessage-deflate (RFC 7692): its negotiation, and two cases that websockets does not handle.

A sender may end a DEFLATE stream within its messages (§7.2.3.4), after which zlib stops reading;
and a server may limit the client to a window of 256 bytes, which zlib cannot produce.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CTRL_OPCODES, Frame, Opcode

OFFER = "permessage-deflate; client_max_window_bits"
"""The offer, which leaves every choice to the server."""
TAIL = b"\x00\x00\xff\xff"
"""The bytes that a sender removes from the end of each message (§7.2.1)."""
WINDOW = 32768
LEAST_BITS = 9
"""The smallest window that zlib compresses with; it inflates from 8 on."""
MAX_STREAMS = 256
"""The most DEFLATE streams that may end in one frame."""
_BITS = {str(bits): bits for bits in range(8, 16)}
_FLAGS = frozenset({"server_no_context_takeover", "client_no_context_takeover"})
_WINDOWS = frozenset({"server_max_window_bits", "client_max_window_bits"})


class Deflate(PerMessageDeflate):
    """The client's side of the extension."""

    def __init__(
        self,
        *,
        server_no_context_takeover: bool = False,
        client_no_context_takeover: bool = False,
        server_bits: int = 15,
        client_bits: int = 15,
    ) -> None:
        # With a smaller window than zlib supports, messages are sent uncompressed (§6).
        self.plain = client_bits < LEAST_BITS
        super().__init__(
            server_no_context_takeover,
            client_no_context_takeover,
            server_bits,
            max(LEAST_BITS, client_bits),
        )
        self._window = b""
        """The last inflated bytes: the next stream may refer to them."""

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
        # RSV1 is consumed here; the library checks the other two.
        return Frame(frame.opcode, inflated, frame.fin, False, frame.rsv2, frame.rsv3)

    def _inflated(self, data: bytes, max_size: int | None) -> bytes:
        out = b""
        for _ in range(MAX_STREAMS):
            # One byte over the limit shows that there is more.
            limit = 0 if max_size is None else max_size - len(out) + 1
            try:
                out += self.decoder.decompress(data, limit)
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
        """Deflate one of our frames."""
        return frame if self.plain else super().encode(frame)


def negotiated(params: Sequence[tuple[str, str | None]]) -> Deflate:
    """Return the compression of a server's response to :data:`OFFER` (§7.1).

    A server may restrict itself without an offer (§7.1.1.1, §7.1.2.1); a limit on the client's
    window is part of the offer. Raises ValueError, which names the wrong parameter.
    """
    known: dict[str, str | None] = {}
    for name, value in params:
        if name in known:
            raise ValueError(f"{name} appears twice")
        if name not in _FLAGS | _WINDOWS:
            raise ValueError(f"unknown parameter {name}")
        if name in _FLAGS and value is not None:
            raise ValueError(f"{name} has a value")
        if name in _WINDOWS and value not in _BITS:
            raise ValueError(f"{name} is not between 8 and 15")
        known[name] = value
    return Deflate(
        server_no_context_takeover="server_no_context_takeover" in known,
        client_no_context_takeover="client_no_context_takeover" in known,
        server_bits=_BITS[known.get("server_max_window_bits") or "15"],
        client_bits=_BITS[known.get("client_max_window_bits") or "15"],
    )
