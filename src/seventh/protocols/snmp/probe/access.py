"""What the credential opens besides what it is for: lower levels, sensitive objects, defaults."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.protocols.snmp.client.identity import CommunityName, User
from seventh.protocols.snmp.client.session import Session
from seventh.protocols.snmp.facts import Lower
from seventh.protocols.snmp.facts.config import Level
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.message import ABSENT, Binding, Pdu, PduType, Version
from seventh.protocols.snmp.wire.names import SENSITIVE

_SYSTEM = (1, 3, 6, 1, 2, 1, 1)
_ENTERPRISES = (1, 3, 6, 1, 4, 1)
MAX_ENTERPRISES = 8
DEFAULT_COMMUNITIES = ("public", "private")
_LOWER: dict[Level, tuple[Level, ...]] = {
    "authPriv": ("authNoPriv", "noAuthNoPriv"), "authNoPriv": ("noAuthNoPriv",), "noAuthNoPriv": (),
}  # fmt: skip
_ATTEMPTS = 2
"""For what an agent may drop, so that its silence costs little time."""
_UNANSWERED = frozenset({Reason.NO_REPLY, Reason.UNEXPECTED_ANSWER, Reason.PROTOCOL_VIOLATION})


async def try_lower_levels(session: Session, user: User) -> tuple[Lower, ...]:
    """Read sysUpTime as ``user`` at each level below its own. Raises Failed."""
    probe = Pdu(type=PduType.GETNEXT, bindings=(Binding((*_SYSTEM, 3)),))
    found: list[Lower] = []
    for level in _LOWER[user.level]:
        try:
            answer = await session.ask_at(level, probe, _ATTEMPTS)
        except Failed as failed:
            unknown = failed.reason in _UNANSWERED
            if not unknown and failed.reason is not Reason.AUTH_REJECTED:
                raise
            found.append(Lower(level=level, outcome="unknown" if unknown else "refused"))
            continue
        shown = not answer.error and any(_is_below(_SYSTEM, each) for each in answer.bindings)
        found.append(Lower(level=level, outcome="accepted" if shown else "refused"))
    return tuple(found)


async def read_sensitive(session: Session) -> tuple[str, ...] | None:
    """Return the sensitive objects of which a row is shown; None if the agent refuses to say."""
    found: list[str] = []
    groups = [dict([item]) for item in SENSITIVE.items()]
    if session.has_bulk:  # version 1 answers all or nothing
        groups = [SENSITIVE]
    for group in groups:
        answer = await session.get_next(*group.values())
        if answer.error:
            if session.has_bulk:
                return None
            continue
        pairs = zip(group.items(), answer.bindings, strict=False)
        found += [name for (name, oid), binding in pairs if _is_below(oid, binding)]
    return tuple(found)


async def read_enterprises(session: Session) -> tuple[int, ...]:
    """Return the enterprises whose objects the agent has, the first few. Raises Failed."""
    found: list[int] = []
    at: Oid = _ENTERPRISES
    while len(found) < MAX_ENTERPRISES:
        answer = await session.get_next(at)
        after = next((each for each in answer.bindings if _is_below(_ENTERPRISES, each)), None)
        if answer.error or after is None or len(after.oid) < len(_ENTERPRISES) + 1:
            break
        number = after.oid[len(_ENTERPRISES)]
        if after.oid <= at or number in found or number == 2**32 - 1:
            break
        found.append(number)
        at = (*_ENTERPRISES, number + 1)
    return tuple(found)


async def try_default_communities(ctx: ProbeContext, address: Address) -> tuple[str, ...]:
    """Return the default communities that the agent answers. Raises Failed, but for silence."""
    found: list[str] = []
    for name in DEFAULT_COMMUNITIES:
        identity = CommunityName(version=Version.V2C, community=name.encode())
        session = Session(ctx, address, identity)
        probe = Pdu(type=PduType.GET, bindings=(Binding((*_SYSTEM, 3, 0)),))
        try:
            await session.ask(probe, 1)
        except Failed as failed:
            if failed.reason not in _UNANSWERED:
                raise
            continue
        found.append(name)
    return tuple(found)


def _is_below(oid: Oid, binding: Binding) -> bool:
    return binding.oid[: len(oid)] == oid and binding.kind not in ABSENT
