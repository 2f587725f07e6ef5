"""The faults of the lab's domain in its MTA-STS record and policy."""

from __future__ import annotations

from seventh.protocols.mail.lab.domain import DOMAIN, DomainFault
from seventh.protocols.mail.lab.policy import POLICY, PolicySetup

_NAME = f"_mta-sts.{DOMAIN}"
_MOVED = "https://www.lab.test/.well-known/mta-sts.txt"


def _broken(name: str, meaning: str, policy: PolicySetup) -> DomainFault:
    return DomainFault(name=name, meaning=meaning, triggers=("MTASTS-BROKEN",), policy=policy)


FAULTS = (
    DomainFault(
        name="sts-none", meaning="has no MTA-STS record", triggers=("MTASTS-NONE",),
        records={_NAME: {"TXT": ()}},
    ),
    DomainFault(
        name="sts-testing", meaning="has an MTA-STS policy in testing mode",
        triggers=("MTASTS-TESTING",),
        policy=PolicySetup(text=POLICY.replace("enforce", "testing")),
    ),
    _broken("sts-redirect", "redirects the MTA-STS policy to another host",
            PolicySetup(status=301, location=_MOVED)),
    _broken("sts-certificate", "has no certificate for the policy's host",
            PolicySetup(names=("www.lab.test",))),
    _broken("sts-other-mx", "has an MTA-STS policy without the exchanger",
            PolicySetup(text=POLICY.replace("lab.test", "*.lab.test"))),
)  # fmt: skip
