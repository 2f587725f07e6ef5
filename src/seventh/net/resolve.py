"""Names to addresses by the system's resolver; records by dnspython.

With ``--resolver`` the addresses come from that server too, so that everything in one report was
told by one server.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import Lookup
from seventh.model.options import HostPort, Options
from seventh.net import shortage
from seventh.net.address import Address
from seventh.net.stopwatch import now_ns

if TYPE_CHECKING:
    import dns.asyncresolver

T = TypeVar("T")
MAX_ADDRESSES = 16
NO_SUCH_NAME = "the name does not exist; check the spelling"
NOT_A_NAME = (
    "not a DNS name: a label is empty or longer than 63 characters, or the whole is longer than 253"
)
Family = Literal["any", "ipv4", "ipv6"]
_FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


Outcome = Literal["ok", "nxdomain", "no-data", "servfail", "timeout", "failed"]


def _why_none(error: OSError | UnicodeError) -> tuple[Outcome, str]:
    """Return the outcome of a resolver error; raises Failed for a limit of this machine."""
    if isinstance(error, UnicodeError):
        return "failed", NOT_A_NAME
    if isinstance(error, socket.gaierror):
        if (none := shortage.missing()) is not None:
            raise shortage.short(none) from None
        outcome = _gai_outcome(error)
        return outcome, _GAI_WORDS.get(outcome, "")
    if shortage.is_ours(error):
        raise shortage.short(error) from None
    return "failed", f"the system resolver failed: {error.strerror or 'unknown error'}"


async def addresses_of(
    host: str, port: int, options: Options, deadline_ns: int
) -> tuple[tuple[Address, ...], tuple[Lookup, ...]]:
    """Return the addresses of ``host`` by ``--resolver``, if given, else by the system's resolver.

    Call :func:`load` before the clock runs if ``--resolver`` is given.
    """
    if options.resolver is not None:
        return await addresses_from(
            host, port, options.family, resolver=options.resolver, deadline_ns=deadline_ns
        )
    addresses, lookup = await system_addresses(host, port, options.family, deadline_ns)
    return addresses, (lookup,)


async def system_addresses(
    host: str, port: int, family: Family, deadline_ns: int
) -> tuple[tuple[Address, ...], Lookup]:
    """Return the system resolver's addresses, and the Lookup, also where there are none."""
    started = now_ns()

    def ask(of: socket.AddressFamily = _FAMILIES[family]) -> list[tuple[object, ...]]:
        return list(socket.getaddrinfo(host, port, of, socket.SOCK_STREAM, socket.IPPROTO_TCP))

    def ask_or_ask_wider() -> list[tuple[object, ...]]:
        try:
            return ask()
        except socket.gaierror as error:
            # The C library says "no such name" too when only the other family has addresses.
            if family != "any" and error.errno == socket.EAI_NONAME and ask(socket.AF_UNSPEC):
                return []
            raise

    outcome: Outcome = "ok"
    detail = ""
    rows: list[tuple[object, ...]] = []
    try:
        async with asyncio.timeout(max(0.001, (deadline_ns - now_ns()) / 1e9)):
            rows = await in_daemon_thread(ask_or_ask_wider)
            outcome = "ok" if rows else "no-data"
    except TimeoutError:
        outcome, detail = "timeout", "the resolver did not answer in time"
    except (OSError, UnicodeError) as error:
        outcome, detail = _why_none(error)
    found: dict[str, Address] = {}
    for row in rows:
        sockaddr = row[4]
        if isinstance(sockaddr, tuple):
            ip, _, scope = str(sockaddr[0]).partition("%")
            found.setdefault(ip, Address(ip=ip, port=port, scope=scope))
    addresses = tuple(found.values())[:MAX_ADDRESSES]
    lookup = Lookup(
        name=host,
        kind="address",
        outcome=outcome,
        seconds=(now_ns() - started) / 1e9,
        answers=tuple(a.ip for a in addresses),
        detail=detail,
    )
    return addresses, lookup


def _gai_outcome(error: socket.gaierror) -> Literal["nxdomain", "no-data", "servfail", "failed"]:
    if error.errno == socket.EAI_NONAME:
        return "nxdomain"
    if error.errno in {getattr(socket, "EAI_NODATA", -5), getattr(socket, "EAI_ADDRFAMILY", -9)}:
        return "no-data"
    return "servfail" if error.errno == socket.EAI_AGAIN else "failed"


_GAI_WORDS = {
    "servfail": "the system resolver got no answer, or an error, from its name servers",
    "failed": "the system resolver failed: its name servers refused the query",
}


