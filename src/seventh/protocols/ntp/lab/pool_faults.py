"""The faults of several NTP servers behind one name."""

from __future__ import annotations

from seventh.protocols.ntp.lab.setup import Setup, fault

_REFIDS = tuple(bytes((192, 0, 2, last)) for last in range(1, 5))
"""Of servers with the upstreams 192.0.2.1 to 192.0.2.4."""
GOOD_POOL = tuple(Setup(refid=refid) for refid in _REFIDS)
"""Four servers with nothing wrong."""
_GOOGLE = Setup(stratum=1, refid=b"GOOG", root_delay_seconds=0.0)


def _loopback(last: int) -> bytes:
    """Return the reference ID of a server whose upstream is the pool's own 127.0.0.``last``."""
    return bytes((127, 0, 0, last))


def _pool(*others: Setup) -> tuple[Setup, ...]:
    """Return four servers, the last of which are ``others``."""
    return (*GOOD_POOL[: 4 - len(others)], *others)


FAULTS = (
    fault("falseticker", "one of four servers behind the name is 37 seconds fast",
          "NTP-FALSETICKER", setup=_pool(Setup(refid=_REFIDS[3], shifts=(37.0,)))),
    fault("no-majority", "of four servers behind the name, two are one second fast",
          "NTP-FALSETICKER",
          setup=_pool(*(Setup(refid=refid, shifts=(1.0,)) for refid in _REFIDS[2:]))),
    fault("leap-disputed", "one of four servers behind the name announces a leap second",
          "NTP-LEAP", setup=_pool(Setup(refid=_REFIDS[3], leap=1))),
    fault("smear-mix", "two of four servers behind the name have the reference ID of Google's "
          "smearing servers", "NTP-SMEAR-MIX", setup=_pool(_GOOGLE, _GOOGLE)),
    fault("smear-upstream", "one of four servers behind the name has a smearing server of Google "
          "as upstream", "NTP-SMEAR-MIX", setup=_pool(Setup(refid=bytes((216, 239, 35, 4))))),
    fault("few-sources", "only two servers are behind the name", "NTP-FEW", setup=GOOD_POOL[:2]),
    fault("same-upstream", "two of four servers behind the name have the same upstream",
          "NTP-SAMEUP", setup=_pool(GOOD_POOL[2])),
    fault("chain", "one of four servers behind the name is the upstream of another",
          "NTP-SAMEUP", setup=_pool(Setup(stratum=3, refid=_loopback(3)))),
    fault("ring", "two of four servers behind the name synchronise to each other", "NTP-LOOP",
          setup=_pool(Setup(refid=_loopback(4)), Setup(refid=_loopback(3)))),
)  # fmt: skip
