"""A zone signed by DNSSEC (RFC 4035), and the answers that prove what it has and has not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

Zone = Mapping[str, Mapping[str, tuple[str, ...]]]
_TTL = 60
_DAY = 86400
_MAX_ALIASES = 8
_SOA = "root.invalid. 1 3600 600 86400 60"


class SignedZone:
    """A zone with one key. ``bogus`` has the (name, type) whose signatures do not verify."""

    def __init__(
        self, origin: str, zone: Zone, bogus: frozenset[tuple[str, str]] = frozenset()
    ) -> None:
        self.origin = dns.name.from_text(origin)
        self._bogus = {(dns.name.from_text(n), dns.rdatatype.from_text(k)) for n, k in bogus}
        self._zone = dns.zone.Zone(self.origin, relativize=False)
        key = ec.generate_private_key(ec.SECP256R1())
        public = dns.dnssec.make_dnskey(key.public_key(), "ECDSAP256SHA256", flags=257)
        with self._zone.writer() as writer:
            own = {
                origin: {"SOA": (f"ns.{origin}. {_SOA}",), "NS": (f"ns.{origin}.",)},
                f"ns.{origin}": {"A": ("127.0.0.1",)},
            }
            for name, kinds in (*own.items(), *zone.items()):
                for kind, records in kinds.items():
                    writer.add(
                        dns.name.from_text(name),
                        dns.rdataset.from_text("IN", kind, _TTL, *records),
                    )
            dns.dnssec.sign_zone(self._zone, writer, [(key, public)], lifetime=_DAY)
        self._names = sorted(self._zone.nodes)
        self.anchor = f"{self.origin} IN DNSKEY {public}"
        """What a resolver trusts to validate it."""

    def covers(self, name: dns.name.Name) -> bool:
        """Return whether a name is in the zone."""
        return name.is_subdomain(self.origin)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """Answer as a resolver that validates: SERVFAIL for what is bogus, unless CD is set."""
        reply = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name, kind = question.name, question.rdtype
        for _ in range(_MAX_ALIASES):
            if self._answer(reply, name, kind):
                break
            alias = self._get(name, dns.rdatatype.CNAME)
            if alias is None:
                self._deny(reply, name)
                break
            self._answer(reply, name, dns.rdatatype.CNAME)
            name = alias[0].target
        if query.flags & dns.flags.CD:
            return reply
        if any((rrset.name, rrset.rdtype) in self._bogus for rrset in reply.answer):
            refused = dns.message.make_response(query, recursion_available=True)
            refused.set_rcode(dns.rcode.SERVFAIL)
            return refused
        reply.flags |= dns.flags.AD
        return reply

    def _get(self, name: dns.name.Name, kind: Any) -> Any:
        return self._zone.get_rdataset(name, kind)

    def _answer(self, reply: dns.message.Message, name: dns.name.Name, kind: Any) -> bool:
        """Add the records of a name with their signature; return whether there are any."""
        if (found := self._get(name, kind)) is None:
            return False
        reply.answer += self._with_signature(name, kind, found)
        return True

    def _with_signature(self, name: dns.name.Name, kind: Any, found: Any) -> list[dns.rrset.RRset]:
        signature = self._zone.get_rdataset(name, dns.rdatatype.RRSIG, kind)
        rrsets = [dns.rrset.from_rdata_list(name, _TTL, list(found))]
        if signature is not None:
            signed = list(signature)
            if (name, kind) in self._bogus:
                signed = [each.replace(signature=bytes(64)) for each in signed]
            rrsets.append(dns.rrset.from_rdata_list(name, _TTL, signed))
        return rrsets

    def _deny(self, reply: dns.message.Message, name: dns.name.Name) -> None:
        """Prove that the name, or the type at it, does not exist (RFC 4035 §3.1.3)."""
        exists = any(other.is_subdomain(name) for other in self._names)
        if not exists:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        proofs = {self._before(each): None for each in self._denied(name, exists=exists)}
        for owner, kind in [
            (self.origin, dns.rdatatype.SOA), *((proof, dns.rdatatype.NSEC) for proof in proofs)
        ]:  # fmt: skip
            reply.authority += self._with_signature(owner, kind, self._get(owner, kind))

    def _denied(self, name: dns.name.Name, *, exists: bool) -> Iterator[dns.name.Name]:
        """Yield the names whose place in the zone's order shows that nothing is there."""
        yield name
        if not exists:  # no wildcard at the closest name that exists either
            above = name.parent()
            while not any(other.is_subdomain(above) for other in self._names):
                above = above.parent()
            yield dns.name.Name((b"*", *above.labels))

    def _before(self, name: dns.name.Name) -> dns.name.Name:
        """Return the last name of the zone that is not behind ``name`` in its order."""
        return max(each for each in self._names if each <= name)
