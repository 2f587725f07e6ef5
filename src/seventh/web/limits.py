"""The caps that HTTP's clients put on a peer. Each bounds memory or time; none is a standard's."""

from __future__ import annotations

MAX_HEAD_BYTES = 64 * 1024
"""The longest header list of HTTP/2 and HTTP/3, as RFC 9113 §6.5.2 counts it (name, value and 32
for each field), and the longest trailer section of HTTP/1.1."""
MAX_FIELDS = 256
"""The most header fields of one head of HTTP/2 and HTTP/3, and the most trailer fields."""
MAX_H1_HEAD_BYTES = 300 * 1024
"""The longest head of HTTP/1.1, and …"""
MAX_H1_FIELDS = 5000
"""… the most header fields of one: what curl takes."""
MAX_INFORMATIONAL = 100
"""The most 1xx responses before a final one."""
BODY_CAP = 1024 * 1024
"""How much of a body is taken unless the caller says otherwise."""
MAX_REASON = 256
"""The longest reason phrase that is kept, in characters."""

MAX_CHUNK_FRAMING = 64 * 1024
"""The most bytes of chunk sizes, extensions and trailers around one HTTP/1.1 body."""

MAX_FRAME_BYTES = 16384
"""The longest HTTP/2 frame that we allow: the protocol's default, which is also its least."""
MAX_CONTINUATIONS = 16
"""The most CONTINUATION frames behind one HEADERS frame."""
MAX_SETTINGS = 32
"""The most SETTINGS frames in one connection."""
MAX_PINGS = 64
"""The most PING frames (acknowledgements of ours aside) in one connection."""
MAX_RESETS = 100
"""The most RST_STREAM frames in one connection."""
MAX_IDLE_FRAMES = 1024
"""The most frames that bring nothing (WINDOW_UPDATE, PRIORITY, empty DATA, unknown ones)
between two that bring something."""
MAX_THIN_FRAMES = 8192
"""The most DATA frames in one connection that bring less than THIN_FRAME bytes each."""
THIN_FRAME = 16
MAX_SETTINGS_KEPT = 64
"""How many different settings of a peer are kept."""
H2_STREAM_WINDOW = 1024 * 1024
"""The flow-control window that we give a stream."""
MAX_WAITING = H2_STREAM_WINDOW
"""The most body bytes of one stream that wait for their reader."""
H2_CONNECTION_WINDOW = 4 * 1024 * 1024
"""The flow-control window that we give a connection."""
MAX_DEBUG_DATA = 1024
"""How much of a GOAWAY's debug data is kept."""

MAX_CONTENT_RATIO = 100
"""How many times its size a body may grow when its content coding is undone …"""
FREE_CONTENT_BYTES = 1024 * 1024
"""… beyond this much, which is always allowed."""
MAX_CONTENT_BYTES = 10 * 1024 * 1024
"""The most that undoing a content coding may give."""
MAX_ZSTD_WINDOW = 8 * 1024 * 1024
"""The largest window that a zstd frame may ask for (RFC 9659 §3)."""
MAX_MEMBERS = 256
"""How many gzip members or zstd frames one body may consist of."""
MAX_CODINGS = 2
"""How many content codings may lie around each other."""
MAX_REDIRECTS = 10
"""How many redirects are followed."""
