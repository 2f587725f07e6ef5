"""ARC chains (RFC 8617 §5.2): what servers on the way say that they have verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from seventh.protocols.mail.wire.canonical import header_field
from seventh.protocols.mail.wire.dkim import Signature, decoded, matches, own_bytes, read_signature
from seventh.protocols.mail.wire.dkim_key import PublicKey
from seventh.protocols.mail.wire.header import Field
from seventh.protocols.mail.wire.tag_list import TagList, read_tags

MAX_SETS = 50
_NAMES = ("arc-authentication-results", "arc-message-signature", "arc-seal")


class ArcSet(msgspec.Struct, frozen=True):
    """The three fields of one instance."""

    results: Field
    signature: Signature
    seal: Field
    tags: TagList
    """Those of the seal."""

    @property
    def domain(self) -> str:
        """The domain that sealed."""
        return self.tags.get("d").lower().rstrip(".")

    @property
    def key_name(self) -> str:
        """Where the key of the seal is published."""
        return f"{self.tags.get('s')}._domainkey.{self.domain}"


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The sets, the first instance first; ``broken`` where they are no chain."""

    sets: tuple[ArcSet, ...] = ()
    broken: bool

    @property
    def key_names(self) -> tuple[str, ...]:
        """The names of all keys that decide it."""
        if self.broken or not self.sets:
            return ()
        return (self.sets[-1].signature.key_name, *(one.key_name for one in self.sets))


def read_chain(fields: Sequence[Field]) -> Chain:
    """Read the ARC fields of a header, whatever they contain."""
    found: dict[str, dict[int, Field]] = {name: {} for name in _NAMES}
    for field in fields:
        if (name := field.name.lower()) in found:
            instance = _instance(field)
            if instance in found[name]:
                return Chain(broken=True)
            found[name][instance] = field
    count = len(found["arc-seal"])
    wanted = set(range(1, count + 1))
    if count > MAX_SETS or any(set(each) != wanted for each in found.values()):
        return Chain(broken=True)
    results, signatures, seals = (found[name] for name in _NAMES)
    sets = tuple(
        ArcSet(results[i], read_signature(signatures[i]), seals[i], read_tags(seals[i].value))
        for i in sorted(wanted)
    )
    states = [one.tags.get("cv").lower() for one in sets]
    broken = states != ["none", *["pass"] * count][:count]
    return Chain(sets=sets, broken=broken or any("h" in one.tags.tags for one in sets))


def _instance(field: Field) -> int:
    """Return the field's instance; 0, which no chain has, where it is malformed."""
    text = read_tags(field.value).get("i")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else 0


def seal_holds(chain: Chain, number: int, public: PublicKey) -> bool:
    """Return whether the seal of the set at index ``number`` is right for all sets up to it."""
    sealing = chain.sets[number]
    kind, _, digest = sealing.tags.get("a").lower().partition("-")
    signature = decoded(sealing.tags.compact("b"))
    if signature is None or kind not in {"rsa", "ed25519"} or digest != "sha256":
        return False
    below = (
        field
        for one in chain.sets[: number + 1]
        for field in (one.results, one.signature.field, one.seal)
        if field is not sealing.seal
    )
    data = b"".join(header_field(field, "relaxed") for field in below)
    return matches(data + own_bytes(sealing.seal, "relaxed"), signature, digest, public)


def verdict(
    seals: Sequence[bool | None], signature: bool | None
) -> Literal["pass", "fail", "unknown"]:
    """Return the chain's state of that of its seals and of its last message signature."""
    all_of = (*seals, signature)
    if False in all_of:
        return "fail"
    return "unknown" if None in all_of else "pass"
