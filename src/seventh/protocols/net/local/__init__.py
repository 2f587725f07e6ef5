"""The area ``ports``: what listens on this machine, and what its firewall lets in."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from seventh.localkit.area import Area, Call, Command, File
from seventh.localkit.seen import Seen
from seventh.model.listenfacts import ListenFacts, Reach
from seventh.model.localfacts import Cause, Unread
from seventh.model.netfacts import NetFacts
from seventh.model.ports import PORTS
from seventh.protocols.net.local import iptables, nftables, sockets, traps
from seventh.protocols.net.local.firewall import Packet, Table, reach

_NFT = "nft list ruleset"
_SAVES = {"iptables-save": "ipv4", "ip6tables-save": "ipv6"}
_LEGACY = {"ipv4": "/proc/net/ip_tables_names", "ipv6": "/proc/net/ip6_tables_names"}
_SERVICES = {(row.port, row.transport): row.service for row in PORTS if row.service != "TLS"}


def learn(facts: NetFacts, seen: Seen, options: None) -> NetFacts:
    """Add what listens."""
    del options
    unread = list(seen.unread)
    found = seen.calls.get(sockets.NAME)
    if not isinstance(found, sockets.Sockets):
        return facts.learn(listening=ListenFacts(unread=tuple(dict.fromkeys(unread))))
    filtered = _firewall(seen, unread)
    return facts.learn(
        listening=ListenFacts(
            listeners=tuple(
                replace(
                    each, service=_SERVICES.get((each.port, each.transport), ""),
                    firewall=filtered(each.address, each.transport, each.port),
                )
                for each in found.listeners
            ),
            complete=found.complete,
            processes_visible=not isinstance(seen.processes, Unread),
            trap_receiver=traps.trap_receiver(seen),
            container=seen.container,
            unread=tuple(dict.fromkeys(unread)),
        )
    )  # fmt: skip


def _firewall(seen: Seen, unread: list[Unread]) -> Callable[[str, str, int], Reach]:
    """Return what decides the firewall's effect on a socket.

    Tables of iptables' variant for nftables are in both listings; only iptables-save shows all of
    their rules.
    """
    tables, certain = _nft_tables(seen, unread)
    known = {"ipv4": certain, "ipv6": certain}
    for command, family in _SAVES.items():
        text = seen.output(command)
        legacy = seen.file(_LEGACY[family])
        try:
            saved = iptables.tables(text, family) if isinstance(text, str) else None
        except ValueError:
            unread.append(Unread(name=command, cause=Cause.UNEXPECTED))
            saved = None
        if saved is None:
            absent = isinstance(legacy, Unread) and legacy.cause is Cause.NOT_FOUND
            known[family] = known[family] and (absent or legacy == "")
            continue
        names = {table.name for table in saved}
        if iptables.NFTABLES in str(text).partition("\n")[0]:
            tables = [t for t in tables if t.name not in names or t.families != {family}]
        tables += saved

    def decide(address: str, transport: str, port: int) -> Reach:
        families = ["ipv6"] if ":" in address else ["ipv4"]
        results = set()
        for family in ["ipv4", "ipv6"] if address == "::" else families:
            result = reach(tuple(tables), Packet(family, transport, port))
            results.add(Reach.UNKNOWN if result is Reach.OPEN and not known[family] else result)
        order = (Reach.OPEN, Reach.UNKNOWN, Reach.CLOSED)
        return next(each for each in order if each in results)

    return decide


def _nft_tables(seen: Seen, unread: list[Unread]) -> tuple[list[Table], bool]:
    """Return nftables' tables, and whether these are all; without nft, nothing has made some."""
    text = seen.output(_NFT)
    if isinstance(text, Unread):
        saved = all(isinstance(seen.output(command), str) for command in _SAVES)
        return [], text.cause is Cause.NOT_INSTALLED and saved
    try:
        return list(nftables.tables(text)), True
    except ValueError:
        unread.append(Unread(name=_NFT, cause=Cause.UNEXPECTED))
        return [], False


AREAS = (
    Area(
        name="ports",
        title="what listens, on which addresses, and whether the firewall lets the network in",
        facts=NetFacts,
        learn=learn,
        commands=(
            Command(
                name=_NFT, words=("nft", "-j", "list", "ruleset"), max_bytes=1024 * 1024,
                reads="the packet filter, as JSON",
            ),
            *(
                Command(
                    name=name, words=(name,), max_bytes=1024 * 1024,
                    reads=f"the packet filter of iptables for {family[:2].upper()}{family[2:]}",
                )
                for name, family in _SAVES.items()
            ),
            Command(
                name=traps.VERSION, words=("snmptrapd", "-v"), of=(traps.PROGRAM,),
                reads="its version",
            ),
            Command(
                name=traps.DEBIAN, of=(traps.PROGRAM,), exit_codes=(0, 1),
                words=(
                    "zgrep", "-m", "1", traps.FAULT,
                    "/usr/share/doc/snmptrapd/changelog.Debian.gz",
                ),
                reads=f"whether it has the fix of {traps.FAULT}",
            ),
            Command(
                name=traps.RPM, of=(traps.PROGRAM,), max_bytes=1024 * 1024,
                words=("rpm", "-q", "--changelog", "net-snmp"),
                reads=f"whether it has the fix of {traps.FAULT}",
            ),
        ),
        files=tuple(
            File(path=path, reads=f"whether the older iptables has tables for {family}")
            for family, path in _LEGACY.items()
        ),
        processes=(traps.PROGRAM,),
        calls=(
            Call(
                name=sockets.NAME, run=sockets.sockets,
                reads="what listens, on which address, and which process has it open",
            ),
        ),
    ),
)  # fmt: skip
