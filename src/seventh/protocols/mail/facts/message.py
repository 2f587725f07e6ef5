"""What one message that arrived shows: its signatures, its way, and what DMARC makes of it."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from seventh.model.drawing import Drawing, Span

SignatureFault = Literal[
    "syntax", "version", "algorithm", "canonicalisation", "from-not-signed", "identity"
]
"""``identity``: the domain of i= is not below that of d=."""
BodyChange = Literal["appended", "white-space"]
HeaderChange = Literal["added", "prefix", "refolded", "copied", "restored"]
"""With that one change undone, the signature verifies. ``added``: a field of that name was added;
``prefix``: words in brackets were put before the value; ``refolded``: white space or case changed;
``copied``: the value is still in another field; ``restored``: the signature's z= has it."""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One DKIM-Signature, or the ARC-Message-Signature of one set."""

    SHOWN: ClassVar = ("domain", "selector", "outcome", "cause")

    domain: str = ""
    selector: str = ""
    algorithm: str = ""
    outcome: Literal["pass", "fail", "unknown"] = "unknown"
    """``unknown``: the key could not be looked up."""
    cause: (
        Literal["body", "header", "malformed", "no-key", "key", "revoked", "weak", "not-asked",
                "lookup"]
        | None
    ) = None  # fmt: skip
    """Why it did not verify. ``key``: the record is unusable, or of another kind; ``weak``: SHA-1,
    or a key below 1024 bits; ``lookup``: the key could not be looked up."""
    fault: SignatureFault | None = None
    key_bits: int | None = None
    testing: bool = False
    signed_bytes: int | None = None
    """``l=``: how much of the body is signed."""
    unsigned_bytes: int | None = None
    """How much of the body ``l=`` leaves out; None without ``l=``."""
    header_intact: bool | None = None
    """Whether the signature over the header fields is right; None where it was not verified."""
    body_change: BodyChange | None = None
    appended_lines: int | None = None
    """Without that many last lines, the body is the one that was signed."""
    header_change: HeaderChange | None = None
    changed_field: str = ""
    """The header field whose change is proven to have broken it."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """An Authentication-Results field (RFC 8601): what a server claims, which proves nothing."""

    SHOWN: ClassVar = ("by", "results")

    by: str
    results: tuple[str, ...] = ()
    """Such as ``spf=pass``."""


class MessageHop(msgspec.Struct, frozen=True, kw_only=True):
    """One Received field."""

    SHOWN: ClassVar = ("by", "seconds")

    by: str
    """The server that wrote it, as it calls itself."""
    client: str = ""
    """The address that it says the message came from."""
    helo: str = ""
    """The name that the client gave."""
    seconds: float | None = None
    """Since the hop before, by two clocks; negative where one of these is wrong, None without a
    date that parses."""


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One message."""

    UNFOLDED: ClassVar = True

    from_domain: str = ""
    froms: int | None = None
    """The addresses of From; DMARC needs exactly one."""
    size_bytes: int | None = None
    signatures: tuple[Signed, ...] = ()
    arc: Literal["none", "pass", "fail", "unknown"] | None = None
    arc_sets: int | None = None
    arc_sealers: tuple[str, ...] = ()
    """The domains of the seals, the first first."""
    hops: tuple[MessageHop, ...] = ()
    """The first server first."""
    claims: tuple[Claim, ...] = ()
    client: str = ""
    """The address of the topmost Received field that has one from outside."""
    spf_domain: str = ""
    spf: str | None = None
    """SPF's result for ``client``, computed now."""
    policy: str | None = None
    """DMARC's p= that applies; None where no record was found."""
    aligned_by: tuple[Literal["dkim", "spf"], ...] = ()
    dmarc: Literal["pass", "fail", "none", "unknown"] | None = None
    """``none``: the domain has no DMARC record."""

    def drawings(self) -> tuple[Drawing, ...]:
        """Draw each hop from its arrival at the server before, on one scale."""
        if len(self.hops) < 2:
            return ()
        spans: list[Span] = []
        at = 0.0
        for number, hop in enumerate(self.hops):
            label = hop.by or "unnamed server"
            if hop.seconds is None or hop.seconds < 0:
                why = "" if number == 0 else "unknown: no usable date"
                if hop.seconds is not None:
                    why = f"{hop.seconds:+.0f} s: one of the two clocks is wrong"
                spans.append(Span(label=label, low=at, high=at, value=why, empty=True))
                continue
            spans.append(Span(label=label, low=at, high=at + hop.seconds,
                              value=f"{hop.seconds:.0f} s"))  # fmt: skip
            at += hop.seconds
        return (Drawing(title="way of the message, with each hop's delay", spans=tuple(spans)),)
