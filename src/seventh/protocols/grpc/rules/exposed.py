"""Rules about services that show a server's inside: reflection, channelz, CSDS."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.rules import proxied
from seventh.protocols.grpc.rules.examples import ABSENT, GOOD, OK
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_NOT_ASKED = Skip("reflection was not called, or the connection ended")
_LOCAL = not_applicable("the server has a loopback address")
_CARRIED = Skip("through a proxy or jump host the address is not known")
_OWN = not_applicable("calls have a credential: what others may call is not known")


@rule(
    "GRPC-REFLECT-OPEN",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Reflection is public",
    evidence="{count} services are listed without a credential on a {reach} address",
    why="Reflection shows every method and message to anyone, also those that are internal.",
    fix={
        "grpcio": "# without reflection.enable_server_reflection(…) where clients are not trusted",
        "envoy": "# in the virtual host, before other routes\n"
        'match: {{ prefix: "/grpc.reflection." }}\n'
        "direct_response: {{ status: 404 }}",
        "nginx": "# in server {{}}\nlocation /grpc.reflection. {{\n    return 404;\n}}",
        "any": "Enable reflection only on an internal port, or require a credential for it.",
    },
    references=("GRPC Server Reflection Protocol",),
    seed=("12.6.2",),
    good=GOOD,
    bad=GOOD.learn(reflection_v1=OK, services=("shop.Cart",)),
)
def reflect_open(grpc: GrpcFacts) -> Verdict:
    """Report reflection for clients without a credential, beyond this machine."""
    answers = [a for a in (grpc.reflection_v1, grpc.reflection_v1alpha) if a is not None]
    if not answers:
        return _NOT_ASKED
    if not any(answer.ok for answer in answers):
        known = all(answer.of_server for answer in answers)
        return None if known else Skip("reflection was answered by a proxy")
    if grpc.authenticated:
        return _OWN
    if grpc.reach is None:
        return _CARRIED
    if grpc.reach == "loopback":
        return _LOCAL
    severity = None if grpc.reach == "public" else Severity.INFO
    return Hit(severity, count=len(grpc.services or ()), reach=grpc.reach)


@rule(
    "GRPC-REFLECT-ALPHA",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Only the old reflection service",
    evidence="grpc.reflection.v1 is UNIMPLEMENTED, grpc.reflection.v1alpha is not",
    why="Newer tools ask for v1 only, and find nothing.",
    fix={"any": "Update the gRPC library, or register the service v1 besides v1alpha."},
    references=("GRPC Server Reflection Protocol",),
    seed=("12.6.2",),
    good=GOOD,
    bad=GOOD.learn(reflection_v1=ABSENT, reflection_v1alpha=OK),
)
def reflect_alpha(grpc: GrpcFacts) -> Verdict:
    """Report v1alpha without v1."""
    if grpc.reflection_v1 is None:
        return _NOT_ASKED
    if not grpc.reflection_v1.absent:
        return None
    if grpc.reflection_v1alpha is None:
        return _NOT_ASKED
    return Hit() if grpc.reflection_v1alpha.ok else None


@rule(
    "GRPC-REFLECT-OFF",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="No reflection",
    evidence="reflection is UNIMPLEMENTED, v1 and v1alpha",
    why="Tools such as `seventh grpc call` need a descriptor file. That is intended on a public "
    "port.",
    fix={
        "grpcio": "from grpc_reflection.v1alpha import reflection\n"
        "reflection.enable_server_reflection(names, server)",
        "any": "Register the reflection service on an internal port.",
    },
    references=("GRPC Server Reflection Protocol",),
    seed=("12.6.2",),
    good=GOOD,
    bad=GOOD.learn(reflection_v1=ABSENT, reflection_v1alpha=ABSENT),
)
def reflect_off(grpc: GrpcFacts) -> Verdict:
    """Report a server without reflection."""
    if grpc.reflection_v1 is None:
        return _NOT_ASKED
    if not grpc.reflection_v1.absent:
        return None
    if grpc.reflection_v1alpha is None:
        return _NOT_ASKED
    return Hit() if grpc.reflection_v1alpha.absent else None


@rule(
    "GRPC-CHANNELZ",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Admin services are public",
    evidence="{what}",
    phrases={
        "what": {
            "services": "{services} answers without a credential on a {reach} address",
            "proxy": "the administration of {product} is open to other machines",
        }
    },
    why="channelz and CSDS show the addresses of clients and backends, and the configuration.",
    fix={
        "grpcio": "# a server of its own for channelz.add_channelz_servicer(…)\n"
        'admin.add_insecure_port("127.0.0.1:9000")',
        "any": "Serve the admin services on a port of their own that only operators reach.",
    },
    references=("GRPC proposal A14", "GRPC proposal A38"),
    seed=("12.6.2",),
    good=GOOD,
    bad=GOOD.learn(channelz=OK),
    directives={"envoy": ("admin",)},
)
def channelz(grpc: GrpcFacts) -> Verdict:
    """Report admin services for clients without a credential, beyond this machine."""
    if grpc.proxied is not None:
        return proxied.admin_open(grpc.proxied)
    asked = {"grpc.channelz.v1": grpc.channelz, "CSDS": grpc.csds}
    known = {name: answer for name, answer in asked.items() if answer is not None}
    if not known:
        return Skip("the admin services were not called, or the connection ended")
    found = tuple(name for name, answer in known.items() if answer.ok)
    if not found:
        settled = len(known) == len(asked) and all(a.of_server for a in known.values())
        return None if settled else Skip("not every admin service gave a status of its own")
    if grpc.authenticated:
        return _OWN
    if grpc.reach is None:
        return _CARRIED
    if grpc.reach == "loopback":
        return _LOCAL
    severity = None if grpc.reach == "public" else Severity.MEDIUM
    return Hit(severity, what="services", services=found, reach=grpc.reach)