def no_address(host: str, lookups: tuple[Lookup, ...]) -> Failed:
    """Return the failure for a name without address."""
    outcomes = {lookup.outcome for lookup in lookups}
    detail = "; ".join(sorted({lookup.detail for lookup in lookups if lookup.detail}))
    if "timeout" in outcomes:
        return Failed(Reason.RESOLVE_TIMEOUT, f"{host}: {detail or 'no answer in time'}")
    if outcomes & {"servfail", "failed"}:
        return Failed(Reason.RESOLVE_FAILED, f"{host}: {detail or 'the resolver failed'}")
    if "no-data" in outcomes or "ok" in outcomes:
        return Failed(
            Reason.RESOLVE_NO_ADDRESS, f"{host} exists but has no address of the requested family"
        )
    return Failed(Reason.RESOLVE_NXDOMAIN, f"{host}: {NO_SUCH_NAME}")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Run blocking ``work`` in a thread that does not delay the end of the process.

    The C resolver cannot be interrupted; when we stop waiting, its thread is left behind.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # set only without an error

    def run() -> None:
        result: T | None = None
        caught: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed to the waiter
            caught = error
        try:
            loop.call_soon_threadsafe(settle, result, caught)
        except RuntimeError:
            return  # the loop has closed: nobody waits any more

    try:
        threading.Thread(target=run, name="resolver", daemon=True).start()
    except RuntimeError as error:  # that is all that Python says of EAGAIN
        raise shortage.short(OSError(errno.EAGAIN, str(error)), "thread") from None
    return await future


def make_resolver(resolver: HostPort | None) -> dns.asyncresolver.Resolver:
    """Return a dnspython resolver: the one named, or the system's configuration.

    It asks for DNSSEC's verdict (the AD bit) and never caches.
    """
    import dns.asyncresolver
    import dns.flags
    import dns.resolver

    if resolver is None:
        try:
            made = dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            raise Failed(
                Reason.RESOLVE_FAILED, "no resolver is configured on this machine"
            ) from None
    else:
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers = [resolver.ip]
        made.port = resolver.port
    made.use_edns(0, dns.flags.DO, 1232)
    made.flags = dns.flags.RD | dns.flags.AD
    made.cache = None
    return made


def load() -> None:
    """Load the DNS library, so that no lookup's time includes it."""
    import dns.asyncbackend
    import dns.asyncresolver

    dns.asyncbackend.get_default_backend()


async def record(name: str, kind: str, *, resolver: HostPort | None, deadline_ns: int) -> Lookup:
    """Look up one record type: answers in presentation form, the AD bit, the outcome.

    Never raises for what DNS answers; that is the Lookup's outcome. Raises Failed where this
    machine has no socket left.
    """
    import dns.exception
    import dns.flags
    import dns.name
    import dns.resolver

    from seventh.net import dns_replies

    load()
    replies = dns_replies.Replies()
    started = now_ns()
    answers: tuple[str, ...] = ()
    authenticated: bool | None = None
    outcome: Literal["ok", "nxdomain", "no-data", "servfail", "timeout", "failed"] = "ok"
    detail = ""
    try:
        found = await make_resolver(resolver).resolve(
            name, kind, raise_on_no_answer=False, search=False,
            lifetime=max(0.001, (deadline_ns - started) / 1e9),
            backend=cast("Any", dns_replies.RecordingBackend(replies)),
        )  # fmt: skip
        authenticated = bool(found.response.flags & dns.flags.AD)
        answers = tuple(str(item) for item in found.rrset or ())
        outcome = "ok" if answers else "no-data"
        if dns_replies.is_referral(found.response):
            outcome, detail = "failed", dns_replies.REFERRAL
    except dns.resolver.NXDOMAIN:
        outcome = "nxdomain"
    except dns.resolver.NoNameservers as error:
        outcome, detail = "servfail", dns_replies.refused(error)
    except dns.exception.Timeout:
        outcome, detail = "timeout", "the resolver did not answer in time"
        if unusable := replies.describe():
            outcome, detail = "failed", unusable
    except Failed as failed:
        outcome, detail = "failed", failed.detail
    except (
        dns.name.EmptyLabel, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.BadEscape,
        UnicodeError,
    ):  # fmt: skip
        outcome, detail = "failed", NOT_A_NAME
    except dns.exception.DNSException:
        outcome, detail = "failed", replies.describe() or "the resolver returned no usable answer"
    except OSError as error:
        outcome, detail = "failed", f"the resolver is unreachable: {error.strerror or 'no route'}"
    if outcome not in {"ok", "no-data", "nxdomain"} and (none := shortage.missing()) is not None:
        raise shortage.short(none)
    return Lookup(
        name=name,
        kind=kind,
        outcome=outcome,
        seconds=(now_ns() - started) / 1e9,
        answers=answers,
        authenticated=authenticated,
        detail=detail,
    )


async def addresses_from(
    host: str, port: int, family: Family, *, resolver: HostPort, deadline_ns: int
) -> tuple[tuple[Address, ...], tuple[Lookup, ...]]:
    """Return the host's addresses from one named resolver, IPv6 first."""
    kinds = [k for k, f in (("AAAA", "ipv6"), ("A", "ipv4")) if family in {"any", f}]
    lookups = await asyncio.gather(
        *(record(host, kind, resolver=resolver, deadline_ns=deadline_ns) for kind in kinds)
    )
    addresses = tuple(Address(ip=ip, port=port) for each in lookups for ip in each.answers)
    return addresses[:MAX_ADDRESSES], tuple(lookups)
