"""Mail domains: one against checkdmarc and swaks, many of a list, and a large DMARC report.

A local BIND has the zones. Each domain has two exchangers, SPF, DMARC, a DKIM key and TLSRPT. Those
of the list have private addresses, so that DNS alone is asked; that one's are an SMTP server.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.peers.named import Zone, named

from bench.measure import figure, in_turn, ratio, run_process, spread
from bench.peers import need, server, worker
from bench.table import Table

AT_ONCE = 50
THIRD = 1 / 3
REPORT_MIB = 64
"""How much more than for a small report."""
A_SECOND = 100
GROWTH_MIB = 50
_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


_CHECKDMARC = """
import sys
import dns.nameserver
import dns.resolver
# Its own option takes no port.
port = int(sys.argv[1])
dns.nameserver.Do53Nameserver.__init__.__defaults__ = (port,)
made = dns.resolver.BaseResolver.reset
def reset(self):
    made(self)
    self.port = port
dns.resolver.BaseResolver.reset = reset
from checkdmarc import check_domains
found = check_domains([sys.argv[2]], nameservers=["127.0.0.1"])
assert found["spf"]["valid"] and found["dmarc"]["valid"] and len(found["mx"]["hosts"]) == 2, found
"""
_READ = """
import re, sys
from seventh.cli.main import main
code = main(["read", sys.argv[1], "--output", "/dev/null", "--format", "json"])
print(code, re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
"""


def run(folder: Path, quick: bool) -> list[Table]:
    few, many = (100, 1000) if quick else (1000, 10_000)
    records = "".join(_domain(f"d{number}") for number in range(many))
    whole = _domain("whole").replace(" A 10.0.0.", " A 127.0.0.1 ; ")
    zones = {
        "test": Zone(records + whole), "10.in-addr.arpa": Zone(""),
        "127.in-addr.arpa": Zone("1.0.0 PTR mx1.whole.test."),
    }  # fmt: skip
    with named(zones) as dns, server("smtp") as smtp:
        tables = [_one(folder, quick, dns.address, smtp.port, smtp.line())]
        return [*tables, _list(dns.address, few, many), _report(folder, 5 if quick else 50)]


def _one(folder: Path, quick: bool, resolver: str, port: int, ca: str) -> Table:
    rounds = 3 if quick else 11
    domain = "whole.test"
    ours = [
        need("seventh"), "check", f"mail:{domain}", "--resolver", resolver, "--internal",
        "--mx-port", str(port), "--ca", ca, "--format", "json",
    ]  # fmt: skip
    records = [sys.executable, "-c", _CHECKDMARC, resolver.rpartition(":")[2], domain]
    session = [
        need("swaks"), "--server", f"127.0.0.1:{port}", "--tls", "--quit-after", "TLS", "--to",
        f"a@{domain}",
    ]  # fmt: skip
    seventh, others = in_turn(
        rounds,
        lambda: [run_process(ours, folder)],
        lambda: [run_process(each, folder) for each in (records, session, session)],
    )
    if any(each.code not in {0, 1, 2} or b"TLSv1" not in each.stdout for (each,) in seventh):
        raise RuntimeError(f"{' '.join(ours)}: no report of the exchangers")
    if any(each.code for ran in others for each in ran):
        raise RuntimeError("checkdmarc or swaks has failed")
    walls = [[sum(each.wall for each in ran) for ran in side] for side in (seventh, others)]
    table = Table(
        "A whole domain, from start to end",
        ("command", "wall, ms", "ratio", "goal"),
        notes=(f"Median of {rounds} runs in turn. Both exchangers are one SMTP server.",),
    )
    share = ratio(*walls)
    table.add(
        "seventh check mail:", figure(spread(walls[0]).median, 1e3), share.text(),
        table.hold("seventh check mail:", share.median, THIRD),
    )  # fmt: skip
    theirs = figure(spread(walls[1]).median, 1e3)
    table.add("checkdmarc, then swaks for each exchanger", theirs, "1", "—")
    return table


def _report(folder: Path, mebibytes: int) -> Table:
    row = (
        "<record><row><source_ip>192.0.2.%d</source_ip><count>1</count><policy_evaluated>"
        "<disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>"
        "<identifiers><header_from>a.test</header_from></identifiers><auth_results><dkim><domain>"
        "a.test</domain><result>pass</result></dkim></auth_results></record>\n"
    )
    head = (
        "<feedback><report_metadata><org_name>x</org_name><report_id>1</report_id><date_range>"
        "<begin>1</begin><end>2</end></date_range></report_metadata><policy_published><domain>"
        "a.test</domain><p>none</p></policy_published>\n"
    )
    peaks: list[int] = []
    for name, size in (("small", 1), ("large", mebibytes << 20)):
        path = folder / name
        with path.open("w") as file:
            file.write(head)
            file.writelines(row % (number % 250) for number in range(size // len(row) + 1))
            file.write("</feedback>")
        code, kib = run_process([sys.executable, "-c", _READ, str(path)], folder).stdout.split()
        assert code in {b"0", b"1"}, code
        peaks.append(int(kib) * 1024)
    grown = (peaks[1] - peaks[0]) / 2**20
    table = Table(
        f"A DMARC report of {mebibytes} MiB",
        ("peak RSS, MiB", "small report, MiB", "more, MiB", "goal"),
    )
    table.add(
        figure(peaks[1] / 2**20), figure(peaks[0] / 2**20), figure(grown),
        table.hold("MiB for a large report", grown, REPORT_MIB),
    )  # fmt: skip
    return table


def _domain(name: str) -> str:
    return (
        f"{name} MX 10 mx1.{name}\n{name} MX 20 mx2.{name}\n"
        f'{name} TXT "v=spf1 mx ip4:192.0.2.0/24 -all"\n'
        f"mx1.{name} A 10.0.0.1\nmx2.{name} A 10.0.0.2\n"
        f's1._domainkey.{name} TXT "v=DKIM1; k=ed25519; p={_KEY}"\n'
        f'_dmarc.{name} TXT "v=DMARC1; p=reject; rua=mailto:dmarc@{name}.test"\n'
        f'_smtp._tls.{name} TXT "v=TLSRPTv1; rua=mailto:tls@{name}.test"\n'
    )


def _list(resolver: str, few: int, many: int) -> Table:
    table = Table(
        f"Domains of a list, one process, {AT_ONCE} at once",
        ("domains", "CPU a domain, ms", "domains/s on one core", "goal", "peak RSS, MiB", "goal"),
    )
    base = 0
    for count in (few, many):
        with worker() as ours:
            got = ours.ask(
                do="many", parallel=AT_ONCE, urls=[f"mail:d{n}.test" for n in range(count)],
                options={"resolver": resolver, "timeout_seconds": 60},
            )  # fmt: skip
        assert got["reports"] == count
        rate = count / got["cpu"]
        grown = (got["peak"] - base) / 2**20
        base = base or got["peak"]
        table.add(
            f"{count:,}", figure(1000 / rate), figure(rate),
            table.hold("CPU a domain, ms", 1000 / rate, 1000 / A_SECOND),
            figure(got["peak"] / 2**20),
            table.hold("MiB more for ten times the domains", grown, GROWTH_MIB)
            if count == many else "—",
        )  # fmt: skip
    return table
