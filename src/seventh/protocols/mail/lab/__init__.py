"""The mail domain of the lab, and the faults of domains and of mail hosts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from seventh.labkit import serve as labkit
from seventh.labkit.serve import Kit, Served
from seventh.protocols.mail.lab import dane, dkim, dnsbl, domain, host, mta_sts, spf

TOGETHER = ("imap", "pop3", "smtp", "submission")
"""The schemes that `seventh lab mail` serves beside the domain, all over one mailbox."""
FAULTS: tuple[labkit.Fault, ...] = (
    *host.FAULTS, *domain.FAULTS, *spf.FAULTS, *dkim.FAULTS, *mta_sts.FAULTS, *dane.FAULTS,
    *dnsbl.FAULTS,
)  # fmt: skip


@contextlib.asynccontextmanager
async def serve(fault: labkit.Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield a correct domain, or a domain or a host with ``fault``."""
    if isinstance(fault, host.HostFault):
        async with host.serve(fault, kit) as served:
            yield served
        return
    assert fault is None or isinstance(fault, domain.DomainFault)  # noqa: S101 - those above
    async with domain.serve(fault, kit) as served:
        yield served
