"""What became of each signature of a message, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec.structs import replace

from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.message import Signed
from seventh.protocols.mail.wire.canonical import Body
from seventh.protocols.mail.wire.causes import body_cause, header_cause
from seventh.protocols.mail.wire.dkim import Signature, body_for, verified
from seventh.protocols.mail.wire.dkim_key import Parsed, choose
from seventh.protocols.mail.wire.header import Field
from seventh.wire.text import printable

LEAST_BITS = 1024
"""Below, receivers must not accept a signature (RFC 8301 §3.2)."""


class Verifying:
    """One signature: the body goes in, then its key, and the verdict comes out."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.body: Body | None = body_for(signature) if signature.fault is None else None
        self._digest = b""

    def body_ended(self) -> None:
        """Say that the whole body was fed to ``body``."""
        if self.body is not None:
            self._digest = self.body.finish()

    def verdict(
        self,
        fields: Sequence[Field],
        answer: Answer | None,
        body: Callable[[], Iterator[bytes]],
        size: int,
    ) -> Signed:
        """Return what became of it; ``answer`` is None where the key was not asked for."""
        signature = self.signature
        blank = Signed(
            domain=printable(signature.domain, 253), selector=printable(signature.selector, 253),
            algorithm=printable(signature.tags.get("a").lower(), 32),
            signed_bytes=signature.length,
            unsigned_bytes=self._unsigned(),
        )  # fmt: skip
        if self.body is None:
            return replace(blank, outcome="fail", cause="malformed", fault=signature.fault)
        if answer is None:
            return replace(blank, cause="not-asked")
        if not answer.known:
            return replace(blank, cause="lookup")
        parsed = choose(answer.texts)
        if parsed is None:
            return replace(blank, outcome="fail", cause="no-key")
        blank = replace(blank, key_bits=parsed.key.bits, testing=parsed.key.testing)
        if (cause := _unusable(signature, parsed)) is not None:
            return replace(blank, outcome="fail", cause=cause)
        assert parsed.public is not None  # noqa: S101 - a usable key has it
        intact = verified(signature, fields, parsed.public)
        right = self._digest == signature.body_hash
        if intact and right:
            return replace(blank, outcome="pass", header_intact=True)
        made = replace(
            blank, outcome="fail", cause="header" if right else "body", header_intact=intact
        )
        if not intact and (found := header_cause(signature, fields, parsed.public)) is not None:
            made = replace(made, header_change=found[0], changed_field=printable(found[1], 76))
        if not right and (changed := body_cause(signature, body, size)) is not None:
            made = replace(made, body_change=changed[0], appended_lines=changed[1])
        return made

    def _unsigned(self) -> int | None:
        if self.body is None or self.signature.length is None:
            return None
        return max(0, self.body.canonical_bytes - self.signature.length)


def _unusable(signature: Signature, parsed: Parsed) -> Literal["revoked", "key", "weak"] | None:
    """Return why no signature of that key and algorithm is accepted; None if one is."""
    key = parsed.key
    if key.state == "revoked":
        return "revoked"
    if key.state != "usable" or key.kind != signature.kind:
        return "key"
    if key.hashes is not None and signature.hash not in key.hashes:
        return "key"
    if key.strict and signature.identity not in {"", signature.domain}:
        return "key"
    short = isinstance(parsed.public, RSAPublicKey) and parsed.public.key_size < LEAST_BITS
    return "weak" if short or signature.hash == "sha1" else None
