"""The limits of HTTP's clients, which bound memory or time. None is a standard's."""

from __future__ import annotations

MAX_HEAD_BYTES = 64 * 1024
"""The longest header list of HTTP/2 and HTTP/3, as RFC 9113 §6.5.2 counts it (name, value and 32
for each field), and the longest trailer section of HTTP/1.1."""
MAX_FIELDS = 256
"""The most header fields of one head of HTTP/2 and HTTP/3, and the most trailer fields."""
MAX_H1_HEAD_BYTES = 300 * 1024
"""The longest head of HTTP/1.1 (curl's limit)."""
MAX_H1_FIELDS = 5000
"""The most header fields of HTTP/1.1 (curl's limit)."""
MAX_INFORMATIONAL = 100
"""The most 1xx responses before a final one."""
BODY_CAP = 1024 * 1024
"""The default limit on a body."""
MAX_REASON = 256
"""The longest reason phrase that is kept, in characters."""

MAX_CHUNK_FRAMING = 64 * 1024
"""The most bytes of chunk sizes, extensions and trailers around one HTTP/1.1 body."""

MAX_FRAME_BYTES = 16384
"""The longest HTTP/2 frame: the protocol's default and minimum."""
MAX_CONTINUATIONS = 16
"""The most CONTINUATION frames after one HEADERS frame."""
MAX_SETTINGS = 32
"""The most SETTINGS frames in one connection."""
MAX_PINGS = 64
"""The most PING frames (acknowledgements of ours aside) in one connection, besides one for each
frame of content or head: servers measure the path with PINGs while they receive data."""
MAX_RESETS = 100
"""The most RST_STREAM frames in one connection."""
MAX_IDLE_FRAMES = 1024
"""The most consecutive frames without progress (WINDOW_UPDATE, PRIORITY, empty DATA, unknown)."""
MAX_THIN_FRAMES = 8192
"""The most DATA frames of less than THIN_FRAME bytes in one connection."""
THIN_FRAME = 16
MAX_SETTINGS_KEPT = 64
"""The most different settings of a peer that are kept."""
H2_STREAM_WINDOW = 1024 * 1024
"""The flow-control window of a stream."""
MAX_WAITING = H2_STREAM_WINDOW
"""The most unread body bytes of one stream."""
H2_CONNECTION_WINDOW = 4 * 1024 * 1024
"""The flow-control window of a connection."""
MAX_DEBUG_DATA = 1024
"""The bytes of a GOAWAY's debug data that are kept."""

MAX_CONTENT_RATIO = 100
"""The largest growth of a body when its content coding is undone, as a factor."""
FREE_CONTENT_BYTES = 1024 * 1024
"""The decoded size to which that factor does not apply."""
MAX_CONTENT_BYTES = 10 * 1024 * 1024
"""The largest decoded body."""
MAX_ZSTD_WINDOW = 8 * 1024 * 1024
"""The largest window of a zstd frame (RFC 9659 §3)."""
MAX_MEMBERS = 256
"""The most gzip members or zstd frames in one body."""
MAX_CODINGS = 2
"""The most nested content codings."""
MAX_REDIRECTS = 10
"""The most redirects that are followed."""
