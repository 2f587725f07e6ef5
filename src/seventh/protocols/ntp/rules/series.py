"""The rule on a server's clock over time."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.series import Jump, OffsetSeries
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_LEAST_NS = 3600 * 10**9
_LEAST = 2


def _jumped(at_ns: int) -> Jump:
    return Jump(after_ns=at_ns - 1, at_ns=at_ns, seconds=-0.25, certain=True)


@rule(
    "NTP-VM-STEP",
    Severity.MEDIUM,
    tier=0,
    source=Source.SERIES,
    title="The offset jumps, as under a hypervisor",
    evidence="the server's clock jumped {times} times within a day, by up to {seconds:.3f} s; "
    "another server's clock did not",
    why="A virtual machine that is paused, migrated or short of CPU time loses time; its NTP "
    "client then steps the clock. Clients of such a server follow its jumps.",
    fix={
        "chrony": "# under KVM, after `modprobe ptp_kvm`: the clock of the host\n"
        "refclock PHC /dev/ptp0 poll 2",
        "any": "Use a paravirtual clock (kvm-clock, Hyper-V time synchronisation) or the host's "
        "PTP clock, or serve time from a physical machine.",
    },
    references=("RFC 8633",),
    seed=("12.4.4",),
    good=OffsetSeries(since_ns=0, last_ns=_LEAST_NS, jumps=(_jumped(5),)),
    bad=OffsetSeries(since_ns=0, last_ns=_LEAST_NS, jumps=(_jumped(5), _jumped(9))),
)
def vm_step(clock: OffsetSeries) -> Verdict:
    """Find jumps that are the server's and not ours."""
    if len(clock.certain) >= _LEAST:
        most = max(abs(each.seconds) for each in clock.certain)
        return Hit(times=len(clock.certain), seconds=most)
    if clock.since_ns is None or clock.last_ns - clock.since_ns < _LEAST_NS:
        return Skip("the offset has been measured for less than an hour")
    if len(clock.jumps) >= _LEAST:
        return Skip(
            "the offset jumps, and no other NTP server is watched that shows whose clock it is"
        )
    return None
